// The matrix of a workload: `matrix`, `exclude` and `include`, with the rules of GitHub Actions.
#pragma once

#include <string>
#include <vector>

#include "harness/experiment/yaml.h"

namespace pingperf {

// One key of a case, with its value and location.
struct Assignment {
  std::string key;
  Mark mark;  // of the value
  Node value;
};

using Combination = std::vector<Assignment>;

inline constexpr std::size_t kMaxCases = 100'000;  // per experiment, on one pair of hosts

// Returns the combinations of a workload: the product of the matrix's lists, without those that an
// `exclude` entry matches in all its keys. Then each `include` entry is merged into every
// combination whose matrix values it does not contradict. If there is none, it is added as a new
// combination. Each argument may be null. Without a matrix and include, returns one empty
// combination. Leaves `exclude` entries to the caller that name an axis of every workload. Throws
// UsageError.
std::vector<Combination> expand_matrix(const Node* matrix, const Node* exclude,
                                       const Node* include);

// Returns true if an `exclude` entry names a pair of hosts or a variant, which no matrix has.
bool names_outer_axis(const Node& entry);

// Bounds the work: every entry of an exclude or include is compared with every combination. Throws
// UsageError.
void check_effort(const Node& list, std::string_view what, std::size_t combinations);

// Returns a value as in case names: "4", "client:0+server:1". `exclude` compares these texts.
std::string value_text(const Node& value);

}  // namespace pingperf
