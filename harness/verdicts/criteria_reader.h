// Reads what an experiment is judged by: `compare`, `gates` and `plan.until`.
#pragma once

#include "harness/experiment/experiment.h"
#include "harness/verdicts/criteria.h"

namespace pingperf {

// Reads the criteria from the experiment's source and validates them against its cases. Leaves out
// the comparisons and gates of cases that `--only` left out. Opens no stored run. Throws
// UsageError.
Criteria read_criteria(const Experiment& experiment);

// Opens the stored runs that gates are against. Throws UsageError, with the gate's place, when one
// cannot be read or lacks a case of its gate.
void open_stored_runs(Criteria& criteria);

}  // namespace pingperf
