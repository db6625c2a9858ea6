// The findings of the doctor for made-up hosts and for this host.
#include "harness/doctor/doctor.h"

#include <gmock/gmock.h>

#include "harness/base/json.h"
#include "harness/base/version.h"
#include "harness/doctor/check_hosts.h"
#include "harness/experiment/experiment_reader.h"

namespace pingperf {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Returns the facts of a host without findings.
Json good_host() {
  return {{"build_type", "Release"},
          {"governor", "performance"},
          {"turbo", false},
          {"cpus_allowed", "0-3,8"},
          {"clocksource", "tsc"},
          {"clocksources", "tsc hpet"},
          {"clock_cost_ns", 20.5},
          {"rmem_max", 8 << 20},
          {"wmem_max", 8 << 20},
          {"capabilities", {"CAP_NET_ADMIN", "CAP_NET_RAW"}},
          {"libiperf", "3.18"},
          {"load_ratio", 0.01},
          {"steal_ratio", 0.0},
          {"kernel_stamps", true},
          {"stamps_sent", {{"lo", true}}},
          {"qdiscs", {"tbf", "netem", "fq"}}};
}

// Returns the findings for a good host with other `facts`: "serious governor: the CPU governor is
// …".
std::vector<std::string> findings(
    const Json& facts, const std::optional<HostRequirements>& requirements = std::nullopt) {
  Json host = good_host();
  host.update(facts);
  std::vector<std::string> lines;
  for (const Finding& f : judge_host(host, requirements)) {
    lines.push_back(std::string(name(f.severity)) + " " + f.subject + ": " + f.what);
    EXPECT_FALSE(f.why.empty()) << lines.back();
    EXPECT_FALSE(f.remedy.empty()) << lines.back();
  }
  return lines;
}

TEST(Doctor, RemediesFitTheContainer) {
  const auto remedy = [](const char* container) {
    Json facts = good_host();
    facts["capabilities"] = {"CAP_NET_ADMIN"};
    facts["container"] = container;
    return judge_host(facts, std::nullopt).at(0).remedy;
  };
  EXPECT_EQ(remedy("podman"), "podman run --cap-add NET_RAW …");
  EXPECT_EQ(remedy("docker"), "docker run --cap-add NET_RAW …");
  EXPECT_EQ(remedy("kubernetes"), "securityContext: {capabilities: {add: [NET_RAW]}}");
}

TEST(Doctor, AStepOfSlurmWithFewerCpusThanStreamsIsNoted) {
  HostRequirements four;
  four.streams = 4;
  EXPECT_THAT(findings({{"cpus_allowed", "0"}, {"slurm_job", 7}}, four),
              ElementsAre("note slurm: the job step has 1 CPU for 4 streams"));
  EXPECT_THAT(findings({{"cpus_allowed", "0-3"}, {"slurm_job", 7}}, four), IsEmpty());
  EXPECT_THAT(findings({{"cpus_allowed", "0"}}, four), IsEmpty());
}

TEST(Doctor, AnotherCommitOfTheSameVersionIsNoted) {
  if (git_commit().empty()) GTEST_SKIP() << "not built in a checkout";
  EXPECT_THAT(findings({{"git", "0123abc"}}),
              ElementsAre(HasSubstr("note commit: pingperf is of commit 0123abc there")));
  EXPECT_THAT(findings({{"git", git_commit()}}), IsEmpty());
}

TEST(Doctor, FindsNothingOnAGoodHostAndWithoutFacts) {
  EXPECT_THAT(findings(Json::object()), IsEmpty());
  EXPECT_THAT(judge_host(Json::object(), std::nullopt), IsEmpty());
  EXPECT_THAT(judge_host(Json::object(), HostRequirements{.pins = {"1"}, .threads = 9}), IsEmpty());
}

TEST(Doctor, IgnoresFactsOfAnotherType) {
  EXPECT_THAT(findings({{"governor", 1},
                        {"turbo", "on"},
                        {"cpus_allowed", 3},
                        {"load_ratio", "all"},
                        {"capabilities", "none"},
                        {"qdiscs", {1, 2}},
                        {"stamps_sent", true},
                        {"rmem_max", "1"},
                        {"libiperf", "new"}}),
              IsEmpty());
}

TEST(Doctor, FindsSettingsThatChangeTheFrequencyOfTheCpus) {
  EXPECT_THAT(findings({{"governor", "performance powersave"}}),
              ElementsAre("serious governor: the CPU governor is performance powersave"));
  EXPECT_THAT(findings({{"turbo", true}}), ElementsAre(HasSubstr("note turbo")));
}

TEST(Doctor, OtherProgramsAreSeriousFromAQuarterOfTheCpusOn) {
  EXPECT_THAT(findings({{"load_ratio", 0.09}}), IsEmpty());
  EXPECT_THAT(findings({{"load_ratio", 0.2}}),
              ElementsAre("note load: other programs take 20% of the CPU time"));
  EXPECT_THAT(findings({{"load_ratio", 0.6}}), ElementsAre(HasSubstr("serious load")));
  EXPECT_THAT(findings({{"steal_ratio", 0.06}}),
              ElementsAre("serious steal: 6% of the CPU time is stolen"));
}

TEST(Doctor, CountsCpusForThePinsAndThreads) {
  const Json few = {{"cpus_allowed", "0-1"}};
  EXPECT_THAT(findings(few), ElementsAre(HasSubstr("note cpus: 2 CPUs")));
  EXPECT_THAT(findings(few, HostRequirements{.pins = {"0", "1"}, .threads = 2}), IsEmpty());
  EXPECT_THAT(findings(few, HostRequirements{.pins = {"0", "2"}}),
              ElementsAre("serious cpus: pin: CPU 2 is not one that pingperf may use: 0-1"));
  EXPECT_THAT(findings(Json::object(), HostRequirements{.pins = {"3,8"}}), IsEmpty());
  EXPECT_THAT(findings(Json::object(), HostRequirements{.pins = {"2-4"}}),
              ElementsAre(HasSubstr("a CPU of 2-4")));
  EXPECT_THAT(findings(Json::object(), HostRequirements{.pins = {"4"}}),
              ElementsAre(HasSubstr("CPU 4")));
  EXPECT_THAT(findings(few, HostRequirements{.threads = 4}),
              ElementsAre("note cpus: 4 threads of the experiment share 2 CPUs"));
  EXPECT_THAT(findings(few, HostRequirements{.threads = 4, .spinning = 4}),
              ElementsAre(HasSubstr("serious cpus")));
  const Json by_taskset = {{"cpus_allowed", "0"}, {"cpus_usable", "0-1"}};
  EXPECT_THAT(findings(by_taskset, HostRequirements{.threads = 2, .spinning = 2}),
              ElementsAre(HasSubstr("serious cpus")));
  EXPECT_THAT(
      findings(by_taskset, HostRequirements{.pins = {"0", "1"}, .threads = 2, .spinning = 2}),
      IsEmpty());
  EXPECT_THAT(findings({{"cpu_quota", 1.5}}),
              ElementsAre("serious quota: the control group may use the time of 1.5 CPUs"));
}

TEST(Doctor, FindsASlowClockByItsCost) {
  EXPECT_THAT(findings({{"clock_cost_ns", 900.0}, {"clocksource", "hpet"}}),
              ElementsAre("serious clock: reading the clock takes 900 ns (clock source hpet)"));
}

TEST(Doctor, BufferLimitsApplyWithoutCapNetAdmin) {
  const Json user = {{"capabilities", {"CAP_NET_RAW"}}, {"rmem_max", 212992}};
  EXPECT_THAT(findings({{"rmem_max", 212992}}), IsEmpty());
  EXPECT_THAT(findings(user), ElementsAre("note buffers: rmem_max is 208 KiB",
                                          "note capabilities: no CAP_NET_ADMIN"));
  EXPECT_THAT(findings(user, HostRequirements{.receive_buffer = 1 << 20}),
              ElementsAre("serious buffers: rmem_max is 208 KiB, the experiment requires 1 MiB",
                          HasSubstr("CAP_NET_ADMIN")));
  EXPECT_THAT(findings(user, HostRequirements{.receive_buffer = 1 << 16}),
              ElementsAre(HasSubstr("CAP_NET_ADMIN")));
}

TEST(Doctor, AMissingFeatureIsSeriousIfTheExperimentRequiresIt) {
  const Json poor = {{"capabilities", {"CAP_NET_ADMIN"}},
                     {"qdiscs", {"tbf"}},
                     {"kernel_stamps", false},
                     {"stamps_sent", {{"eth0", false}}}};
  EXPECT_THAT(
      findings(poor),
      ElementsAre("note capabilities: no CAP_NET_RAW", "note qdiscs: the kernel has no netem",
                  "note qdiscs: the kernel has no fq",
                  HasSubstr("note time stamps: the kernel does not stamp packets"),
                  "note time stamps: eth0 does not stamp sent packets"));
  EXPECT_THAT(findings(poor, HostRequirements{}), IsEmpty());
  EXPECT_THAT(findings(poor, HostRequirements{.raw_sockets = true}),
              ElementsAre("serious capabilities: no CAP_NET_RAW"));
  EXPECT_THAT(findings(poor, HostRequirements{.xdp = true}),
              ElementsAre("serious capabilities: no CAP_BPF"));
  EXPECT_THAT(findings(poor, HostRequirements{.qdiscs = {"tbf", "netem"}}),
              ElementsAre("serious qdiscs: the kernel has no netem"));
  EXPECT_THAT(findings(poor, HostRequirements{.kernel_stamps = true}),
              ElementsAre(HasSubstr("serious time stamps"), HasSubstr("note time stamps: eth0")));
  EXPECT_THAT(findings({{"qdiscs_unknown", "tc: not found"}}),
              ElementsAre(HasSubstr("note qdiscs")));
}

TEST(Doctor, FindsAnOldLibiperf) {
  EXPECT_THAT(findings({{"libiperf", "3.12"}}), ElementsAre("note libiperf: libiperf is 3.12"));
  EXPECT_THAT(findings({{"libiperf", "3.9"}}), ElementsAre(HasSubstr("note libiperf")));
  EXPECT_THAT(findings({{"libiperf", "3.16"}}), IsEmpty());
  EXPECT_THAT(findings({{"libiperf", "3.12"}}, HostRequirements{}), IsEmpty());
  EXPECT_THAT(findings({{"libiperf", "3.12"}}, HostRequirements{.iperf3_streams = true}),
              ElementsAre(HasSubstr("note libiperf")));
}

TEST(Doctor, SeriousFindingsComeFirst) {
  EXPECT_THAT(
      findings({{"turbo", true},
                {"stale_labs", {"pingperf-1-2-client"}},
                {"build_type", "Debug"},
                {"steal_ratio", 0.5}}),
      ElementsAre("serious build: this pingperf is a Debug build", HasSubstr("serious steal"),
                  HasSubstr("note turbo"), "note labs: 1 namespace of labs whose run has ended"));
}

TEST(Doctor, CollectsTheRequirementsOfAnExperimentOnEachHost) {
  const Experiment experiment = parse_experiment(R"(
name: needy
lab: {rate: 10mbit, delay: 5ms, router: false}
workloads:
  bulk: {kind: throughput, engine: iperf3, streams: 4, receive_buffer: 2MiB}
  pings: {kind: latency, engine: spin, timestamps: kernel, pin: {client: 2, server: 3}}
  raws: {kind: latency, engine: blocking, transport: raw}
  paced: {kind: throughput, engine: iperf3, transport: udp, fq_rate: 5mbit}
  frames:
    {kind: latency, engine: xdp, transport: ethernet, interface: {client: a0, server: b0}}
)",
                                                 "needy.yaml");
  const HostRequirements both = HostRequirements::of(experiment, true, true);
  EXPECT_THAT(both.pins, ElementsAre("2", "3"));
  EXPECT_EQ(both.threads, 2u);
  EXPECT_EQ(both.spinning, 2u);
  EXPECT_EQ(both.receive_buffer, 2u << 20);
  EXPECT_EQ(both.send_buffer, 0u);
  EXPECT_TRUE(both.raw_sockets);
  EXPECT_TRUE(both.xdp);
  EXPECT_TRUE(both.kernel_stamps);
  EXPECT_TRUE(both.iperf3_streams);
  EXPECT_THAT(both.qdiscs, ElementsAre("fq", "netem", "tbf"));
  const HostRequirements server = HostRequirements::of(experiment, false, true);
  EXPECT_THAT(server.pins, ElementsAre("3"));
  EXPECT_EQ(server.threads, 1u);
}

