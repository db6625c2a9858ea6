// Explanation: the counters that changed together with a compared figure. It is a correlation.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "harness/results/counter_table.h"
#include "harness/results/run_set.h"
#include "harness/verdicts/counter_rates.h"
#include "harness/verdicts/run_comparison.h"
#include "harness/verdicts/verdict.h"

namespace pingperf {

// More counters are left out.
inline constexpr std::size_t kMaxCounters = 10;

// Returns true if a verdict is a difference: faster, slower, higher or lower. Others have no
// explanation.
bool is_difference_found(const Verdict& verdict);

// Returns the counters that changed between the two cases of a run: those whose rates differ in a
// rank test over the blocks with q <= 0.05, by at least the threshold of verdicts. A counter of
// packets or bytes is compared per unit of the payload. Any other counter must differ both per
// second and per unit of the payload, in the same direction: then neither the duration nor the
// payload explains its change. Counters that had the same changes in all trials are one.
std::vector<CounterShift> explain_pair(const Verdict& verdict, const CountedTrials& run);

// Returns the same for a case across runs, by the test of the verdict: that of the trials of one
// run on each side, or of the run medians. If the verdict has a reference, each rate is first
// divided by that of the reference's trial in the same block.
std::vector<CounterShift> explain_case(const Verdict& verdict,
                                       const std::vector<CountedTrials>& base,
                                       const std::vector<CountedTrials>& new_runs);

// Sets the counters of the verdicts on the cases of a run. Reads counters.csv in its directory if a
// verdict is a difference. Throws CsvError if the file is damaged.
void explain_comparisons(std::vector<Verdict>& verdicts, const std::filesystem::path& run,
                         const TrialTable& trials);

// Sets the counters of the rows of a comparison of runs. Runs without counters.csv are left out.
// Throws CsvError.
void explain_runs(RunComparison& comparison, const RunSet& base, const RunSet& new_runs);

}  // namespace pingperf
