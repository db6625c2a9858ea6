#include "harness/verdicts/comparison.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "harness/base/statistics.h"
#include "harness/results/columns.h"
#include "harness/results/warnings.h"

namespace pingperf {
namespace {

// Returns a note if the two cases copy the payload a different number of times.
std::string note_on(const Verdict& row, const TrialTable& trials) {
  const auto copies_of = [&](const std::string& case_name) -> std::optional<double> {
    const std::vector<double> copies = values_of(trials, case_name, "copies");
    return copies.empty() ? std::nullopt : std::optional(median(copies));
  };
  const auto ours = copies_of(row.case_name), theirs = copies_of(row.baseline);
  if (!ours || !theirs || *ours == *theirs) return "";
  return fmt::format("not like for like: {:g} against {:g} copies of the payload", *ours, *theirs);
}

// Returns the number of blocks in which at least one of the two cases has a trial.
std::size_t count_blocks(const CasePair& pair, const TrialTable& trials) {
  std::set<std::uint64_t> blocks;
  for (const std::string& name : {pair.candidate, pair.baseline})
    for (std::size_t i : trials.rows_of(name)) blocks.insert(trials.block(trials.rows()[i]));
  return blocks.size();
}

}  // namespace

std::vector<double> Pairs::shifts(bool as_differences) const {
  std::vector<double> shifts;
  for (std::size_t i = 0; i < candidate.size(); ++i)
    shifts.push_back(as_differences ? candidate[i] - baseline[i]
                                    : log_of(candidate[i]) - log_of(baseline[i]));
  return shifts;
}

Pairs pairs_of(const TrialTable& trials, const std::string& metric, const CasePair& pair) {
  Pairs pairs;
  const auto baseline = trials.values(pair.baseline, metric);
  for (const auto& [block, value] : trials.values(pair.candidate, metric)) {
    const auto other = baseline.find(block);
    if (other == baseline.end()) continue;
    pairs.candidate.push_back(value);
    pairs.baseline.push_back(other->second);
  }
  return pairs;
}

Verdict compare_pair(const std::string& metric, const CasePair& pair, const TrialTable& trials,
                     const Significance& significance) {
  Verdict v{.metric = metric, .case_name = pair.candidate, .baseline = pair.baseline};
  const Pairs pairs = pairs_of(trials, metric, pair);
  v.n = pairs.candidate.size();
  v.excluded = count_blocks(pair, trials) - v.n;
  v.note = note_on(v, trials);
  if (v.n == 0) return v;
  v.is_difference = find_metric(metric)->min_difference.has_value();
  v.base_median = median(pairs.baseline);
  v.new_median = median(pairs.candidate);
  set_estimate(v, estimate_paired(pairs.shifts(v.is_difference), significance.level), significance);
  for (const std::string& name : {v.case_name, v.baseline})
    warn(v, Trust::unanimous_only,
         reliability_warning(name, metric, values_of(trials, name, metric),
                             values_of(trials, name, "steal_ratio")));
  warn_of_missing(v, v.excluded, v.n + v.excluded, "blocks have no pair");
  return v;
}

std::vector<Verdict> compare_cases(const Criteria& criteria, const TrialTable& trials) {
  const Significance significance = significance_of(criteria, blocks_of(trials));
  std::vector<Verdict> verdicts;
  for (const Compare& compare : criteria.compare) {
    std::vector<Verdict> family;
    for (const CasePair& pair : compare.pairs) {
      Verdict v = compare_pair(compare.metric, pair, trials, significance);
      if (v.n + v.excluded > 0) family.push_back(std::move(v));
    }
    decide_family(family, significance);
    add_power(family, significance);
    std::ranges::move(family, std::back_inserter(verdicts));
  }
  return verdicts;
}

std::uint64_t blocks_of(const TrialTable& trials) {
  std::uint64_t blocks = 0;
  for (const auto& row : trials.rows())
    if (trials.text(row, "search").empty()) blocks = std::max(blocks, trials.block(row));
  return blocks;
}

}  // namespace pingperf
