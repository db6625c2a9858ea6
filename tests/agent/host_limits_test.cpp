#include "harness/agent/host_limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "harness/experiment/experiment_reader.h"
#include "sockets/core/cpu_set.h"

namespace pingperf {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::StartsWith;

std::vector<std::string> limits(const std::string& workload, const std::string& hosts = "") {
  return limits_here(
      parse_experiment("name: x\n" + hosts + "workloads: {w: " + workload + "}\n", "x.yaml"));
}

TEST(HostLimits, AnOrdinaryTrialHasNone) {
  EXPECT_THAT(limits("{kind: latency, engine: blocking}"), IsEmpty());
}

TEST(HostLimits, ACpuThatIsNotThereIsNamedOnce) {
  EXPECT_THAT(limits("{kind: latency, pin: {client: 1023}, matrix: {engine: [blocking, epoll]}}"),
              ElementsAre(StartsWith("case 'w/engine=blocking' cannot run here: pin.client: ")));
}

TEST(HostLimits, PinsAreLeftOutForTheDoctor) {
  const Experiment experiment = parse_experiment(
      "name: x\nworkloads: {w: {kind: throughput, engine: blocking, congestion_control: nosuch, "
      "pin: {client: 1023}}}\n",
      "x.yaml");
  EXPECT_THAT(limits_here(experiment, false),
              ElementsAre(StartsWith("case 'w' cannot run here: congestion_control: ")));
}

TEST(HostLimits, SpinningThreadsOfNodesThatShareACpuAreNamed) {
  Options options;
  options.client_cpu = "node0";
  if (!resolve_nodes(options)) GTEST_SKIP() << "this kernel has no NUMA nodes";
  const auto streams = std::to_string(parse_cpus(*options.client_cpu).value().size());
  EXPECT_THAT(
      limits("{kind: latency, engine: spin, pin: {client: node0, server: node0}, streams: " +
             streams + "}"),
      ElementsAre(StartsWith("case 'w' cannot run here: engine spin with both ends on one "
                             "CPU measures the scheduler: ")));
}

TEST(HostLimits, ACongestionControlThatIsNotThereIsNamed) {
  EXPECT_THAT(
      limits("{kind: throughput, engine: blocking, congestion_control: nosuch}"),
      ElementsAre(StartsWith("case 'w' cannot run here: congestion_control: this kernel has "
                             "no nosuch: ")));
}

TEST(HostLimits, MoreStreamsThanDescriptorsAreNamed) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low = before;
  low.rlim_cur = std::min<rlim_t>(before.rlim_cur, 256);
  low.rlim_max = 256;
  if (::setrlimit(RLIMIT_NOFILE, &low) != 0) GTEST_SKIP() << "cannot lower the limit";
  EXPECT_THAT(limits("{kind: throughput, engine: epoll, streams: 250}"),
              ElementsAre(StartsWith("case 'w' cannot run here: streams: 250 streams for 256 ")));
  ::setrlimit(RLIMIT_NOFILE, &before);  // root only; no later test requires it
}

TEST(HostLimits, AMessageBeyondTheSendBufferIsNamedAsInItsRow) {
  EXPECT_THAT(
      limits(
          "{kind: throughput, transport: unix-seqpacket, engine: blocking, message_size: 64MiB}"),
      ElementsAre(MatchesRegex("case 'w' cannot run here: message_size: a message over "
                               "unix-seqpacket must fit into the send buffer, which holds [0-9]+ "
                               "bytes: lower message_size, or raise send_buffer")));
}

TEST(HostLimits, AnInterfaceThatIsNotThereIsNamedOnce) {
  EXPECT_THAT(limits("{kind: latency, transport: ethernet, engine: packet, interface: {client: "
                     "nosuch0, server: nosuch0}}"),
              ElementsAre("case 'w' cannot run here: interface 'nosuch0' does not exist on this "
                          "host: ip link show"));
}

TEST(HostLimits, AVariantMayMakeTheInterface) {
  EXPECT_THAT(
      limits_here(parse_experiment(
          "name: x\nvariants: {v: {setup: {client: [[ip, link, add, nosuch0, type, veth]]}, "
          "teardown: {client: [[ip, link, delete, nosuch0]]}}}\nworkloads: {w: {kind: "
          "latency, transport: ethernet, engine: packet, interface: {client: nosuch0, "
          "server: nosuch0}}}\n",
          "x.yaml")),
      IsEmpty());
}

TEST(HostLimits, ACongestionControlThatALabLacksIsNamed) {
  EXPECT_THAT(limits("{kind: throughput, congestion_control: nosuch, matrix: {engine: [blocking, "
                     "epoll]}}",
                     "lab: {}\n"),
              ElementsAre(StartsWith("case 'w/engine=blocking' cannot run here: "
                                     "congestion_control: this kernel has no nosuch: ")));
}

TEST(HostLimits, OtherHostsAreNotJudged) {
  EXPECT_THAT(limits("{kind: latency, engine: blocking, pin: {server: 1023}}",
                     "hosts: {server: {ssh: other, address: 192.0.2.1}}\n"),
              IsEmpty());
}

}  // namespace
}  // namespace pingperf
