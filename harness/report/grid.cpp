#include "harness/report/grid.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

#include "harness/base/statistics.h"
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

// Returns the grid of the texts of the cases.
std::optional<Grid> grid_of(const std::vector<const Case*>& cases, const CaseTexts& of_case,
                            const std::string& subject) {
  std::vector<Axis> axes = varying_axes(cases);
  if (axes.size() != 2) return std::nullopt;
  const auto is_across = [&](const Axis& a, const Axis& b) {
    return a.values.size() != b.values.size() ? a.values.size() < b.values.size()
                                              : a.name == "engine";
  };
  if (is_across(axes[0], axes[1])) std::swap(axes[0], axes[1]);
  const auto& [down, across] = std::tie(axes[0], axes[1]);
  const std::size_t cells = across.values.size() * down.values.size();
  if (across.values.size() > kMaxAcross || 2 * cases.size() < cells) return std::nullopt;
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

}  // namespace

std::vector<Grid> grids_of_texts(const std::vector<Case>& cases, const CaseTexts& texts,
                                 const std::string& subject) {
  std::vector<std::vector<const Case*>> workloads;  // in the order of their first case
  for (const Case& c : cases) {
    const auto of_workload = [&](const auto& own) { return own.front()->workload == c.workload; };
    const auto found = std::ranges::find_if(workloads, of_workload);
    (found == workloads.end() ? workloads.emplace_back() : *found).push_back(&c);
  }
  std::vector<Grid> grids;
  for (const auto& own : workloads)
    if (auto grid = grid_of(own, texts, subject)) grids.push_back(std::move(*grid));
  return grids;
}

std::vector<Grid> result_grids(const TrialTable& trials, const std::vector<Case>& cases,
                               std::string_view metric) {
  std::vector<Case> measured;
  CaseTexts texts;
  for (const Case& c : cases) {
    if (trials.rows_of(c.name).empty() || trials.is_searched(c.name)) continue;
    measured.push_back(c);
    if (const std::vector<double> values = values_of(trials, c.name, metric); !values.empty())
      texts[c.name] = human_metric(metric, median(values));
  }
  return grids_of_texts(measured, texts, title_of(metric));
}

}  // namespace pingperf
