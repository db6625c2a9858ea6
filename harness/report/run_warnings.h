// Warnings of a run: reasons to distrust a run, which its tables do not show.
#pragma once

#include <string>

#include "harness/base/json_fwd.h"
#include "harness/base/shared_text.h"
#include "harness/results/trial_table.h"

namespace pingperf {

// Returns the serious findings of the doctor before the run and before each resumption, from
// environment.json: {remedy, "both hosts: other programs take 80% of the CPU time"}.
SubjectTexts serious_findings(const Json& environment);

// Returns the warnings of the trials from the column `quality`: {"bulk #1", "short window: 1 ms"}.
SubjectTexts trial_warnings(const TrialTable& trials);

// Returns a line for each serious finding, and for the errors and warnings that trials share: "39
// of 40 trials: others took 48 to 54% of the CPU time". `environment` may be null.
std::string warnings_text(const TrialTable& trials, const Json& environment);

}  // namespace pingperf
