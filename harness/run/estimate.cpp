#include "harness/run/estimate.h"

#include <algorithm>

#include "harness/agent/agents.h"

namespace pingperf {
namespace {

constexpr Nanoseconds kAgentStart = 50 * kMillisecond;    // they share the CPUs of this host
constexpr Nanoseconds kRoundStart = 30 * kMillisecond;    // workers, connections, counters, the row
constexpr Nanoseconds kAnotherTrial = 10 * kMillisecond;  // that starts with the first of a round

// Returns how much longer than usual the start of an agent took. The start time of few agents
// depends on their launchers, so it does not show how slow the CPUs are.
double slowness(std::size_t agents, const std::optional<Nanoseconds>& measured_start) {
  constexpr std::size_t kMany = 8;
  if (!measured_start || agents < kMany) return 1;
  const double usual = static_cast<double>(agents) * static_cast<double>(kAgentStart);
  return std::clamp(static_cast<double>(*measured_start) / usual, 1.0, 4.0);
}

// Returns the time that trials take beyond their planned length.
Nanoseconds overhead_of(const std::vector<Trial>& trials) {
  Nanoseconds sum = 0;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const bool begins_round = i == 0 || trials[i].round != trials[i - 1].round;
    sum += begins_round ? kRoundStart : kAnotherTrial;
  }
  return sum;
}

}  // namespace

Estimate estimate_run(const Experiment& experiment, const std::vector<Trial>& trials,
                      std::optional<Nanoseconds> measured_start) {
  const std::size_t agents = count_agents(experiment);
  const double overhead =
      slowness(agents, measured_start) * static_cast<double>(overhead_of(trials));
  return {.start = measured_start.value_or(static_cast<Nanoseconds>(agents) * kAgentStart),
          .trials = expected_length(experiment, trials) + static_cast<Nanoseconds>(overhead)};
}

}  // namespace pingperf
