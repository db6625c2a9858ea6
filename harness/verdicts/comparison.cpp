#include "harness/verdicts/comparison.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "harness/base/statistics.h"

namespace pingperf {
namespace {

// A win by not copying is never shown as like for like.
std::string note_on(const Verdict& row, const TrialTable& trials) {
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

Verdict compare_pair(const std::string& metric, const CasePair& pair, const TrialTable& trials,
                     const Significance& significance) {
  Verdict row;
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
    row.warning = fmt::format("in {} of {} blocks a value is 0, and has no ratio", ratios.zeros,
                              ratios.zeros + row.n);
  for (const std::string& name : {row.case_name, row.baseline})
    if (row.warning.empty())
      row.warning = reliability_warning(name, metric, values_of(trials, name, metric),
                                        values_of(trials, name, "steal_ratio"));
  return row;
}

std::vector<Verdict> compare_cases(const Criteria& criteria, const TrialTable& trials,
                                   const Significance& significance) {
  std::vector<Verdict> rows;
  for (const Compare& compare : criteria.compare)
    for (const CasePair& pair : compare.pairs) {
      Verdict row = compare_pair(compare.metric, pair, trials, significance);
      if (row.n + row.excluded > 0) rows.push_back(std::move(row));
    }
  decide_family(rows, significance);
  return rows;
}

}  // namespace pingperf
