// The matrix of a workload: `matrix`, `exclude` and `include` as GitHub Actions has them.
#pragma once

#include <string>
#include <vector>

#include "harness/experiment/yaml.h"

namespace pingperf {

// One key of a case, with its value and place.
struct Assignment {
  std::string key;
  Mark mark;  // of the value
  Node value;
};

using Combination = std::vector<Assignment>;

inline constexpr std::size_t kMaxCases = 100'000;  // of one experiment

// The combinations of a workload: the product of the matrix's lists, less those that an `exclude`
// entry matches in all its keys, then each `include` entry in turn: merged into every combination
// whose own matrix values it does not contradict, or else added as a new one. Any may be null.
// Without a matrix and include: one empty combination. Throws UsageError.
std::vector<Combination> expand_matrix(const Node* matrix, const Node* exclude,
                                       const Node* include);

// How a value stands in a case's name, and what `exclude` compares: "4", "client:0+server:1".
std::string value_text(const Node& value);

}  // namespace pingperf
