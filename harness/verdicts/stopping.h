// Stopping: the number of blocks of a run whose experiment makes it depend on the data.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harness/experiment/experiment.h"
#include "harness/results/summary.h"
#include "harness/verdicts/criteria.h"

namespace pingperf {

// Returns one line per statement that the run cannot make, whatever it measures: gates and families
// of comparisons for which the plan has too few blocks, so that not even a tenfold change would be
// found, and gates against a single stored run. Empty: there are none.
std::vector<std::string> undecidable(const Criteria& criteria);

// Returns the reasons to go on with the run, one per line: cases or pairs whose interval
// is wider than `until` wants, and gates that are to repeat. Empty: it may end.
std::vector<std::string> unresolved(const Experiment& experiment, const Criteria& criteria,
                                    const TrialTable& trials);

}  // namespace pingperf
