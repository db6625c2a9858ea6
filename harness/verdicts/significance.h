// Significance: how strictly effects and gates are judged.
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
  double level = kLevel;          // of intervals; lower where a run may stop at several moments
  // Standard deviation between sessions of the same thing, as a share, where one run stands on each
  // side; empty: not known.
  std::optional<double> session_sd = {};
};

// Returns the numbers of blocks after which the run looks at its data, ascending: `repetitions`,
// then twice as many, up to `at_most`. It is one number where nothing asks for more.
std::vector<std::uint64_t> interim_analyses(const Criteria& criteria);

// Returns the level of the look at so many blocks. The looks' levels grow so that 5 % of the
// statements are wrong, whichever of them ends the run: those of Wang & Tsiatis (1987) with Δ =
// 0.25, for doubling looks (Jennison & Turnbull, Group Sequential Methods, §2.7). `blocks` between
// two looks count as the later.
Significance significance_of(const Criteria& criteria, std::uint64_t blocks);

// Returns the standard deviation that sessions add to the logarithm of the ratio of one run on each
// side.
double error_of_sessions(double session_sd);

// True when the gate asks for more blocks while the data do not decide it.
inline bool may_repeat(const Bound& bound) {
  return bound.inconclusive == Inconclusive::repeat;
}

}  // namespace pingperf
