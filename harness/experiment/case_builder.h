// Cases: a workload's matrix, resolved parameter by parameter.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "harness/experiment/experiment.h"
#include "harness/experiment/yaml.h"

namespace pingperf {

// Makes the cases of one workload: built-in defaults, then `defaults`, then the workload's keys,
// then each combination of its matrix. `used_defaults` gathers the keys of `defaults` that some
// case took. Throws UsageError.
std::vector<Case> build_cases(const std::string& workload, const Node& node, const Node* defaults,
                              std::set<std::string>& used_defaults);

}  // namespace pingperf
