// Reads `variants:`.
#pragma once

#include <memory>
#include <vector>

#include "harness/experiment/experiment.h"
#include "harness/experiment/variant.h"
#include "harness/experiment/yaml.h"

namespace pingperf {

using Variants = std::vector<std::shared_ptr<const Variant>>;

// Returns the variants in the order of the file, for the hosts or the lab of `experiment`. Throws
// UsageError at the location of an error.
Variants read_variants(const Node& map, const Experiment& experiment);

// Returns the variants that `variants:` of a workload names, or all if `list` is null.
Variants choose_variants(const Variants& all, const Node* list);

// Throws UsageError if the case cannot run in its variant.
void check_variant_of(const Case& c);

}  // namespace pingperf
