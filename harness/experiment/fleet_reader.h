// Reads `hosts: {nodes: …, addresses: …, pattern: …}`: a list of hosts, and who measures with whom.
#pragma once

#include <vector>

#include "harness/experiment/experiment.h"
#include "harness/experiment/used_files.h"
#include "harness/experiment/yaml.h"

namespace pingperf {

// Makes the pairs of hosts. `used` has the hosts that stand outside of the file. Throws UsageError.
void read_fleet(const Node& hosts, const std::vector<UsedFile>& used, Experiment& experiment);

}  // namespace pingperf
