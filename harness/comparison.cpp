#include "harness/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "harness/column_table.h"
#include "harness/columns.h"
#include "harness/quality.h"
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

// Ratios are compared as logarithms: twice as fast and half as fast are equally far from 1.
void set_estimate(ComparisonRow& row, const std::vector<double>& ratios) {
  std::vector<double> logs;
  for (double ratio : ratios) logs.push_back(std::log(ratio));
  const PairedEstimate e = estimate_paired(logs);
  row.ratio = std::exp(e.center);
  if (e.ci_low) row.ci_low = std::exp(*e.ci_low);
  if (e.ci_high) row.ci_high = std::exp(*e.ci_high);
  row.p_value = e.p_value;
  if (e.stddev > 0) {
    row.detectable_ratio = std::exp(detectable_shift(e.stddev, row.n));
    const std::size_t wanted = pairs_to_detect(e.stddev, std::log1p(kThreshold));
    row.more_repetitions = wanted > row.n ? wanted - row.n : row.n;  // else: as many again
  }
}

std::string direction(const ComparisonRow& row, bool up) {
  switch (find_metric(row.metric)->better) {
    case Better::higher:
      return up ? "faster" : "slower";
    case Better::lower:
      return up ? "slower" : "faster";
    default:
      return up ? "higher" : "lower";
  }
}

// A verdict needs the interval wholly on one side of no change, an estimate beyond the threshold,
// and a q value that holds over the whole family; "same" needs the interval within the threshold.
void judge(ComparisonRow& row) {
  if (!row.ratio) return;
  row.verdict = "inconclusive";
  if (row.ci_low && row.ci_high && row.remark.empty()) {
    const double up = 1 + kThreshold, down = 1 / up;
    const bool apart = *row.ci_low > 1 || *row.ci_high < 1;
    const bool large = *row.ratio > up || *row.ratio < down;
    if (apart && large && row.q_value.value_or(1) <= 0.05)
      row.verdict = direction(row, *row.ratio > 1);
    else if (*row.ci_low >= down && *row.ci_high <= up)
      row.verdict = "same";
  }
  if (row.verdict != "inconclusive") row.more_repetitions.reset();
}

// Why the trials of a case are no ground for a verdict; empty when they are.
std::string remark_on(const std::string& case_name, const std::string& metric,
                      const TrialTable& trials) {
  std::vector<double> values;
  for (const auto& [block, value] : trials.values(case_name, metric)) values.push_back(value);
  if (const auto modes = find_modes(values))
    return fmt::format("{} is bimodal: {} trials near {:.3g}, {} near {:.3g}", case_name,
                       modes->low_count, modes->low, modes->high_count, modes->high);
  std::size_t disturbed = 0;
  for (const auto& [block, steal] : trials.values(case_name, "steal_ratio"))
    if (steal > kMuchSteal) ++disturbed;
  if (3 * disturbed > values.size())
    return fmt::format("CPU time was stolen in {} of {} trials of {}", disturbed, values.size(),
                       case_name);
  return "";
}

// A win by not copying is never shown as like for like.
std::string note_on(const ComparisonRow& row, const TrialTable& trials) {
  const auto copies_of = [&](const std::string& case_name) -> std::optional<double> {
    std::vector<double> copies;
    for (const auto& [block, value] : trials.values(case_name, "copies")) copies.push_back(value);
    return copies.empty() ? std::nullopt : std::optional(median(copies));
  };
  const auto ours = copies_of(row.case_name), theirs = copies_of(row.baseline);
  if (!ours || !theirs || *ours == *theirs) return "";
  return fmt::format("not like for like: {:g} against {:g} copies of the payload", *ours, *theirs);
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
    if (const auto other = baseline.find(block);
        other != baseline.end() && other->second > 0 && value > 0)
      ratios.push_back(value / other->second);
  row.n = ratios.size();
  row.excluded = blocks.size() - ratios.size();
  if (!ratios.empty()) set_estimate(row, ratios);
  row.note = note_on(row, trials);
  row.remark = remark_on(row.case_name, metric, trials);
  if (row.remark.empty()) row.remark = remark_on(row.baseline, metric, trials);
  return row;
}

struct ComparisonColumn {
  std::string_view name;
  std::string_view doc;
  std::string (*text)(const ComparisonRow&, const std::string& run);
};

using R = const ComparisonRow&;
using Run = const std::string&;

constexpr ComparisonColumn kColumns[] = {
    {"schema_version", "version of these columns",
     [](R, Run) { return std::to_string(kSchemaVersion); }},
    {"run", "name of the run's directory", [](R, Run run) { return run; }},
    {"metric", "a metric of trials.csv", [](R r, Run) { return r.metric; }},
    {"case", "the case that is compared", [](R r, Run) { return r.case_name; }},
    {"baseline", "the case that it is compared with", [](R r, Run) { return r.baseline; }},
    {"n", "pairs: trials of both in one block, both with a value above 0",
     [](R r, Run) { return std::to_string(r.n); }},
    {"excluded", "blocks left out, since a trial of one failed or has no such value",
     [](R r, Run) { return std::to_string(r.excluded); }},
    {"ratio", "case / baseline: Hodges–Lehmann estimate of the pairs' log ratios",
     [](R r, Run) { return number_text(r.ratio); }},
    {"ci_low",
     "95 % interval of the ratio, by inverting the exact Wilcoxon signed-rank test (normal past 50 "
     "pairs); empty for n < 6, where there is none",
     [](R r, Run) { return number_text(r.ci_low); }},
    {"ci_high", "its upper end", [](R r, Run) { return number_text(r.ci_high); }},
    {"p_value", "Wilcoxon signed-rank test of ratio 1, two-sided, exact to 50 pairs",
     [](R r, Run) { return number_text(r.p_value); }},
    {"q_value", "Benjamini–Hochberg, over all rows of the run",
     [](R r, Run) { return number_text(r.q_value); }},
    {"verdict",
     "faster or slower (higher or lower for a metric without a better side): the interval excludes "
     "1, "
     "the ratio is beyond 5 % and q is at most 0.05; same: the interval is within 5 %; else "
     "inconclusive",
     [](R r, Run) { return r.verdict; }},
    {"detectable_ratio",
     "minimum detectable effect: the ratio that so many pairs, with the spread of these, find with "
     "95 % "
     "power",
     [](R r, Run) { return number_text(r.detectable_ratio); }},
    {"more_repetitions", "of an inconclusive pair: about how many more would settle it",
     [](R r, Run) {
       return r.more_repetitions ? std::to_string(*r.more_repetitions) : std::string();
     }},
    {"remark",
     "why these trials are no ground for a verdict, which is inconclusive then: a case is bimodal, "
     "or CPU time was stolen in more than a third of its trials",
     [](R r, Run) { return r.remark; }},
    {"note", "what makes the two unlike, beside what is compared: how often the payload is copied",
     [](R r, Run) { return r.note; }},
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
  std::vector<double> p_values;
  for (const ComparisonRow& row : rows)
    if (row.p_value) p_values.push_back(*row.p_value);
  const std::vector<double> q = q_values(p_values);
  std::size_t next = 0;
  for (ComparisonRow& row : rows) {
    if (row.p_value) row.q_value = q[next++];
    judge(row);
  }
  return rows;
}

std::string comparisons_csv(const std::vector<ComparisonRow>& rows, const std::string& run) {
  std::string text = csv_header(kColumns);
  for (const auto& row : rows) text += csv_line(kColumns, row, run);
  return text;
}

std::string comparison_columns_markdown() {
  return columns_markdown(kColumns);
}

}  // namespace pingperf
