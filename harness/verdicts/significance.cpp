#include "harness/verdicts/significance.h"

#include <algorithm>

namespace pingperf {

std::vector<std::uint64_t> interim_analyses(const Criteria& criteria) {
  const auto& until = criteria.until;
  std::vector<std::uint64_t> looks{criteria.repetitions};
  const bool is_open =
      until && (!until->metrics.empty() ||
                std::any_of(criteria.gates.begin(), criteria.gates.end(),
                            [](const Gate& gate) { return may_repeat(gate.bound); }));
  while (is_open && looks.back() < until->at_most)
    looks.push_back(std::min(2 * looks.back(), until->at_most));
  return looks;
}

Significance significance_of(const Criteria& criteria) {
  return {.level = kLevel / static_cast<double>(interim_analyses(criteria).size())};
}

}  // namespace pingperf
