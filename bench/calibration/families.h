// Calibration: what verdicts on many families of trials come to, when the truth is known.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/experiment/experiment.h"
#include "harness/results/summary.h"

namespace pingperf {

// Of one pair of cases and metric, over families of consecutive blocks of one long run.
struct Calibration {
  std::size_t families = 0;
  std::size_t found = 0;          // a verdict other than same or inconclusive
  std::size_t found_naively = 0;  // the means differ by more than 10 %
  double blocks = 0;              // that a family took, on average
  double ratio = 0;               // of all blocks: their median, as near the truth as there is
  double stddev = 0;              // of the log ratios of all blocks
};

// Families of so many blocks each, one after the other.
Calibration calibrate(const TrialTable& trials, const std::string& metric, const CasePair& pair,
                      std::uint64_t blocks);

// Families that stop as `until` says, with comparisons in mind: beginning every `first` blocks,
// each takes `first`, then twice as many, up to its most. They overlap.
Calibration calibrate(const TrialTable& trials, const std::string& metric, const CasePair& pair,
                      std::uint64_t first, const Until& until);

}  // namespace pingperf
