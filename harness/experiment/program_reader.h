// Reads `programs:` of an experiment, and of the files that `use:` names.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "harness/engines/program.h"
#include "harness/experiment/yaml.h"

namespace pingperf {

// Adds the programs of a map, which stands in a file of `folder`, to `programs`. Throws UsageError,
// also for a name that an engine or a program has already.
void read_programs(const Node& map, const std::filesystem::path& folder,
                   std::vector<std::shared_ptr<const Program>>& programs);

// Reads `ready:`, as a program or a service has it. Throws UsageError.
ProgramReady read_ready(const Node& node);

}  // namespace pingperf
