// The agents of an experiment.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <vector>

#include "harness/agent/channel.h"
#include "harness/experiment/experiment.h"
#include "harness/experiment/plan.h"

namespace pingperf {

// The agents of a pair of hosts. Starts an agent that broke again for the next trial.
class AgentPair {
 public:
  using Files = std::shared_ptr<const std::vector<CopyFile>>;

  // Starts both agents, and copies `files` to those on other hosts. Throws ChannelError.
  explicit AgentPair(const HostPair& hosts, Files files = nullptr);

  // Start the agent if it does not run, or its channel is broken. Throw ChannelError if that fails.
  Channel& client();
  Channel* server();  // null if the server is external
  Channel* router();  // null unless a variant changes the router of a lab
  // Returns the agent of a place, which runs; null if there is none. Starts none.
  Channel* running(Place place) const;
  // Starts the agent of a place if it does not run. Returns null if the place has none.
  Channel* at(Place place);
  // Lets each running agent start a spare worker for its next trial.
  void prepare() noexcept;
  void drop();  // ends both agents, because their state is unknown

 private:
  std::unique_ptr<Channel> start(const Host& host, std::string_view end) const;

  const HostPair& hosts_;
  Files files_;  // read once, so that every agent gets the same; null: none
  std::unique_ptr<Channel> client_;
  std::unique_ptr<Channel> server_;
  std::unique_ptr<Channel> router_;
};

// The agents of each pair of hosts that an experiment has cases for, by the number of the pair.
class Agents {
 public:
  // Starts the agents. Throws ChannelError, or UsageError for a file of copy_files that cannot be
  // read.
  explicit Agents(const Experiment& experiment);

  AgentPair& of(const Case& c) { return pairs_.at(c.pair); }
  AgentPair& of(std::size_t pair) { return pairs_.at(pair); }

  auto begin() { return pairs_.begin(); }
  auto end() { return pairs_.end(); }

 private:
  std::map<std::size_t, AgentPair> pairs_;
};

}  // namespace pingperf
