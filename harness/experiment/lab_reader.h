// Reads the `lab:` of an experiment.
#pragma once

#include "harness/experiment.h"
#include "harness/yaml.h"

namespace pingperf {

// Throws UsageError.
LabOptions read_lab(const Node& node);

}  // namespace pingperf
