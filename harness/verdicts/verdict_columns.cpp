#include "harness/verdicts/verdict_columns.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>

#include "harness/base/column_table.h"
#include "harness/results/columns.h"

namespace pingperf {
namespace {

using Value = nlohmann::ordered_json;

constexpr unsigned kComparisons = static_cast<unsigned>(VerdictList::comparisons);
constexpr unsigned kRuns = static_cast<unsigned>(VerdictList::runs);
constexpr unsigned kGates = static_cast<unsigned>(VerdictList::gates);
constexpr unsigned kRatios = kComparisons | kRuns;
constexpr unsigned kAll = kRatios | kGates;

struct VerdictColumn {
  std::string_view name;
  unsigned lists;  // the lists that have the column, as bits
  std::string_view doc;
  Value (*value)(const Verdict&);  // null: an empty cell
};

template <typename T>
Value optional_value(const std::optional<T>& value) {
  return value ? Value(*value) : Value(nullptr);
}

// Returns an end of the interval. An infinite end, which comes from a value of 0, is an empty cell.
Value finite_value(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? Value(*value) : Value(nullptr);
}

Value text_or_null(const std::string& text) {
  return text.empty() ? Value(nullptr) : Value(text);
}

using V = const Verdict&;

constexpr VerdictColumn kColumns[] = {
    {"metric", kAll, "a metric of trials.csv", [](V v) -> Value { return v.metric; }},
    {"case", kAll, "the case that is judged", [](V v) -> Value { return v.case_name; }},
    {"baseline", kComparisons, "the case that it is compared with",
     [](V v) -> Value { return v.baseline; }},
    {"reference", kRuns, "the case that each trial was divided by (--relative-to); empty: none",
     [](V v) { return text_or_null(v.baseline); }},
    {"against", kGates, "the case or the stored run that the bound is relative to; empty: none",
     [](V v) { return text_or_null(v.baseline); }},
    {"n", kComparisons | kGates, "pairs: trials of both in one block, both with a value above 0",
     [](V v) -> Value { return v.n; }},
    {"excluded", kComparisons, "blocks left out, because one of the two trials has no value",
     [](V v) -> Value { return v.excluded; }},
    {"base_n", kRuns, "trials of the base with a value", [](V v) -> Value { return v.base_n; }},
    {"new_n", kRuns, "trials of the new run with a value", [](V v) -> Value { return v.n; }},
    {"base_median", kRuns, "median of the base's trials as measured, in the metric's unit",
     [](V v) { return optional_value(v.base_median); }},
    {"new_median", kRuns, "median of the new run's trials as measured, in the metric's unit",
     [](V v) { return optional_value(v.new_median); }},
    {"ratio", kRatios,
     "case / baseline, or new / base: Hodges–Lehmann estimate of the shift of the logarithms; of "
     "several runs, the shift of the means of the run medians; empty if a median is 0",
     [](V v) { return optional_value(ratio_of(v)); }},
    {"figure", kGates, "the ratio, or the median of an absolute bound",
     [](V v) { return optional_value(v.value); }},
    {"ci_low", kAll,
     "95 % interval of the ratio or the difference, by inverting the Wilcoxon signed-rank test of "
     "pairs or the Mann–Whitney test of two runs (both exact to 50 values, then normal), or by "
     "Student's t of run medians; empty for too few trials. Wider if the run could stop at several "
     "looks (docs/statistics.md)",
     [](V v) { return finite_value(v.ci_low); }},
    {"ci_high", kAll, "its upper end", [](V v) { return finite_value(v.ci_high); }},
    {"p_value", kRatios,
     "two-sided p of no change, by the test of the interval; scaled so that 0.05 is the limit also "
     "if the run could stop at several looks",
     [](V v) { return optional_value(v.p_value); }},
    {"q_value", kRatios,
     "Benjamini–Hochberg, over the rows that can have a verdict: those of an entry of compare:, or "
     "all rows across runs",
     [](V v) { return optional_value(v.q_value); }},
    {"at_least", kGates, "the lower bound; empty: none",
     [](V v) { return optional_value(v.bound->at_least); }},
    {"at_most", kGates, "the upper bound; empty: none",
     [](V v) { return optional_value(v.bound->at_most); }},
    {"verdict", kRatios,
     "faster or slower (higher or lower for a metric without a better direction): the interval "
     "excludes "
     "no change, the ratio is beyond the threshold (5 %) and q is at most 0.05; same: the 90 % "
     "interval is within the threshold; inconclusive: all other rows",
     [](V v) -> Value { return name(v.decision); }},
    {"state", kGates, "passed, failed or undecided", [](V v) -> Value { return name(v.decision); }},
    {"detectable_ratio", kRatios,
     "minimum detectable effect: the ratio that this number of trials or runs, with this spread, "
     "finds with 95 % power in this family; empty if none can be found",
     [](V v) { return optional_value(v.detectable_ratio); }},
    {"more_repetitions", kRatios,
     "number of additional repetitions in each run that would decide an inconclusive row "
     "(estimate); empty above 2000",
     [](V v) { return optional_value(v.more_repetitions); }},
    {"remark", kRatios,
     "a warning that limits the verdict: a case is bimodal, CPU time was stolen in more than a "
     "third of its trials, or more than a tenth of the trials have no value or no pair; across "
     "runs "
     "also another CPU load on each side, too few trials or runs, or different parameters",
     [](V v) -> Value { return v.warning; }},
    {"note", kComparisons, "another difference of the two cases: how often the payload is copied",
     [](V v) -> Value { return v.note; }},
    {"difference", kRatios,
     "case - baseline, or new - base, in the metric's unit: Hodges–Lehmann estimate of the shift, "
     "for metrics that are often 0 (lost, retransmits, loss_ratio …); empty for ratios",
     [](V v) { return v.is_difference ? optional_value(v.value) : Value(nullptr); }},
    {"base_runs", kRuns, "runs of the base with a value", [](V v) -> Value { return v.base_runs; }},
    {"new_runs", kRuns, "new runs with a value", [](V v) -> Value { return v.runs; }},
    {"more_runs", kRuns,
     "number of additional runs on each side that would decide an inconclusive row of several runs "
     "(estimate); empty above 100",
     [](V v) { return optional_value(v.more_runs); }},
    {"explanation", kRatios,
     "counters of the kernel that changed with it, by at least 5 % and with q at most 0.05 over "
     "all "
     "counters of this row (docs/statistics.md); across runs only with --explain; empty: none, or "
     "no counters.csv",
     [](V v) -> Value { return counters_text(v.counters, v.counters.size()); }},
};

std::vector<VerdictColumn> columns_of(VerdictList list) {
  std::vector<VerdictColumn> columns;
  std::copy_if(
      std::begin(kColumns), std::end(kColumns), std::back_inserter(columns),
      [&](const VerdictColumn& c) { return (c.lists & static_cast<unsigned>(list)) != 0; });
  return columns;
}

struct LeadingColumn {
  std::string_view name, doc;
};

// Returns the columns before those of the verdict: the same in each row.
std::vector<LeadingColumn> leading_columns(VerdictList list) {
  std::vector<LeadingColumn> columns{{"schema_version", "version of these columns"}};
  if (list == VerdictList::comparisons) columns.push_back({"run", "name of the run's directory"});
  return columns;
}

std::string cell_text(const Value& value) {
  if (value.is_null()) return "";
  if (value.is_number_float()) return number_text(value.get<double>());
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace

std::string verdicts_csv(VerdictList list, const std::vector<Verdict>& verdicts,
                         const std::string& run) {
  const std::vector<VerdictColumn> columns = columns_of(list);
  std::vector<std::string> cells;
  for (const LeadingColumn& column : leading_columns(list)) cells.emplace_back(column.name);
  for (const VerdictColumn& column : columns) cells.emplace_back(column.name);
  std::string text = csv_row(cells);
  for (const Verdict& verdict : verdicts) {
    cells = {std::to_string(kSchemaVersion)};
    if (list == VerdictList::comparisons) cells.push_back(run);
    for (const VerdictColumn& column : columns) cells.push_back(cell_text(column.value(verdict)));
    text += csv_row(cells);
  }
  return text;
}

nlohmann::ordered_json verdicts_json(VerdictList list, const std::vector<Verdict>& verdicts) {
  const std::vector<VerdictColumn> columns = columns_of(list);
  auto rows = Value::array();
  for (const Verdict& verdict : verdicts) {
    Value& row = rows.emplace_back(Value::object());
    for (const VerdictColumn& column : columns)
      row[std::string(column.name)] = column.value(verdict);
    if (list != VerdictList::gates) row["counters"] = counters_json(verdict.counters);
  }
  return rows;
}

std::string verdict_columns_markdown(VerdictList list) {
  std::vector<LeadingColumn> columns = leading_columns(list);
  for (const VerdictColumn& column : columns_of(list)) columns.push_back({column.name, column.doc});
  return columns_markdown(columns);
}

}  // namespace pingperf
