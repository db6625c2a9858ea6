// Reads `search:` of a workload, and sets the value that a search tries.
#pragma once

#include <string_view>

#include "harness/experiment/experiment.h"
#include "harness/experiment/yaml.h"

namespace pingperf {

// Reads all of `search` except the conditions in `keep`. Throws UsageError.
Search read_search(const Node& node);

// Throws UsageError if the map, which is no workload, has a `search`. `what` names the map.
void refuse_search(const Node& map, std::string_view what);

// Sets the searched parameter, rounded to the parameter's unit.
void set_searched(Options& options, const Search& search, double value);

// Returns the value of the searched parameter. Requires one.
double searched_value(const Options& options, const Search& search);

}  // namespace pingperf
