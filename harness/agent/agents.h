// The agents of an experiment.
#pragma once

#include <cstddef>
#include <map>
#include <memory>

#include "harness/agent/channel.h"
#include "harness/experiment/experiment.h"
#include "harness/experiment/plan.h"

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

}  // namespace pingperf
