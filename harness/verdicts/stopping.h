// Stopping: how many blocks a run takes when its experiment leaves that to the data.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harness/experiment/experiment.h"
#include "harness/results/summary.h"
#include "harness/verdicts/criteria.h"

namespace pingperf {

// What is wrong with a plan in which no gate can ever be decided; nothing when they can.
std::optional<std::string> too_few_repetitions(const Criteria& criteria);

// What speaks against ending the run with these trials, a line each: cases or pairs whose interval
// is wider than `until` wants, and gates that are to repeat. Empty: it may end.
std::vector<std::string> unresolved(const Experiment& experiment, const Criteria& criteria,
                                    const TrialTable& trials);

}  // namespace pingperf
