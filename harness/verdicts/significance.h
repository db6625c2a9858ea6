// Significance: how strictly effects and gates are judged.
#pragma once

#include <cstdint>
#include <vector>

#include "harness/verdicts/criteria.h"
#include "harness/verdicts/rank_tests.h"

namespace pingperf {

// The default of the smallest change that matters: 5 %.
inline constexpr double kThreshold = 0.05;

struct Significance {
  double threshold = kThreshold;  // a smaller change does not matter
  double level = kLevel;          // of intervals; lower where a run may stop at several moments
};

// Returns the numbers of blocks after which the run looks at its data, ascending: `repetitions`,
// then twice as many, up to `at_most`. It is one number where nothing asks for more.
std::vector<std::uint64_t> interim_analyses(const Criteria& criteria);

// Returns 5 % shared equally by the run's looks, so that whichever of them ends the run, at most
// 5 % of its statements are wrong (Bonferroni).
Significance significance_of(const Criteria& criteria);

// True when the gate asks for more blocks while the data do not decide it.
inline bool may_repeat(const Bound& bound) {
  return bound.inconclusive == Inconclusive::repeat;
}

}  // namespace pingperf
