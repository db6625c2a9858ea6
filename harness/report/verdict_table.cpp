#include "harness/report/verdict_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>
#include <set>

#include "harness/base/counted.h"
#include "harness/base/shared_text.h"
#include "harness/report/grid.h"
#include "harness/results/metric_text.h"
#include "harness/results/metrics.h"
#include "harness/results/run_set.h"
#include "harness/verdicts/links.h"

namespace pingperf {
namespace {

// Returns a ratio as "0.97", or a difference in the metric's unit as "+1.50%".
std::string effect_text(const Verdict& v) {
  if (v.is_difference && v.value)
    return fmt::format("{}{}", *v.value < 0 ? "" : "+", human_metric(v.metric, *v.value));
  const auto ratio = ratio_of(v);
  return ratio ? fmt::format("{:.2f}", *ratio) : "-";
}

std::string effect_interval_text(const Verdict& v) {
  if (!v.ci_low || !std::isfinite(*v.ci_high) || (!v.is_difference && !ratio_of(v))) return "-";
  if (v.is_difference)
    return fmt::format("{}..{}", human_metric(v.metric, *v.ci_low),
                       human_metric(v.metric, *v.ci_high));
  return fmt::format("{:.2f}..{:.2f}", *v.ci_low, *v.ci_high);
}

std::string percent(double share) {
  return share < 0.1 ? fmt::format("{:.1f}%", 100 * share) : fmt::format("{:.0f}%", 100 * share);
}

// Returns text about the changes that these trials could have found, and about how many more trials
// or runs would decide the inconclusive rows.
std::string power_text(const std::vector<Verdict>& rows, std::string_view trials) {
  double largest = 0, smallest = std::numeric_limits<double>::infinity();
  std::size_t more = 0, more_runs = 0, without = 0, noisy = 0;
  for (const Verdict& row : rows) {
    largest = std::max(largest, row.detectable_ratio.value_or(0));
    smallest = std::min(smallest, row.detectable_ratio.value_or(smallest));
    more = std::max(more, row.more_repetitions.value_or(0));
    more_runs = std::max(more_runs, row.more_runs.value_or(0));
    noisy += is_too_noisy(row);
    without += row.shift && !row.detectable_ratio && !row.is_difference && row.shift->stddev > 0 &&
               row.trust == Trust::full;
  }
  std::string text;
  if (largest > 1 && smallest < largest)
    text += fmt::format("Minimum detectable change at 95% power: {} (best row), {} (worst row).\n",
                        percent(smallest - 1), percent(largest - 1));
  else if (largest > 1)
    text += fmt::format("Minimum detectable change at 95% power: {}.\n", percent(largest - 1));
  if (more > 0)
    text += fmt::format("About {} would decide what is inconclusive.\n",
                        counted(more, "more repetition"));
  if (more_runs > 0)
    text += fmt::format("About {} on each side would decide what is inconclusive.\n",
                        counted(more_runs, "more run"));
  if (noisy > 0)
    text += fmt::format("Too noisy for this threshold: {} of {}.\n", noisy,
                        counted(rows.size(), "row"));
  if (without > 0)
    text += fmt::format("Too few {} for a verdict in {} of {}.\n", trials, without,
                        counted(rows.size(), "row"));
  return text;
}

// The comparisons of one table.
struct BaselineGroup {
  std::string baseline;  // its name, or the part in which each case differs from its own baseline
  bool is_one = true;    // case for all rows
  std::vector<const Verdict*> rows;
};

// Returns the part of the baseline's name in which it differs from the case: "engine=iperf3".
// Returns "" unless that is the value of one axis.
std::string differing_part(const Verdict& row) {
  const Case baseline = case_named(row.baseline), compared = case_named(row.case_name);
  if (baseline.workload != compared.workload || baseline.axes.size() != compared.axes.size())
    return "";
  std::string part;
  for (std::size_t i = 0; i < baseline.axes.size(); ++i) {
    if (baseline.axes[i] == compared.axes[i]) continue;
    if (!part.empty() || baseline.axes[i].first != compared.axes[i].first) return "";
    part = baseline.axes[i].first + "=" + baseline.axes[i].second;
  }
  return part;
}

// Returns the rows by baseline. Rows of a metric that differ from several baselines in the same
// value of one axis are one group.
std::vector<BaselineGroup> baseline_groups(const std::vector<Verdict>& rows) {
  std::map<std::pair<std::string, std::string>, std::set<std::string>> baselines;
  for (const Verdict& row : rows) baselines[{differing_part(row), row.metric}].insert(row.baseline);
  std::vector<BaselineGroup> groups;
  std::map<std::string, std::size_t> places;
  for (const Verdict& row : rows) {
    const std::string part = differing_part(row);
    const bool is_one = part.empty() || baselines[{part, row.metric}].size() == 1;
    const std::string& baseline = is_one ? row.baseline : part;
    const auto [place, is_new] = places.emplace(baseline, groups.size());
    if (is_new) groups.push_back({baseline, is_one, {}});
    groups[place->second].rows.push_back(&row);
  }
  return groups;
}

Cell decision_cell(const Verdict& v) {
  const auto tone = [&] {
    switch (v.decision) {
      case Decision::faster:
      case Decision::passed:
        return TextStyle::ok;
      case Decision::slower:
      case Decision::failed:
        return TextStyle::error;
      case Decision::inconclusive:
      case Decision::undecided:
        return TextStyle::warning;
      default:
        return TextStyle::plain;
    }
  };
  return {std::string(name(v.decision)), tone()};
}

// Returns the counters that changed with a verdict, or "".
std::string explanation_of(const Verdict& v) {
  if (v.counters.empty()) return "";
  return "changed with it: " + counters_text(v.counters, v.counters.size());
}

void add_explanation(TextTable& table, const Verdict& v) {
  if (const std::string text = explanation_of(v); !text.empty()) table.add_note(text);
}

// Returns a list for Markdown, whose tables have no room for it.
std::string explanations_markdown(const std::vector<Verdict>& rows) {
  std::string text;
  for (const Verdict& row : rows)
    if (!row.counters.empty())
      text += fmt::format("- {} {}: {}\n", row.case_name, row.metric, explanation_of(row));
  return text.empty() ? text : text + "\n";
}

TextTable table_to(const BaselineGroup& group) {
  TextTable table({"to " + group.baseline, "metric", "ratio", "95% interval", "pairs", "verdict"},
                  2);
  for (const Verdict* const row : group.rows) {
    table.add({row->case_name, row->metric, effect_text(*row), effect_interval_text(*row),
               std::to_string(row->n), decision_cell(*row)});
    add_explanation(table, *row);
  }
  return table;
}

// Returns the ratios of a group as grids, metric by metric, if its cases are a sweep of two axes.
std::vector<Grid> grids_to(const BaselineGroup& group) {
  if (group.is_one) return {};
  std::map<std::string, std::pair<std::vector<Case>, CaseTexts>> metrics;
  for (const Verdict* const row : group.rows) {
    auto& [cases, texts] = metrics[row->metric];
    cases.push_back(case_named(row->case_name));
    texts[row->case_name] = fmt::format("{} {}", effect_text(*row), name(row->decision));
  }
  std::vector<Grid> grids;
  for (const auto& [metric, own] : metrics)
    std::ranges::move(grids_of_texts(own.first, own.second,
                                     fmt::format("{} to {}", title_of(metric), group.baseline)),
                      std::back_inserter(grids));
  return grids;
}

std::string warnings_to(const BaselineGroup& group) {
  SubjectTexts texts;
  for (const Verdict* const row : group.rows)
    for (const std::string& warning : {row->note, row->warning})
      if (!warning.empty()) texts.emplace_back(row->case_name, warning);
  return shared_lines(shared_texts(texts), group.rows.size(), "rows", texts.size());
}

// Returns the value of a side: as measured, or divided by the reference.
std::string side_text(const Verdict& v, const std::optional<double>& measured,
                      const std::optional<double>& relative) {
  const bool is_ratio = !v.baseline.empty() && v.baseline != v.case_name && !v.is_difference;
  return is_ratio ? fmt::format("{:.4g}", *relative) : human_metric(v.metric, *measured);
}

// Returns the numbers of trials: "10, 12", or "50 in 5, 10 in 1" for several runs.
std::string trials_text(const Verdict& v) {
  if (v.base_runs + v.runs <= 2) return fmt::format("{}, {}", v.base_n, v.n);
  return fmt::format("{} in {}, {} in {}", v.base_n, v.base_runs, v.n, v.runs);
}

TextTable shift_table(const RunComparison& comparison) {
  TextTable table(
      {"case", "metric", "base", "new", "new/base", "95% interval", "trials", "verdict"}, 2);
  for (const auto* rows : {&comparison.rows, &comparison.references})
    for (const Verdict& row : *rows) {
      table.add({row.case_name, row.metric, side_text(row, row.base_median, row.base_relative),
                 side_text(row, row.new_median, row.new_relative), effect_text(row),
                 effect_interval_text(row), trials_text(row), decision_cell(row)});
      add_explanation(table, row);
    }
  return table;
}

// Returns the lines above the table of two sets of runs.
std::vector<std::string> heading_lines(const RunComparison& comparison) {
  std::vector<std::string> lines;
  const auto add = [&](std::string_view what, const std::vector<std::string>& names) {
    for (const std::string& name : names) lines.push_back(fmt::format("{}: {}", what, name));
  };
  add("differs", comparison.differences);
  add("only in the base", comparison.only_base);
  add("only in the new run", comparison.only_new);
  add("no trial of the new run has", comparison.unmeasured);
  add("more failures", comparison.failing);
  add("left out, since nothing is there to relate it to", comparison.unreferenced);
  return lines;
}

std::string shift_warnings(const RunComparison& comparison) {
  std::string text;
  std::vector<std::string> references;
  SubjectTexts warnings;
  for (const Verdict& row : comparison.rows)
    if (!row.warning.empty()) warnings.emplace_back(row.case_name, row.warning);
  text += shared_lines(shared_texts(warnings), comparison.rows.size(), "rows", warnings.size());
  for (const Verdict& row : comparison.references)
    if (std::find(references.begin(), references.end(), row.case_name) == references.end())
      references.push_back(row.case_name);
  if (comparison.session_sd)
    text += fmt::format(
        "One run on each side: the intervals allow for sessions that differ by {} "
        "(--session-sd).\n",
        percent(*comparison.session_sd));
  if (!references.empty())
    text += fmt::format(
        "The columns base and new have medians of ratios: each trial is divided by the trial of "
        "{0} in its block. The row of {0} is as measured.\n",
        fmt::join(references, ", "));
  return text + power_text(comparison.rows, "trials");
}

TextTable gate_table(const std::vector<Verdict>& rows) {
  TextTable table({"gate", "metric", "figure", "interval", "bound", "verdict"}, 2);
  for (const Verdict& row : rows)
    table.add({row.case_name, row.metric, value_text(row), interval_text(row), bound_text(row),
               decision_cell(row)});
  return table;
}

// Returns the text below the table of gates: the baseline of each ratio, and the reasons why gates
// are not decided.
std::string gate_warnings(const std::vector<Verdict>& rows) {
  std::string text;
  for (const Verdict& row : rows) {
    if (!row.baseline.empty())
      text += fmt::format("{} {}: the figure is its ratio to {}\n", row.case_name, row.metric,
                          row.baseline);
    if (!row.warning.empty())
      text += fmt::format("{} {}: {}\n", row.case_name, row.metric, row.warning);
  }
  return text.empty() ? text : "\n" + text;
}

}  // namespace

std::string comparisons_table(const std::vector<Verdict>& rows, const Style& style) {
  std::string text;
  for (const BaselineGroup& group : baseline_groups(rows)) {
    text += grids_text(grids_to(group), style);
    text += table_to(group).to_string(style) + "\n";
    if (const std::string warnings = warnings_to(group); !warnings.empty())
      text += wrap(warnings, style.width) + "\n";
  }
  const std::string power = wrap(power_text(rows, "pairs"), style.width);
  if (power.empty() && text.ends_with("\n\n")) text.pop_back();
  return text + power;
}

std::string comparisons_markdown(const std::vector<Verdict>& rows) {
  std::string text;
  for (const BaselineGroup& group : baseline_groups(rows)) {
    text += grids_markdown(grids_to(group));
    text += table_to(group).to_markdown() + "\n";
    if (const std::string warnings = warnings_to(group); !warnings.empty()) text += warnings + "\n";
  }
  return text + explanations_markdown(rows) + power_text(rows, "pairs");
}

std::string run_comparison_table(const RunComparison& comparison, const Style& style) {
  std::string text;
  for (const std::string& line : heading_lines(comparison)) text += wrap(line, style.width) + "\n";
  for (const std::string& line : changed_links(comparison.rows))
    text += wrap(line, style.width) + "\n";
  if (!text.empty()) text += "\n";
  if (comparison.rows.empty()) return text + "The runs have nothing in common to compare.\n";
  return text + shift_table(comparison).to_string(style) + "\n" +
         wrap(shift_warnings(comparison), style.width);
}

std::string run_comparison_markdown(const RunComparison& comparison) {
  std::string text = "### pingperf: new against base\n\n";
  for (const std::string& line : changed_links(comparison.rows)) text += line + "\n\n";
  if (comparison.rows.empty())
    text += "The runs have nothing in common to compare.\n";
  else
    text += shift_table(comparison).to_markdown() + "\n" + explanations_markdown(comparison.rows) +
            shift_warnings(comparison);
  const std::vector<std::string> lines = heading_lines(comparison);
  if (lines.empty()) return text;
  text += fmt::format("\n<details><summary>{} between the runs</summary>\n\n",
                      counted(lines.size(), "difference"));
  for (const std::string& line : lines) text += "- " + line + "\n";
  return text + "\n</details>\n";
}

std::string gates_table(const std::vector<Verdict>& rows, const Style& style) {
  return gate_table(rows).to_string(style) + wrap(gate_warnings(rows), style.width);
}

std::string gates_markdown(const std::vector<Verdict>& rows) {
  return gate_table(rows).to_markdown() + gate_warnings(rows);
}

}  // namespace pingperf
