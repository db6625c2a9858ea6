// Calibration: the rates of right and wrong verdicts over many families of trials.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/experiment/experiment.h"
#include "harness/results/summary.h"
#include "harness/verdicts/criteria.h"

namespace pingperf {

// The verdicts on one metric of a pair of cases, over families of consecutive blocks of a long run.
struct Calibration {
  std::size_t families = 0;
  std::size_t found = 0;           // verdicts other than same and inconclusive
  std::size_t found_by_means = 0;  // means that differ by more than 10 %
  double blocks = 0;               // per family, on average
  double ratio = 0;                // the median of all blocks, the best estimate of the truth
  double stddev = 0;               // standard deviation of the log ratios of all blocks
};

// Judges consecutive families of `blocks` blocks each.
Calibration calibrate(const TrialTable& trials, const std::string& metric, const CasePair& pair,
                      std::uint64_t blocks);

// Judges families that stop according to `until`. A family starts every `first` blocks and has
// `first` blocks, then twice as many, up to the maximum. Families overlap.
Calibration calibrate(const TrialTable& trials, const std::string& metric, const CasePair& pair,
                      std::uint64_t first, const Until& until);

}  // namespace pingperf
