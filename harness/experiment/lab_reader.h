// Reads the `lab:` of an experiment.
#pragma once

#include "harness/experiment/experiment.h"
#include "harness/experiment/yaml.h"

namespace pingperf {

// Throws UsageError.
LabOptions read_lab(const Node& node);

}  // namespace pingperf
