// The keys that the engines of a workload can use, to suggest no others.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "harness/engines/program.h"
#include "harness/experiment/yaml.h"

namespace pingperf {

// Returns kind, transport, engine and the keys of the parameters that an engine of the workload
// honours. The engines follow from the kinds, transports and engines that the workload, its matrix
// and `defaults` (or null) name. Returns all assignable keys if there is no such engine.
std::vector<std::string_view> keys_in_use(
    const Node& workload, const Node* defaults,
    const std::vector<std::shared_ptr<const Program>>& programs);

}  // namespace pingperf
