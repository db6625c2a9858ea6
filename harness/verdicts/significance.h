// Significance: the thresholds and error rates of verdicts.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "harness/verdicts/criteria.h"
#include "harness/verdicts/rank_tests.h"

namespace pingperf {

// The default of the smallest change that matters: 5 %.
inline constexpr double kThreshold = 0.05;

struct Significance {
  double threshold = kThreshold;  // a smaller change does not matter
  double level = kLevel;          // of intervals; lower if the run may stop at several looks
  // Standard deviation between sessions of the same code, as a share. Used with one run on each
  // side. Empty if not known.
  std::optional<double> session_sd = {};
};

// Returns the numbers of blocks after which the run looks at its data, ascending: `repetitions`,
// then twice as many each time, up to `at_most`. Returns `repetitions` alone if the run cannot be
// extended.
std::vector<std::uint64_t> interim_analyses(const Criteria& criteria);

// Returns the significance of the look after `blocks` blocks. The levels of the looks grow so that
// 5 % of the statements are wrong over all looks. They are those of Wang & Tsiatis (1987) with
// Δ = 0.25 (Jennison & Turnbull, Group Sequential Methods, §2.7). A number between two looks counts
// as the later look.
Significance significance_of(const Criteria& criteria, std::uint64_t blocks);

// Returns the standard deviation that sessions add to the logarithm of the ratio of one run on each
// side.
double error_of_sessions(double session_sd);

// Returns true if the gate requires more blocks while the data do not decide it.
inline bool may_repeat(const Bound& bound) {
  return bound.inconclusive == Inconclusive::repeat;
}

}  // namespace pingperf
