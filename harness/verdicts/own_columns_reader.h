// Reads `labels` and `percentiles` of an experiment. In this room, because labels must not have the
// name of a column of any table.
#pragma once

#include "harness/experiment/experiment.h"
#include "harness/results/own_columns.h"
#include "harness/verdicts/criteria.h"

namespace pingperf {

// Returns the columns of the experiment, with each percentile that a criterion names. Throws
// UsageError.
OwnColumns read_own_columns(const Experiment& experiment, const Criteria& criteria);

}  // namespace pingperf
