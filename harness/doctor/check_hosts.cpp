#include "harness/doctor/check_hosts.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "harness/base/json.h"

namespace pingperf {
namespace {

constexpr Nanoseconds kMargin = 15 * kSecond;  // beyond the time of observation

std::string state_of(Channel& channel, Nanoseconds observe) {
  const Nanoseconds deadline = now_ns() + observe + kMargin;
  while (const auto event = channel.receive(deadline))
    if (const auto* result = std::get_if<HostCheckResult>(&*event)) return result->facts;
  throw ChannelError("an agent did not report the state of its host in time");
}

// A host, and the ends of trials that run on it.
struct CheckedHost {
  std::string name;
  Channel* channel;
  bool client;
  bool server;
  bool is_here;
};

HostReport report_of(const CheckedHost& host, Nanoseconds observe,
                     const std::optional<HostRequirements>& requirements) {
  const AgentHello& hello = host.channel->hello();
  HostReport report{host.name,    hello.host.json,  state_of(*host.channel, observe),
                    hello.undone, hello.not_undone, {},
                    host.is_here};
  Json all = parse_json(report.facts);
  all.update(parse_json(report.now));
  report.findings = judge_host(all, requirements);
  return report;
}

// Returns true if both agents reported the same kernel, rights and limits.
bool is_one_host(const HostFacts& client, const HostFacts& server) {
  return !client.boot_id.empty() && client.json == server.json;
}

// Returns the hosts of all pairs, each once. The ends of a single pair have no number.
std::vector<CheckedHost> distinct_hosts(const Experiment& experiment, Agents& agents) {
  std::vector<CheckedHost> hosts;
  std::set<const Channel*> seen;  // an agent is in many pairs
  const bool has_pairs = experiment.has_pairs;
  const auto add = [&](const char* end, std::size_t index, Channel& channel) {
    if (!seen.insert(&channel).second) return;
    const bool is_client = std::string_view(end) == "client";
    const HostPair& pair = experiment.hosts[index];
    const bool is_here = (is_client ? pair.client : pair.server)->launch.empty();
    const auto known = std::find_if(hosts.begin(), hosts.end(), [&](const CheckedHost& host) {
      return is_one_host(host.channel->hello().host, channel.hello().host);
    });
    if (known == hosts.end()) {
      hosts.push_back({has_pairs ? fmt::format("{} of pair {}", end, index + 1) : end, &channel,
                       is_client, !is_client, is_here});
      return;
    }
    if (!has_pairs) known->name = "both hosts";
    (is_client ? known->client : known->server) = true;
    known->is_here |= is_here;
  };
  for (auto& [index, pair] : agents) {
    if (pair.is_absent()) continue;
    add("client", index, pair.client());
    if (Channel* const server = pair.server()) add("server", index, *server);
  }
  return hosts;
}

}  // namespace

HostReport check_this_host(Nanoseconds observe) {
  Channel agent(agent_command({}, ""), "this host");
  agent.send(HostCheckRequest{to_seconds(observe)});
  return report_of({"this host", &agent, true, true, true}, observe, std::nullopt);
}

std::vector<HostReport> check_hosts(const Experiment& experiment, Agents& agents,
                                    Nanoseconds observe) {
  const std::vector<CheckedHost> hosts = distinct_hosts(experiment, agents);
  for (const CheckedHost& host : hosts)  // all hosts at once
    host.channel->send(HostCheckRequest{to_seconds(observe)});
  std::map<std::pair<bool, bool>, HostRequirements> requirements;  // of hosts of one kind
  std::vector<HostReport> reports;
  for (const CheckedHost& host : hosts) {
    const auto [known, is_new] = requirements.try_emplace({host.client, host.server});
    if (is_new) known->second = HostRequirements::of(experiment, host.client, host.server);
    reports.push_back(report_of(host, observe, known->second));
  }
  return reports;
}

Json to_json(const std::vector<HostReport>& reports) {
  Json hosts = Json::array();
  for (const HostReport& report : reports) {
    Json findings = Json::array();
    for (const Finding& f : report.findings)
      findings.push_back({{"subject", f.subject},
                          {"severity", name(f.severity)},
                          {"what", f.what},
                          {"why", f.why},
                          {"remedy", f.remedy}});
    hosts.push_back(
        {{"host", report.host}, {"now", parse_json(report.now)}, {"findings", findings}});
  }
  return hosts;
}

}  // namespace pingperf
