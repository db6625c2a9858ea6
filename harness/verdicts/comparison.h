// Comparison: cases against a baseline. Trials of the same block form a pair.
#pragma once

#include <string>
#include <vector>

#include "harness/results/summary.h"
#include "harness/verdicts/criteria.h"
#include "harness/verdicts/verdict.h"

namespace pingperf {

// The logarithms of the ratios of two cases, one per block. Twice as fast and half as fast are
// equally far from 0.
struct LogRatios {
  std::vector<double> logs;
  std::vector<double> candidate, baseline;  // the values of the ratios
  std::size_t zeros = 0;                    // pairs without a ratio, because a value is 0
};
LogRatios log_ratios(const TrialTable& trials, const std::string& metric, const CasePair& pair);

// Returns the comparison of one pair, without q value and decision.
Verdict compare_pair(const std::string& metric, const CasePair& pair, const TrialTable& trials,
                     const Significance& significance);

// Returns the verdicts on the experiment's `compare:`.
std::vector<Verdict> compare_cases(const Criteria& criteria, const TrialTable& trials,
                                   const Significance& significance = {});

}  // namespace pingperf
