// The runner: carries out the plan of an experiment, trial after trial, and records each.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "harness/channel.h"
#include "harness/experiment.h"
#include "harness/interrupt.h"
#include "harness/plan.h"
#include "harness/progress.h"
#include "harness/run_directory.h"
#include "harness/trial_run.h"

namespace pingperf {

// The agents of a pair of hosts. One that broke is started anew for the next trial.
class AgentPair {
 public:
  // Starts both. Throws ChannelError.
  explicit AgentPair(const HostPair& hosts);

  Channel& client();  // throws ChannelError when it has to be, and cannot be, started anew
  Channel* server();  // likewise; null when the server is external
  void drop();        // ends both: their state is not to be trusted

 private:
  const HostPair& hosts_;
  std::unique_ptr<Channel> client_;
  std::unique_ptr<Channel> server_;
};

// The agents of every pair of hosts that an experiment has cases for; by its number there.
class Agents {
 public:
  // Starts them. Throws ChannelError.
  explicit Agents(const Experiment& experiment);

  AgentPair& of(const Case& c) { return pairs_.at(c.pair); }

  auto begin() { return pairs_.begin(); }
  auto end() { return pairs_.end(); }

 private:
  std::map<std::size_t, AgentPair> pairs_;
};

// The trials of `plan` that are not among the finished ones of `directory`.
std::vector<Trial> missing_trials(const Experiment& experiment, const std::vector<Trial>& plan,
                                  const RunDirectory& directory);

// Runs `trials`, wave after wave, and appends a row for each to `directory`; stops early when
// interrupted. What fails is a row; throws std::system_error when a row cannot be written.
void run_trials(const Experiment& experiment, const std::vector<Trial>& trials, Agents& agents,
                RunDirectory& directory, const Interrupt& interrupt, ProgressView& progress);

}  // namespace pingperf
