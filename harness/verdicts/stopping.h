// Stopping: decides after each look at the data whether the run needs more blocks.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harness/experiment/experiment.h"
#include "harness/results/summary.h"
#include "harness/verdicts/criteria.h"

namespace pingperf {

// Returns one line per statement that the run cannot make for any data: gates and families of
// comparisons for which the plan has too few blocks, and gates against a single stored run.
std::vector<std::string> undecidable(const Criteria& criteria);

// Returns the reasons to continue the run, one per line: cases or pairs whose interval is wider
// than `until` allows, and undecided gates with `inconclusive: repeat`. Empty if the run may end.
std::vector<std::string> unresolved(const Experiment& experiment, const Criteria& criteria,
                                    const TrialTable& trials);

}  // namespace pingperf
