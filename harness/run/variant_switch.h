// Switches the systems of an experiment from one variant to another, between two trials.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "harness/agent/systems.h"
#include "harness/base/interrupt.h"
#include "harness/experiment/experiment.h"
#include "harness/run/trial_run.h"

namespace pingperf {

class VariantSwitch {
 public:
  // Throws UsageError if a host cannot make the changes of a variant, or another run changes it.
  VariantSwitch(const Experiment& experiment, Agents& agents, const Interrupt& interrupt);
  VariantSwitch(const VariantSwitch&) = delete;
  VariantSwitch& operator=(const VariantSwitch&) = delete;
  ~VariantSwitch();

  // Returns true if the systems are in the state of the variant (null: as before the run).
  bool is_at(const Variant* variant);
  // Undoes the present variant, makes the changes of another, starts its services, and waits for
  // its settling time. Returns why this failed; then nothing is changed. Returns "" otherwise.
  std::string to(const Variant* variant);

  // Returns where the trials of a pair go in the present variant.
  const TrialPath& path(std::size_t pair) const;
  // A service has ended by itself: to() starts the present variant anew.
  void forget(std::size_t pair, std::uint64_t endpoint);

  // Returns the changes that could not be undone: each a command and its error.
  const std::vector<std::string>& not_undone() const noexcept { return not_undone_; }

 private:
  // An agent that has made changes or runs a service. If it dies, its successor may have the same
  // address, but it is another process.
  struct AgentProcess {
    SystemAgent agent;
    pid_t pid;
  };
  struct RunningService {
    AgentProcess process;
    std::uint64_t endpoint;
  };

  void make(const Variant& variant);
  void change(const SystemAgent& agent, const Variant& variant);
  void start_service(const SystemAgent& agent, const Variant& variant, std::size_t index);
  void undo() noexcept;
  bool undo_by(const AgentProcess& process);
  void undo_by_successor(const SystemAgent& agent) noexcept;
  bool is_running(const AgentProcess& process);
  Event await_service(Channel& channel, std::uint64_t endpoint);
  void stop_services() noexcept;
  void note_not_undone(const SystemAgent& agent, const std::vector<std::string>& commands);
  std::string server_address(std::size_t pair, const Variant& variant) const;
  std::vector<std::string> data_addresses(const SystemAgent& agent, const Variant& variant) const;

  const Experiment& experiment_;
  Agents& agents_;
  const Interrupt& interrupt_;
  const Variant* present_ = nullptr;
  bool is_known_ = true;                // false: the state of some system is not that of `present_`
  std::vector<AgentProcess> changed_;   // in the order of the changes
  std::vector<pid_t> agent_processes_;  // of all agents at that time
  std::vector<RunningService> services_;
  std::map<std::size_t, TrialPath> paths_;  // by pair
  std::vector<std::string> not_undone_;
};

}  // namespace pingperf
