// Run medians: the shift between two sides of several runs each, where a run is one piece of
// evidence.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "harness/verdicts/rank_tests.h"

namespace pingperf {

// The runs of one side: the values of each, as logarithms or differences. No run is empty.
using RunValues = std::vector<std::vector<double>>;

// Returns true if these numbers of runs allow a verdict: at least 3 on each side, or at least 5 on
// one side and 1 on the other. A prediction interval of the larger side then judges the smaller
// one.
bool are_enough_runs(std::size_t base_runs, std::size_t new_runs);

// Returns how much larger the runs of `new_runs` are than those of `base`, or nothing for fewer
// than three runs in all. Each run counts by its median, since trials of one run are no evidence
// about the next. Interval and p are those of Student's t with the larger of two errors: that of
// the run medians, and that of the trials within the runs of each side. Permutations of the medians
// would assume no distribution, but 4 + 4 runs have too few of them to find as much as 3 + 3 by t.
// Source: Kalibera & Jones, Rigorous Benchmarking in Reasonable Time, ISMM 2013.
std::optional<ShiftEstimate> estimate_run_shift(const RunValues& base, const RunValues& new_runs,
                                                double level = kLevel);

// Returns the shift, in units of the estimate's stddev, that so many runs find with 95 % power.
double detectable_by_runs(std::size_t base_runs, std::size_t new_runs, double level);

// Returns how many runs of each side find a shift of so many standard deviations with 95 % power;
// nothing if 100 do not.
std::optional<std::size_t> runs_to_detect(double shift, double level);

}  // namespace pingperf
