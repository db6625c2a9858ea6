#include "harness/verdicts/significance.h"

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <cmath>
#include <iterator>
#include <numbers>

namespace pingperf {
namespace {

// Returns the level of look `index` of `looks`. The levels are for numbers of blocks that double.
// If two looks are closer together, fewer statements are wrong.
double level_of_look(std::size_t index, std::size_t looks) {
  // Critical values at the last of 1 to 5 looks, by numerical integration. More looks have the last
  // value.
  constexpr double kCritical[] = {1.9600, 2.0382, 2.0533, 2.0555, 2.0557};
  if (looks == 1) return kLevel;
  const double critical = kCritical[std::min(looks, std::size(kCritical)) - 1];
  const double share = std::exp2(static_cast<double>(index + 1) - static_cast<double>(looks));
  return 2 * boost::math::cdf(boost::math::normal(), -critical * std::pow(share, -0.25));
}

}  // namespace

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

Significance significance_of(const Criteria& criteria, std::uint64_t blocks) {
  const std::vector<std::uint64_t> looks = interim_analyses(criteria);
  const auto look = std::lower_bound(looks.begin(), looks.end() - 1, blocks);
  return {.level = level_of_look(static_cast<std::size_t>(look - looks.begin()), looks.size())};
}

double error_of_sessions(double session_sd) {
  return std::log1p(session_sd) * std::numbers::sqrt2;
}

}  // namespace pingperf
