// Comparison: cases against a baseline. Trials of the same block form a pair.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/results/summary.h"
#include "harness/verdicts/criteria.h"
#include "harness/verdicts/effect.h"

namespace pingperf {

struct ComparisonRow : Effect {
  std::string case_name;
  std::string baseline;
  std::size_t n = 0;         // pairs: trials of both cases in one block, both ok
  std::size_t excluded = 0;  // blocks in which one of the two has no value
  std::string note;          // another difference of the two cases; empty: none
};

// The logarithms of the ratios of two cases, one per block. Twice as fast and half as fast are
// equally far from 0.
struct LogRatios {
  std::vector<double> logs;
  std::vector<double> candidate, baseline;  // the values of the ratios
  std::size_t zeros = 0;                    // pairs without a ratio, because a value is 0
};
LogRatios log_ratios(const TrialTable& trials, const std::string& metric, const CasePair& pair);

// Returns the row of one pair, without q value and verdict.
ComparisonRow compare_pair(const std::string& metric, const CasePair& pair,
                           const TrialTable& trials, const Significance& significance);

// Returns all rows of the experiment's `compare:`, with verdicts.
std::vector<ComparisonRow> compare_cases(const Criteria& criteria, const TrialTable& trials,
                                         const Significance& significance = {});

// Returns the text of comparisons.csv.
std::string comparisons_csv(const std::vector<ComparisonRow>& rows, const std::string& run);
std::string comparison_columns_markdown();

}  // namespace pingperf
