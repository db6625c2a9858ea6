#include "harness/agent/systems.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace pingperf {
namespace {

constexpr Nanoseconds kCheckLimit = 30 * kSecond;

// Adds the entries of `more`, unless they are the same lines of the file.
template <typename Entry>
void merge(std::vector<Entry>& entries, const std::vector<Entry>& more) {
  const bool is_same =
      !entries.empty() && !more.empty() && entries.front().location == more.front().location;
  if (!is_same) entries.insert(entries.end(), more.begin(), more.end());
}

// Returns the changes with the commands of the services at the agent's target, to be checked.
SystemChanges with_services(SystemChanges changes, const SystemAgent& agent,
                            const Variant& variant) {
  for (const Service& service : variant.services)
    if (service.on == agent.target) changes.setup.push_back({service.run, service.location});
  return changes;
}

}  // namespace

std::vector<SystemAgent> system_agents(Agents& agents) {
  std::vector<SystemAgent> all;
  std::set<const Channel*> seen;
  std::map<std::pair<std::string, std::string>, std::size_t> systems;  // kernel and namespace
  const auto add = [&](std::size_t pair, Target target, Channel* channel) {
    if (channel == nullptr || !seen.insert(channel).second) return;
    const AgentHello& hello = channel->hello();
    const auto [known, is_new] =
        systems.try_emplace({hello.host.boot_id, hello.network_namespace}, all.size());
    if (is_new || hello.host.boot_id.empty()) {
      all.push_back({pair, target, channel, {target}, {pair}});
      return;
    }
    SystemAgent& owner = all[known->second];
    if (std::ranges::find(owner.changed, target) == owner.changed.end())
      owner.changed.push_back(target);
    owner.pairs.push_back(pair);
    all.push_back({pair, target, channel, {}, {pair}});
  };
  for (auto& [number, pair] : agents) {
    if (pair.is_absent()) continue;
    add(number, Target::server, pair.server());
    add(number, Target::router, pair.router());
    add(number, Target::client, &pair.client());
  }
  return all;
}

SystemChanges changes_of(const SystemAgent& agent, const Variant& variant) {
  SystemChanges changes;
  changes.location = variant.location;
  for (const Target target : agent.changed) {
    const SystemChanges& more = variant.of(target);
    merge(changes.sysctls, more.sysctls);
    merge(changes.setup, more.setup);
    merge(changes.teardown, more.teardown);
    if (more.mtu) changes.mtu = more.mtu;
    if (more.offloads) changes.offloads = more.offloads;
  }
  changes.cpu_limit = variant.of(agent.target).cpu_limit;
  changes.memory_limit = variant.of(agent.target).memory_limit;
  return changes;
}

std::vector<std::string> problems_of_variants(const Experiment& experiment, Agents& agents,
                                              bool claims) {
  std::vector<std::string> problems;
  if (experiment.variants.empty()) return problems;
  for (const SystemAgent& agent : system_agents(agents)) {
    CheckVariants request;
    for (const auto& variant : experiment.variants) {
      SystemChanges changes = changes_of(agent, *variant);
      request.claims |= claims && changes.change_the_system();
      request.changes.push_back(with_services(std::move(changes), agent, *variant));
    }
    agent.channel->send(request);
    for (const std::string& problem :
         await_answer<VariantsChecked>(*agent.channel, kCheckLimit).problems)
      problems.push_back(fmt::format("{} (on the host of the {})", problem, name(agent.target)));
  }
  return problems;
}

}  // namespace pingperf
