#include "harness/doctor/doctor_visit.h"

#include <fmt/core.h>

#include <algorithm>
#include <string_view>

namespace pingperf {
namespace {

constexpr Nanoseconds kPatience = 15 * kSecond;  // beyond the time of observation

Json examination_of(Channel& channel, Nanoseconds observe) {
  const Nanoseconds deadline = now_ns() + observe + kPatience;
  while (const auto event = channel.receive(deadline))
    if (const auto* examination = std::get_if<HostCheckResult>(&*event)) return examination->facts;
  throw ChannelError("an agent did not tell of its host in time");
}

// A host that is to be examined, and the ends that run there.
struct Patient {
  std::string host;
  Channel* channel;
  bool client;
  bool server;
};

HostReport report_of(const Patient& patient, Nanoseconds observe,
                     const std::optional<Needs>& needs) {
  HostReport report{
      patient.host, patient.channel->hello().host, examination_of(*patient.channel, observe), {}};
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

// The hosts of all pairs, each once. The ends of a single pair need no number.
std::vector<Patient> patients_of(Agents& agents, bool has_pairs) {
  std::vector<Patient> patients;
  const auto add = [&](const char* end, std::size_t number, Channel& channel) {
    const bool is_client = std::string_view(end) == "client";
    const auto known = std::find_if(patients.begin(), patients.end(), [&](const Patient& p) {
      return is_one_host(*p.channel, channel);
    });
    if (known == patients.end()) {
      patients.push_back({has_pairs ? fmt::format("{} of pair {}", end, number) : end, &channel,
                          is_client, !is_client});
      return;
    }
    if (!has_pairs) known->host = "both hosts";
    (is_client ? known->client : known->server) = true;
  };
  for (auto& [index, pair] : agents) {
    add("client", index + 1, pair.client());
    if (Channel* const server = pair.server()) add("server", index + 1, *server);
  }
  return patients;
}

}  // namespace

HostReport check_this_host(Nanoseconds observe) {
  ProcessChannel agent(agent_command({}, ""), "this host");
  agent.send(HostCheckRequest{to_seconds(observe)});
  return report_of({"this host", &agent, true, true}, observe, std::nullopt);
}

std::vector<HostReport> visit(const Experiment& experiment, Agents& agents, Nanoseconds observe) {
  const std::vector<Patient> patients = patients_of(agents, experiment.has_pairs);
  for (const Patient& patient : patients)  // all at once
    patient.channel->send(HostCheckRequest{to_seconds(observe)});
  std::vector<HostReport> reports;
  for (const Patient& patient : patients)
    reports.push_back(
        report_of(patient, observe, Needs::of(experiment, patient.client, patient.server)));
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
