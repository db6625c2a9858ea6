#include "harness/doctor_visit.h"

namespace pingperf {
namespace {

constexpr Nanoseconds kPatience = 15 * kSecond;  // beyond the time of observation

Json examination_of(Channel& channel, Nanoseconds observe) {
  const Nanoseconds deadline = now_ns() + observe + kPatience;
  while (const auto event = channel.receive(deadline))
    if (const auto* examination = std::get_if<Examination>(&*event)) return examination->facts;
  throw ChannelError("an agent did not tell of its host in time");
}

HostReport report_of(const char* host, Channel& channel, Nanoseconds observe,
                     const std::optional<Needs>& needs) {
  HostReport report{host, channel.hello().host, examination_of(channel, observe), {}};
  Json all = report.facts;
  all.update(report.now);
  report.findings = judge_host(all, needs);
  return report;
}

// As far as the agents have told: one kernel, and the same rights and limits.
bool is_one_host(Channel& client, Channel& server) {
  const Json& host = client.hello().host;
  return host.contains("boot_id") && host == server.hello().host;
}

}  // namespace

HostReport visit_this_host(Nanoseconds observe) {
  ProcessChannel agent(agent_command({}, ""), "this host");
  agent.send(Examine{to_seconds(observe)});
  return report_of("this host", agent, observe, std::nullopt);
}

std::vector<HostReport> visit(const Experiment& experiment, Channel& client, Channel* server,
                              Nanoseconds observe) {
  const bool one = server && is_one_host(client, *server);
  const Examine request{to_seconds(observe)};
  client.send(request);
  if (server && !one) server->send(request);  // both at once
  std::vector<HostReport> reports;
  reports.push_back(
      report_of(one ? "both hosts" : "client", client, observe, Needs::of(experiment, true, one)));
  if (server && !one)
    reports.push_back(report_of("server", *server, observe, Needs::of(experiment, false, true)));
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
    hosts.push_back({{"host", report.host}, {"now", report.now}, {"findings", findings}});
  }
  return hosts;
}

}  // namespace pingperf
