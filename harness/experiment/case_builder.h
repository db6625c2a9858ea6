// Makes cases: expands a workload's matrix and resolves every parameter.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "harness/experiment/experiment.h"
#include "harness/experiment/yaml.h"

namespace pingperf {

// The properties of the hosts and of the lab that decide which values a case can have.
struct Setting {
  bool share_cpus = false;                     // both ends may run on one machine
  std::optional<std::uint64_t> path_mtu = {};  // of the lab
  bool may_change_mtu = false;                 // by a variant
  bool has_router = false;                     // of the lab
};

// Makes the cases of one workload. A parameter's value comes from the combination of the matrix,
// else from the workload, else from `defaults`, else from the built-in default. Adds the keys of
// `defaults` that a case used to `used_defaults`. `programs` are engines too. With wrong keys in
// `defaults`, only checks the values. Throws UsageError.
std::vector<Case> build_cases(const std::string& workload, const Node& node, const Node* defaults,
                              const std::vector<std::shared_ptr<const Program>>& programs,
                              std::set<std::string>& used_defaults, const Setting& setting,
                              bool are_defaults_right);

// Throws UsageError for each parameter of a workload or of `defaults` that is a list, with the
// remedy.
void refuse_lists(const Node& map, std::string_view remedy);

}  // namespace pingperf
