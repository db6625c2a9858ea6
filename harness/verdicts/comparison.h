// Comparison: cases against a baseline. Trials of the same block form a pair.
#pragma once

#include <string>
#include <vector>

#include "harness/results/summary.h"
#include "harness/verdicts/criteria.h"
#include "harness/verdicts/verdict.h"

namespace pingperf {

// Two cases of a run, one entry per block in which both have a value.
struct Pairs {
  std::vector<double> candidate, baseline;  // the values

  // Returns the logarithms of the ratios, or the differences. Twice as fast and half as fast are
  // equally far from 0.
  std::vector<double> shifts(bool as_differences) const;
};
Pairs pairs_of(const TrialTable& trials, const std::string& metric, const CasePair& pair);

// Returns the comparison of one pair, without q value and decision.
Verdict compare_pair(const std::string& metric, const CasePair& pair, const TrialTable& trials,
                     const Significance& significance);

// Returns the verdicts on the experiment's `compare:`. Each entry is a family.
std::vector<Verdict> compare_cases(const Criteria& criteria, const TrialTable& trials);

// Returns the number of blocks that the trials reach.
std::uint64_t blocks_of(const TrialTable& trials);

}  // namespace pingperf
