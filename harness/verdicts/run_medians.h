// Run medians: the shift between two sides of several runs each. Each run counts once.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "harness/verdicts/rank_tests.h"

namespace pingperf {

// The runs of one side: the values of each, as logarithms or differences. No run is empty.
using RunValues = std::vector<std::vector<double>>;

// Returns true if these numbers of runs allow a verdict: at least 3 on each side, or at least 5 on
// one side and 1 on the other. With 5 and 1, the interval is a prediction interval of the larger
// side.
bool are_enough_runs(std::size_t base_runs, std::size_t new_runs);

// Returns how much larger the runs of `new_runs` are than those of `base`, or nothing for fewer
// than three runs in all. Each run counts by its median, because the trials of one run do not
// predict the next run. Interval and p are those of Student's t with the larger of two errors: that
// of the run medians, and that of the trials within the runs. A permutation test of the medians
// would assume no distribution, but it finds less with 4 + 4 runs than Student's t with 3 + 3.
// Source: Kalibera & Jones, Rigorous Benchmarking in Reasonable Time, ISMM 2013.
std::optional<ShiftEstimate> estimate_run_shift(const RunValues& base, const RunValues& new_runs,
                                                double level = kLevel);

// Returns the shift, in units of the estimate's stddev, that so many runs find with 95 % power.
double detectable_by_runs(std::size_t base_runs, std::size_t new_runs, double level);

// Returns how many runs of each side find a shift of so many standard deviations with 95 % power;
// nothing if 100 do not.
std::optional<std::size_t> runs_to_detect(double shift, double level);

}  // namespace pingperf
