#include "harness/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "harness/columns.h"
#include "harness/statistics.h"

namespace pingperf {
namespace {

const std::string* value_of(const Case& c, const std::string& axis) {
  for (const auto& [key, value] : c.axes)
    if (key == axis) return &value;
  return nullptr;
}

// True when the two have the same value on every axis that both have.
bool agree(const Case& a, const Case& b) {
  return std::all_of(a.axes.begin(), a.axes.end(), [&](const auto& axis) {
    const std::string* const other = value_of(b, axis.first);
    return other == nullptr || *other == axis.second;
  });
}

// What two cases of one workload must share to be compared along `axis`: all their other values.
std::string rest_of(const Case& c, const std::string& axis) {
  std::vector<std::string> values;
  for (const auto& [key, value] : c.axes)
    if (key != axis) values.push_back(key + "=" + value);
  std::sort(values.begin(), values.end());
  return fmt::format("{}/{}", c.workload, fmt::join(values, "/"));
}

std::vector<CasePair> pairs_along_axis(const Compare& compare, const std::vector<Case>& cases) {
  std::map<std::string, const Case*> baselines;
  for (const Case& c : cases)
    if (const std::string* const value = value_of(c, compare.axis);
        value && *value == compare.baseline)
      baselines[rest_of(c, compare.axis)] = &c;
  std::vector<CasePair> pairs;
  for (const Case& c : cases) {
    const std::string* const value = value_of(c, compare.axis);
    if (!value || *value == compare.baseline) continue;
    if (compare.workload && c.workload != *compare.workload) continue;
    const auto found = baselines.find(rest_of(c, compare.axis));
    if (found != baselines.end()) pairs.push_back({&c, found->second});
  }
  return pairs;
}

bool is_pair_of_workloads(const Compare& compare, const Case& candidate, const Case& baseline) {
  return &candidate != &baseline && candidate.workload == compare.workload &&
         baseline.workload == compare.baseline && agree(candidate, baseline);
}

// The estimator of a ratio from pairs.
double ratio_of(const std::vector<double>& ratios) {
  return median(ratios);
}

ComparisonRow compare_pair(const std::string& metric, const CasePair& pair,
                           const TrialTable& trials) {
  ComparisonRow row{metric, pair.candidate->name, pair.baseline->name};
  const auto candidate = trials.values(row.case_name, metric);
  const auto baseline = trials.values(row.baseline, metric);
  std::set<std::uint64_t> blocks;
  for (const std::string& name : {row.case_name, row.baseline})
    for (std::size_t i : trials.rows_of(name))
      if (const auto block = trials.number(trials.rows()[i], "block"))
        blocks.insert(static_cast<std::uint64_t>(*block));
  std::vector<double> ratios;
  for (const auto& [block, value] : candidate)
    if (const auto other = baseline.find(block); other != baseline.end() && other->second != 0)
      ratios.push_back(value / other->second);
  row.n = ratios.size();
  row.excluded = blocks.size() - ratios.size();
  if (!ratios.empty()) row.ratio = ratio_of(ratios);
  return row;
}

struct ComparisonColumn {
  std::string_view name;
  std::string_view doc;
  std::string (*text)(const ComparisonRow&, const std::string& run);
};

using R = const ComparisonRow&;
using Run = const std::string&;
std::string empty(R, Run) {
  return "";
}

constexpr ComparisonColumn kColumns[] = {
    {"schema_version", "version of these columns",
     [](R, Run) { return std::to_string(kSchemaVersion); }},
    {"run", "name of the run's directory", [](R, Run run) { return run; }},
    {"metric", "a metric of trials.csv", [](R r, Run) { return r.metric; }},
    {"case", "the case that is compared", [](R r, Run) { return r.case_name; }},
    {"baseline", "the case that it is compared with", [](R r, Run) { return r.baseline; }},
    {"n", "pairs: trials of both in one block, both with a value",
     [](R r, Run) { return std::to_string(r.n); }},
    {"excluded", "blocks left out, since a trial of one failed or has no value",
     [](R r, Run) { return std::to_string(r.excluded); }},
    {"ratio", "case / baseline: the median of the pairs' ratios",
     [](R r, Run) { return number_text(r.ratio); }},
    {"ci_low", "interval of the ratio; not computed in this version", empty},
    {"ci_high", "its upper end; not computed in this version", empty},
    {"p_value", "not computed in this version", empty},
    {"q_value", "not computed in this version", empty},
    {"verdict", "not computed in this version", empty},
};

}  // namespace

std::vector<CasePair> pairs_of(const Compare& compare, const std::vector<Case>& cases) {
  if (!compare.axis.empty()) return pairs_along_axis(compare, cases);
  std::vector<CasePair> pairs;
  for (const Case& candidate : cases)
    for (const Case& baseline : cases)
      if (is_pair_of_workloads(compare, candidate, baseline))
        pairs.push_back({&candidate, &baseline});
  return pairs;
}

std::vector<ComparisonRow> compare_cases(const Experiment& experiment, const TrialTable& trials) {
  std::vector<ComparisonRow> rows;
  for (const Compare& compare : experiment.compare)
    for (const CasePair& pair : pairs_of(compare, experiment.cases)) {
      const ComparisonRow row = compare_pair(compare.metric, pair, trials);
      if (row.n + row.excluded > 0) rows.push_back(row);
    }
  return rows;
}

std::string comparisons_csv(const std::vector<ComparisonRow>& rows, const std::string& run) {
  std::vector<std::string> fields;
  for (const ComparisonColumn& column : kColumns) fields.emplace_back(column.name);
  std::string text = csv_row(fields);
  for (const ComparisonRow& row : rows) {
    fields.clear();
    for (const ComparisonColumn& column : kColumns) fields.push_back(column.text(row, run));
    text += csv_row(fields);
  }
  return text;
}

std::string comparison_columns_markdown() {
  std::string text = "| column | meaning |\n|---|---|\n";
  for (const ComparisonColumn& column : kColumns)
    text += fmt::format("| `{}` | {} |\n", column.name, column.doc);
  return text;
}

}  // namespace pingperf
