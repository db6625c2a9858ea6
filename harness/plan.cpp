#include "harness/plan.h"

#include <algorithm>
#include <numeric>
#include <random>

namespace pingperf {
namespace {

// Uniform in [0, bound), without bias: draws that would favour small values are thrown away.
std::uint64_t draw_below(std::mt19937_64& random, std::uint64_t bound) {
  const std::uint64_t unfair = (0 - bound) % bound;  // 2^64 mod bound
  std::uint64_t draw;
  do draw = random();
  while (draw < unfair);
  return draw % bound;
}

// Fisher–Yates. Ours, since std::shuffle gives another order with another standard library.
void shuffle(std::vector<std::size_t>& order, std::mt19937_64& random) {
  for (std::size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[draw_below(random, i)]);
}

}  // namespace

std::vector<Trial> plan_trials(const Experiment& experiment) {
  return plan_trials(experiment, experiment.plan.repetitions);
}

std::vector<Trial> plan_trials(const Experiment& experiment, std::uint64_t blocks) {
  std::vector<Trial> plan;
  plan.reserve(experiment.cases.size() * blocks);
  std::mt19937_64 random(experiment.plan.seed);
  std::vector<std::size_t> order(experiment.cases.size());
  for (std::uint64_t block = 1; block <= blocks; ++block) {
    std::iota(order.begin(), order.end(), std::size_t{0});
    if (experiment.plan.order == Order::shuffled) shuffle(order, random);
    for (std::size_t index : order) plan.push_back({index, block, plan.size() + 1});
  }
  return plan;
}

Nanoseconds expected_length(const Case& c, bool external) {
  if (c.background) return expected_length(*c.background, external);
  const Options& options = c.options;
  const auto whole = [](Nanoseconds time) { return (time + kSecond - 1) / kSecond * kSecond; };
  const Nanoseconds measured = options.duration.value_or(kSecond);  // a limit: a guess
  const Nanoseconds warmup = options.warmup.value_or(0);
  if (options.engine != "iperf3") return warmup + measured;
  return external ? whole(warmup) + whole(measured) : whole(warmup + measured);
}

Nanoseconds expected_length(const Experiment& experiment, const std::vector<Trial>& trials) {
  constexpr Nanoseconds kYear = 365 * 86400 * kSecond;
  Nanoseconds sum = 0;
  for (const Trial& trial : trials) {
    const Case& c = experiment.cases[trial.case_index];
    sum = std::min(kYear, sum + expected_length(c, experiment.server.is_external()) +
                              experiment.plan.cooldown);
  }
  return sum;
}

Nanoseconds trial_timeout(const Experiment& experiment, const Case& c) {
  if (experiment.plan.timeout) return *experiment.plan.timeout;
  return expected_length(c, experiment.server.is_external()) +
         (is_limited(c.options) ? 60 * kSecond : 10 * kSecond);
}

}  // namespace pingperf
