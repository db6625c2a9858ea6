#include "harness/report/grid.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <optional>

#include "harness/base/statistics.h"
#include "harness/results/metric_text.h"
#include "harness/results/metrics.h"

namespace pingperf {
namespace {

constexpr std::size_t kMaxAcross = 12;

struct Axis {
  std::string name;
  std::vector<std::string> values;  // in the order of the cases
};

// Returns the axes on which the cases differ.
std::vector<Axis> varying_axes(const std::vector<const Case*>& cases) {
  std::vector<Axis> axes;
  for (const Case* const c : cases)
    for (const auto& [name, value] : c->axes) {
      auto axis = std::ranges::find(axes, name, &Axis::name);
      if (axis == axes.end()) axis = axes.insert(axes.end(), {name, {}});
      if (std::ranges::find(axis->values, value) == axis->values.end())
        axis->values.push_back(value);
    }
  std::erase_if(axes, [](const Axis& axis) { return axis.values.size() < 2; });
  return axes;
}

std::string value_on(const Case& c, const Axis& axis) {
  const auto found =
      std::ranges::find(c.axes, axis.name, &std::pair<std::string, std::string>::first);
  return found == c.axes.end() ? "" : found->second;
}

struct DownAndAcross {
  Axis down, across;
};

// Returns the axes of the grid of these cases. Returns nothing if they have none.
std::optional<DownAndAcross> grid_axes_of(const std::vector<const Case*>& cases) {
  std::vector<Axis> axes = varying_axes(cases);
  if (axes.size() != 2) return std::nullopt;
  const auto is_across = [&](const Axis& a, const Axis& b) {
    return a.values.size() != b.values.size() ? a.values.size() < b.values.size()
                                              : a.name == "engine";
  };
  if (is_across(axes[0], axes[1])) std::swap(axes[0], axes[1]);
  const std::size_t across = axes[1].values.size(), cells = across * axes[0].values.size();
  if (across > kMaxAcross || 2 * cases.size() < cells) return std::nullopt;
  return DownAndAcross{std::move(axes[0]), std::move(axes[1])};
}

// Returns the grid of the texts of the cases.
std::optional<Grid> grid_of(const std::vector<const Case*>& cases, const CaseTexts& of_case,
                            const std::string& subject) {
  const std::optional<DownAndAcross> axes = grid_axes_of(cases);
  if (!axes) return std::nullopt;
  const auto& [down, across] = *axes;
  std::map<std::pair<std::string, std::string>, std::string> texts;
  for (const Case* const c : cases)
    if (const auto text = of_case.find(c->name); text != of_case.end())
      texts[{value_on(*c, down), value_on(*c, across)}] = text->second;
  if (texts.empty()) return std::nullopt;
  std::vector<std::string> header{down.name};
  for (const std::string& value : across.values) header.push_back(value);
  TextTable table(header);
  for (const std::string& row : down.values) {
    std::vector<Cell> line{row};
    for (const std::string& column : across.values) {
      const auto text = texts.find({row, column});
      line.emplace_back(text == texts.end() ? "-" : text->second);
    }
    table.add(std::move(line));
  }
  return Grid{
      fmt::format("{}: {} by {} and {}", cases.front()->workload, subject, down.name, across.name),
      std::move(table)};
}

// Returns the cases of each workload, in the order of their first case.
std::vector<std::vector<const Case*>> cases_by_workload(const std::vector<Case>& cases) {
  std::vector<std::vector<const Case*>> workloads;
  for (const Case& c : cases) {
    const auto of_workload = [&](const auto& own) { return own.front()->workload == c.workload; };
    const auto found = std::ranges::find_if(workloads, of_workload);
    (found == workloads.end() ? workloads.emplace_back() : *found).push_back(&c);
  }
  return workloads;
}

std::vector<Case> measured_cases(const TrialTable& trials, const std::vector<Case>& cases) {
  std::vector<Case> measured;
  for (const Case& c : cases)
    if (!trials.rows_of(c.name).empty() && !trials.is_searched(c.name)) measured.push_back(c);
  return measured;
}

}  // namespace

std::vector<Grid> grids_of_texts(const std::vector<Case>& cases, const CaseTexts& texts,
                                 const std::string& subject) {
  std::vector<Grid> grids;
  for (const auto& own : cases_by_workload(cases))
    if (auto grid = grid_of(own, texts, subject)) grids.push_back(std::move(*grid));
  return grids;
}

std::vector<Grid> result_grids(const TrialTable& trials, const std::vector<Case>& cases,
                               std::string_view metric) {
  const std::vector<Case> measured = measured_cases(trials, cases);
  CaseTexts texts;
  for (const Case& c : measured)
    if (const std::vector<double> values = values_of(trials, c.name, metric); !values.empty())
      texts[c.name] = human_metric(metric, median(values));
  return grids_of_texts(measured, texts, title_of(metric));
}

std::vector<GridAxes> result_grid_axes(const TrialTable& trials, const std::vector<Case>& cases) {
  const std::vector<Case> measured = measured_cases(trials, cases);
  std::vector<GridAxes> grids;
  for (const auto& own : cases_by_workload(measured))
    if (const auto axes = grid_axes_of(own))
      grids.push_back({own.front()->workload, axes->down.name, axes->across.name});
  return grids;
}

std::string grids_text(const std::vector<Grid>& grids, const Style& style) {
  std::string text;
  for (const auto& [title, grid] : grids)
    text += styled(wrap(title, style.width), TextStyle::heading, style) + "\n" +
            grid.to_string(style) + "\n";
  return text;
}

std::string grids_markdown(const std::vector<Grid>& grids) {
  std::string text;
  for (const auto& [title, grid] : grids) text += title + "\n\n" + grid.to_markdown() + "\n";
  return text;
}

}  // namespace pingperf
