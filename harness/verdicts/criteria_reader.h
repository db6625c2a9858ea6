// Reads what an experiment is judged by: `compare`, `gates` and `plan.until`.
#pragma once

#include <optional>
#include <string>

#include "harness/experiment/experiment.h"
#include "harness/verdicts/criteria.h"

namespace pingperf {

// The stored runs that gates are against. A finished run is reported without them, since they may
// be gone.
enum class StoredRuns { open, leave_out };

// Reads the criteria from the experiment's source and validates them against its cases. Leaves out
// the comparisons and gates of cases that `--only` left out, and with leave_out the gates against
// stored runs. Throws UsageError, also when a stored run cannot be read or lacks a case of its
// gate.
// Use left_out_by_only() to report these.
Criteria read_criteria(const Experiment& experiment, StoredRuns stored_runs = StoredRuns::open);

// Returns one line that names the gates and comparisons whose cases `--only` left out, or nothing.
std::optional<std::string> left_out_by_only(const Criteria& criteria);

}  // namespace pingperf
