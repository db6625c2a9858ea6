// The runner: carries out the plan of an experiment, trial after trial, and records each.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "harness/channel.h"
#include "harness/experiment.h"
#include "harness/interrupt.h"
#include "harness/plan.h"
#include "harness/progress.h"
#include "harness/run_directory.h"

namespace pingperf {

// The agents of an experiment's two ends. One that broke is started anew for the next trial.
class AgentPair {
 public:
  // Starts both. Throws ChannelError.
  explicit AgentPair(const Experiment& experiment);

  Channel& client();  // throws ChannelError when it has to be, and cannot be, started anew
  Channel& server();
  void drop();  // ends both: their state is not to be trusted

 private:
  const Experiment& experiment_;
  std::unique_ptr<Channel> client_;
  std::unique_ptr<Channel> server_;
};

// What became of the trials that were run.
struct RunTally {
  std::size_t ok = 0;
  std::size_t failed = 0;
  bool interrupted = false;
};

// Runs the trials of `plan` that are not in `finished` (case name, repetition), and appends a row
// for each to `directory`. Failures of trials are rows; throws std::system_error when a row cannot
// be written.
RunTally run_trials(const Experiment& experiment, const std::vector<Trial>& plan,
                    const std::set<std::pair<std::string, std::uint64_t>>& finished,
                    AgentPair& agents, RunDirectory& directory, const Interrupt& interrupt,
                    ProgressView& progress);

// The planned length of the trials that are not finished, cooldown included.
Nanoseconds expected_left(const Experiment& experiment, const std::vector<Trial>& plan,
                          const std::set<std::pair<std::string, std::uint64_t>>& finished);

}  // namespace pingperf
