// Reads what an experiment judges by: `compare`, `gates` and `plan.until`.
#pragma once

#include "harness/experiment.h"
#include "harness/yaml.h"

namespace pingperf {

// Sets compare, gates and plan.until of an experiment whose plan and cases are known. `root` is the
// whole file. Gates against a stored run are read with it, or left out. Throws UsageError.
void read_verdicts(const Node& root, bool without_stored_runs, Experiment& experiment);

}  // namespace pingperf
