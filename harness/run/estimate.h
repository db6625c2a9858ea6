// The estimate of a run's length that check, plan and run print.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "harness/experiment/plan.h"

namespace pingperf {

// How long a run takes.
struct Estimate {
  Nanoseconds start = 0;   // of all agents
  Nanoseconds trials = 0;  // with cooldowns, switches of variants, and the start of their workers

  Nanoseconds all() const noexcept { return start + trials; }
};

// Returns the estimate for `trials`. `measured_start` is how long the start of the agents took, if
// they have started: where many of them share a slow machine, the workers of the trials do, too.
Estimate estimate_run(const Experiment& experiment, const std::vector<Trial>& trials,
                      std::optional<Nanoseconds> measured_start = std::nullopt);

}  // namespace pingperf
