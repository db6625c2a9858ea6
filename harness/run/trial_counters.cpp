#include "harness/run/trial_counters.h"

namespace pingperf {

TrialCounters::TrialCounters(Channel& client_agent, Channel* server_agent, Counters level) {
  if (level == Counters::off) return;
  const bool all = level == Counters::all;
  const AgentHello& client = client_agent.hello();
  if (server_agent) {
    const AgentHello& server = server_agent->hello();
    shares_kernel_ = client.host.shares_kernel_with(server.host);
    shares_network_ = shares_kernel_ && !client.network_namespace.empty() &&
                      client.network_namespace == server.network_namespace;
    readers_.push_back(
        {End::server, server_agent, {.kernel = true, .network = !shares_network_, .all = all}});
  }
  readers_.push_back(
      {End::client, &client_agent, {.kernel = !shares_kernel_, .network = true, .all = all}});
}

std::vector<CounterChange> TrialCounters::changes(const CounterReader& reader,
                                                  const CountersResult& result) const {
  std::vector<CounterChange> changes;
  for (CounterChange change : result.changes) {
    const bool is_of_kernel = is_kernel_wide(change.source);
    if (!(is_of_kernel ? reader.request.kernel : reader.request.network)) continue;
    const bool shared = is_of_kernel ? shares_kernel_ : shares_network_;
    change.host = shared ? "both" : name(reader.end);
    changes.push_back(std::move(change));
  }
  return changes;
}

}  // namespace pingperf
