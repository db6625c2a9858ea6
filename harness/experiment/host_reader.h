// Reads an entry of an experiment's `hosts:`.
#pragma once

#include "harness/experiment/experiment.h"
#include "harness/experiment/yaml.h"

namespace pingperf {

// The pairs of hosts, and how many of them measure at once, into `experiment`; each case that it
// will have runs on every pair. Throws UsageError.
void read_hosts(const Node& hosts, Experiment& experiment);

}  // namespace pingperf
