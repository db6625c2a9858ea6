// Systems: what each agent of an experiment changes for a variant.
//
// Two agents can share a system: a kernel and a network namespace, as both ends of a run over
// loopback do. Then only one of them changes it.
#pragma once

#include <string>
#include <vector>

#include "harness/agent/agents.h"
#include "harness/experiment/experiment.h"

namespace pingperf {

// An agent, the target that its host is, and the targets that it changes.
struct SystemAgent {
  std::size_t pair;
  Target target;
  Channel* channel;
  std::vector<Target> changed;     // none if another agent changes the system
  std::vector<std::size_t> pairs;  // that share the system; complete only with variants
};

// Returns the agents of all pairs, each once, in the order in which they make changes. Without
// variants, an agent is in many pairs. Starts missing agents. Throws ChannelError.
std::vector<SystemAgent> system_agents(Agents& agents);

// Returns what the agent changes for the variant. Every agent applies cpu_limit and memory_limit to
// its own workers.
SystemChanges changes_of(const SystemAgent& agent, const Variant& variant);

// Waits for an event of the type `Answer` from an agent, and ignores others. Throws ChannelError,
// also if none arrives within `limit`.
template <typename Answer>
Answer await_answer(Channel& channel, Nanoseconds limit) {
  const Nanoseconds deadline = now_ns() + limit;
  while (auto event = channel.receive(deadline))
    if (auto* answer = std::get_if<Answer>(&*event)) return std::move(*answer);
  channel.give_up();
}

// Returns why hosts cannot make the changes of the experiment's variants, each with its location
// in the file and the host. `claims`: also reserves the systems for this run.
std::vector<std::string> problems_of_variants(const Experiment& experiment, Agents& agents,
                                              bool claims);

}  // namespace pingperf
