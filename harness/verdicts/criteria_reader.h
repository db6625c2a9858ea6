// Reads the criteria of an experiment: `compare`, `gates` and `plan.until`.
#pragma once

#include <optional>
#include <string>

#include "harness/experiment/experiment.h"
#include "harness/verdicts/criteria.h"

namespace pingperf {

// Decides whether gates against stored runs are read. Reports of a finished run leave them out,
// because the stored runs may be gone.
enum class StoredRuns { open, leave_out };

// Reads the criteria from the experiment's source and validates them against its cases. Leaves out
// the comparisons and gates of cases that `--only` left out: left_out_by_only() reports them. With
// leave_out, leaves out the gates against stored runs, too. Throws UsageError, also if a stored run
// cannot be read or lacks a case of its gate.
Criteria read_criteria(const Experiment& experiment, StoredRuns stored_runs = StoredRuns::open);

// Returns one line that names the gates and comparisons whose cases `--only` left out, or nothing.
std::optional<std::string> left_out_by_only(const Criteria& criteria);

}  // namespace pingperf
