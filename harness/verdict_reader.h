// Reads what an experiment judges by: `compare`, `gates` and `plan.until`.
#pragma once

#include "harness/experiment.h"
#include "harness/yaml.h"

namespace pingperf {

// Sets compare, gates and plan.until of an experiment whose plan and cases are known. `root` is the
// whole file. Throws UsageError.
void read_verdicts(const Node& root, Experiment& experiment);

}  // namespace pingperf
