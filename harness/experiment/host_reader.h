// Reads the `hosts:` of an experiment.
#pragma once

#include "harness/experiment/experiment.h"
#include "harness/experiment/yaml.h"

namespace pingperf {

// Reads the pairs of hosts, and the number of pairs that measure at once, into `experiment`. Throws
// UsageError.
void read_hosts(const Node& hosts, Experiment& experiment);

}  // namespace pingperf