TEST(Doctor, OnlyThreadsThatNeverSleepSpin) {
  const auto of = [](const std::string& options) {
    return HostRequirements::of(
        parse_experiment("{name: e, workloads: {w: {kind: latency, " + options + "}}}", "e.yaml"),
        true, true);
  };
  EXPECT_EQ(of("engine: spin").spinning, 2u);
  EXPECT_EQ(of("engine: hybrid").spinning, 0u);
  EXPECT_EQ(of("engine: hybrid, streams: 3").threads, 6u);
  const HostRequirements icmp = of("engine: spin, transport: icmp");  // the kernel answers
  EXPECT_EQ(icmp.spinning, 1u);
  EXPECT_EQ(icmp.threads, 1u);
}

// Returns the reports of an experiment between `client` and `server`.
std::vector<HostReport> checked_hosts(const Host& client, const Host& server) {
  Experiment experiment =
      parse_experiment("{name: e, workloads: {w: {kind: throughput, engine: noop}}}", "e.yaml");
  experiment.hosts = {{client, server}};
  Agents agents(experiment);
  return check_hosts(experiment, agents, 10 * kMillisecond);
}

Host local_host() {
  Host host;
  host.pingperf = PINGPERF_BINARY;
  return host;
}

TEST(Doctor, ChecksAHostOnceAndReadsItsFacts) {
  const auto reports = checked_hosts(local_host(), local_host());
  ASSERT_EQ(reports.size(), 1u);
  const HostReport& report = reports.front();
  EXPECT_EQ(report.host, "both hosts");
  const Json facts = parse_json(report.facts), now = parse_json(report.now);
  EXPECT_TRUE(facts.at("cpus_allowed").is_string());
  EXPECT_TRUE(facts.at("capabilities").is_array());
  EXPECT_GT(now.at("clock_cost_ns").get<double>(), 0);
  EXPECT_TRUE(now.at("kernel_stamps").is_boolean());
  EXPECT_TRUE(now.contains("qdiscs") || now.contains("qdiscs_unknown"));
  EXPECT_TRUE(now.at("stamps_sent").is_object());
  EXPECT_EQ(to_json(reports).at(0).at("findings").size(), report.findings.size());
}

TEST(Doctor, ChecksTwoHostsIfTheEndsAreOnTwo) {
  Host other;
  other.launch = {PINGPERF_FAKE_AGENT, "ok"};
  const auto reports = checked_hosts(local_host(), other);
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_EQ(reports[1].host, "server");
  EXPECT_THAT(reports[1].findings, IsEmpty());
  Host external;
  external.external = "192.0.2.1";
  EXPECT_EQ(checked_hosts(local_host(), external).size(), 1u);
}

TEST(Doctor, ChecksTheHostsOfManyPairsOnce) {
  Experiment experiment = parse_experiment(
      "{name: e, hosts: {pairs: [{}, {}]}, workloads: {w: {kind: throughput, engine: noop}}}",
      "e.yaml");
  Host other;
  other.launch = {PINGPERF_FAKE_AGENT, "ok"};
  experiment.hosts = {{local_host(), local_host()}, {local_host(), other}};
  Agents agents(experiment);
  const auto reports = check_hosts(experiment, agents, 10 * kMillisecond);
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_EQ(reports[0].host, "client of pair 1");
  EXPECT_EQ(reports[1].host, "server of pair 2");
}

}  // namespace
}  // namespace pingperf
