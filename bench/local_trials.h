// Trials over loopback by this host's agents, as `pingperf run` has them, for programs that are no
// pingperf: no engine runs in their own process.
#pragma once

#include <string>

#include "harness/run/runner.h"

namespace pingperf {

class LocalTrials {
 public:
  // Of the cases of an experiment, whose agents are those of the executable `pingperf`. Throws
  // UsageError, or ChannelError.
  LocalTrials(const std::string& yaml, const std::string& pingperf);

  const std::vector<Case>& cases() const noexcept { return experiment_.cases; }

  // Runs one trial of cases()[index]. Throws std::runtime_error when it is not ok, ChannelError
  // when an agent broke.
  TrialRecord run(std::size_t index);

 private:
  Experiment experiment_;
  AgentPair agents_;
};

}  // namespace pingperf
