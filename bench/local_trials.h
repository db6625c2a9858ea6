// Runs trials over loopback with agents, as `pingperf run` does, for other programs. No engine runs
// in the process of the program.
#pragma once

#include <string>
#include <vector>

#include "harness/agent/agents.h"
#include "harness/experiment/experiment.h"
#include "harness/results/record.h"

namespace pingperf {

class LocalTrials {
 public:
  // Reads the experiment and starts the agents with the executable `pingperf`. Throws UsageError or
  // ChannelError.
  LocalTrials(const std::string& yaml, const std::string& pingperf);

  const std::vector<Case>& cases() const noexcept { return experiment_.cases; }

  // Runs one trial of cases()[index]. Throws std::runtime_error if it is not ok, ChannelError if an
  // agent cannot be started.
  TrialRecord run(std::size_t index);

 private:
  Experiment experiment_;
  Agents agents_;
};

}  // namespace pingperf
