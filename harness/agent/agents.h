// The agents of an experiment: one for each host and end, whatever pairs of hosts it is in.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "harness/agent/host_agent.h"
#include "harness/base/event_loop.h"
#include "harness/base/interrupt.h"
#include "harness/experiment/experiment.h"
#include "harness/experiment/plan.h"

namespace pingperf {

class Agents;

// The user has interrupted the program while it waited for agents.
class StartInterrupted : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The agents of a pair of hosts.
class AgentPair {
 public:
  // Return the channel of a ready agent. If the agent is away, start it and wait. Throw
  // ChannelError if that fails, or if the host has been absent from the start of the run.
  Channel& client() { return *at(Target::client); }
  Channel* server() { return at(Target::server); }  // null if the server is external
  Channel* router() { return at(Target::router); }  // null unless a variant changes a lab's router
  // Does the same for the agent of a target. Returns null if the target has none.
  Channel* at(Target target);
  // Returns the channel of the agent of a target; null if it is not ready or there is none.
  Channel* running(Target target) const;

  HostAgent& client_agent() const { return *agent_at(Target::client); }
  // Returns null if the server is external.
  HostAgent* server_agent() const { return agent_at(Target::server); }
  // Returns true if all agents are ready.
  bool is_ready() const;
  // Returns true if an agent could not be started at the start of the run.
  bool is_absent() const;
  // Returns why an agent is away.
  const std::string& error() const;

 private:
  friend Agents;
  explicit AgentPair(Agents& agents) : agents_(&agents) {}
  HostAgent* agent_at(Target target) const { return ends_[static_cast<std::size_t>(target)]; }

  Agents* agents_;
  std::array<HostAgent*, std::size(kTargets)> ends_{};  // null: the target has no agent
};

// Returns how many agents the experiment has, see Agents.
std::size_t count_agents(const Experiment& experiment);

// The agents of all pairs of hosts that an experiment has cases for, by the number of the pair.
// Ends that are on one host share an agent if they are both clients or both servers. An experiment
// with variants has an agent for each pair, because each makes the changes of its own pair.
class Agents {
 public:
  // Starts the agents, many at once. Throws ChannelError with one line for each host that cannot be
  // reached, unless as many hosts are ready as the experiment requires. Throws StartInterrupted, or
  // UsageError for a file of copy_files that cannot be read and for a limit of descriptors that is
  // too low.
  explicit Agents(const Experiment& experiment, const Interrupt* interrupt = nullptr);
  Agents(const Agents&) = delete;
  Agents& operator=(const Agents&) = delete;
  ~Agents();

  AgentPair& of(const Case& c) { return pairs_.at(c.pair); }
  AgentPair& of(std::size_t pair) { return pairs_.at(pair); }

  auto begin() { return pairs_.begin(); }
  auto end() { return pairs_.end(); }

  // Returns one line for each host that could not be reached at the start.
  const std::vector<std::string>& absent() const noexcept { return absent_; }

  // The loop in which agents start and send their events.
  EventLoop& loop() noexcept { return loop_; }
  // Goes on with the starts and ends of agents, then waits for events until `deadline` at most.
  void run_once(Nanoseconds deadline);
  // Waits until the agent is ready. Throws ChannelError if the start fails.
  Channel& await(HostAgent& agent);

 private:
  void start_all(const Interrupt* interrupt);
  void judge_start(std::size_t minimum);
  void begin_ends() noexcept;
  void step();

  EventLoop loop_;
  std::deque<HostAgent> agents_;
  std::map<std::size_t, AgentPair> pairs_;
  std::vector<std::string> absent_;
  bool has_started_all_ = false;  // once; from then on, those that are lost start again
  Nanoseconds next_step_ = 0;
  bool is_settled_ = false;  // no agent needs another step soon
};

}  // namespace pingperf
