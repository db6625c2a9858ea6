#include "harness/verdicts/comparison.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "harness/base/column_table.h"
#include "harness/base/statistics.h"
#include "harness/results/columns.h"

namespace pingperf {
namespace {

// A win by not copying is never shown as like for like.
std::string note_on(const ComparisonRow& row, const TrialTable& trials) {
  const auto copies_of = [&](const std::string& case_name) -> std::optional<double> {
    const std::vector<double> copies = values_of(trials, case_name, "copies");
    return copies.empty() ? std::nullopt : std::optional(median(copies));
  };
  const auto ours = copies_of(row.case_name), theirs = copies_of(row.baseline);
  if (!ours || !theirs || *ours == *theirs) return "";
  return fmt::format("not like for like: {:g} against {:g} copies of the payload", *ours, *theirs);
}

// Blocks in which one of the two has a trial.
std::size_t count_blocks(const CasePair& pair, const TrialTable& trials) {
  std::set<std::uint64_t> blocks;
  for (const std::string& name : {pair.candidate, pair.baseline})
    for (std::size_t i : trials.rows_of(name)) blocks.insert(trials.block(trials.rows()[i]));
  return blocks.size();
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
     "pairs); empty for n < 6, where there is none. Wider where the run could stop at several "
     "moments (docs/statistics.md)",
     [](R r, Run) { return number_text(r.ci_low); }},
    {"ci_high", "its upper end", [](R r, Run) { return number_text(r.ci_high); }},
    {"p_value",
     "Wilcoxon signed-rank test of ratio 1, two-sided, exact to 50 pairs; times the moments at "
     "which the run could stop",
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

LogRatios log_ratios(const TrialTable& trials, const std::string& metric, const CasePair& pair) {
  LogRatios ratios;
  const auto baseline = trials.values(pair.baseline, metric);
  for (const auto& [block, value] : trials.values(pair.candidate, metric)) {
    const auto other = baseline.find(block);
    if (other == baseline.end()) continue;
    if (value <= 0 || other->second <= 0) {
      ++ratios.zeros;
      continue;
    }
    ratios.logs.push_back(std::log(value / other->second));
    ratios.candidate.push_back(value);
    ratios.baseline.push_back(other->second);
  }
  return ratios;
}

ComparisonRow compare_pair(const std::string& metric, const CasePair& pair,
                           const TrialTable& trials, const Significance& significance) {
  ComparisonRow row;
  row.metric = metric;
  row.case_name = pair.candidate;
  row.baseline = pair.baseline;
  const LogRatios ratios = log_ratios(trials, metric, pair);
  row.n = ratios.logs.size();
  row.excluded = count_blocks(pair, trials) - row.n;
  if (row.n > 0)
    set_ratio_estimate(row, estimate_paired(ratios.logs, significance.level), significance, 1);
  row.note = note_on(row, trials);
  if (ratios.zeros > 0)
    row.remark = fmt::format("in {} of {} blocks a value is 0, and has no ratio", ratios.zeros,
                             ratios.zeros + row.n);
  for (const std::string& name : {row.case_name, row.baseline})
    if (row.remark.empty())
      row.remark = reliability_warning(name, metric, values_of(trials, name, metric),
                                       values_of(trials, name, "steal_ratio"));
  return row;
}

std::vector<ComparisonRow> compare_cases(const Criteria& criteria, const TrialTable& trials,
                                         const Significance& significance) {
  std::vector<ComparisonRow> rows;
  for (const Compare& compare : criteria.compare)
    for (const CasePair& pair : compare.pairs) {
      ComparisonRow row = compare_pair(compare.metric, pair, trials, significance);
      if (row.n + row.excluded > 0) rows.push_back(std::move(row));
    }
  decide_family_verdicts(rows, significance);
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
