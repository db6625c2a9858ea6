// Runs trials over loopback with agents, as `pingperf run` does, for other programs. No engine runs
// in the process of the program.
#pragma once

#include <string>

#include "harness/run/runner.h"

namespace pingperf {

class LocalTrials {
 public:
  // Reads the experiment and starts the agents with the executable `pingperf`. Throws UsageError or
  // ChannelError.
  LocalTrials(const std::string& yaml, const std::string& pingperf);

  const std::vector<Case>& cases() const noexcept { return experiment_.cases; }

  // Runs one trial of cases()[index]. Throws std::runtime_error if it is not ok, ChannelError if an
  // agent failed.
  TrialRecord run(std::size_t index);

 private:
  Experiment experiment_;
  AgentPair agents_;
};

}  // namespace pingperf
