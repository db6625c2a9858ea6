// Variants in an experiment. tests/bad/ has the wrong ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/experiment/experiment_reader.h"

namespace pingperf {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

Experiment with_variants(const std::string& variants, const std::string& before = "",
                         const std::string& more = "") {
  return parse_experiment("name: x\n" + before + "variants:\n" + variants +
                              "workloads:\n"
                              "  a: {kind: throughput, engine: blocking" +
                              more + "}\n  b: {kind: latency, engine: blocking}\n",
                          "x.yaml");
}

std::vector<std::string> names_of(const Experiment& e) {
  std::vector<std::string> names;
  for (const Case& c : e.cases) names.push_back(c.name);
  return names;
}

TEST(Variants, AreAnAxisOfEveryCase) {
  const Experiment e = with_variants("  plain: {}\n  other: {env: {A: 1}}\n");
  EXPECT_THAT(names_of(e), ElementsAre("a/variant=plain", "a/variant=other", "b/variant=plain",
                                       "b/variant=other"));
  EXPECT_THAT(e.cases[1].axes, ElementsAre(Pair("variant", "other")));
  EXPECT_EQ(e.cases[1].variant, e.variants[1]);
}

TEST(Variants, AWorkloadCanHaveSomeOfThem) {
  const Experiment e = with_variants("  plain: {}\n  other: {}\n", "", ", variants: [other]");
  EXPECT_THAT(names_of(e), ElementsAre("a/variant=other", "b/variant=plain", "b/variant=other"));
}

TEST(Variants, ComeBeforeThePairOfHosts) {
  const Experiment e = with_variants(
      "  plain: {}\n",
      "hosts: {pairs: [{client: {netns: a}, server: {netns: b}}, {client: {netns: c}}]}\n");
  EXPECT_EQ(e.cases[1].name, "a/variant=plain/pair=2");
}

TEST(Variants, ChangesWithoutAPlaceAreForBothEnds) {
  const Experiment e = with_variants(
      "  v: {sysctl: {net.core.rmem_max: 1}, setup: [[true]], teardown: [], offloads: false}\n",
      "lab: {}\n");
  const Variant& v = *e.variants.front();
  for (const Target target : {Target::client, Target::server}) {
    ASSERT_EQ(v.of(target).sysctls.size(), 1u);
    EXPECT_EQ(v.of(target).sysctls[0].name, "net.core.rmem_max");
    EXPECT_EQ(v.of(target).sysctls[0].value, "1");
    EXPECT_THAT(v.of(target).setup.at(0).arguments, ElementsAre("true"));
  }
  EXPECT_THAT(v.of(Target::router).sysctls, IsEmpty());
  EXPECT_THAT(v.of(Target::router).setup, IsEmpty());
  EXPECT_EQ(v.of(Target::router).offloads, false) << "the router is part of the path";
}

TEST(Variants, ChangesCanHaveAPlace) {
  const Experiment e = with_variants(
      "  v: {setup: {router: [[nft, list, ruleset]]}, teardown: {router: [[a], [b, c]]},"
      " mtu: {client: 1400}, cgroup: {server: {cpu: 250%, memory: 1GiB}}}\n",
      "lab: {}\n");
  const Variant& v = *e.variants.front();
  EXPECT_EQ(v.of(Target::router).setup.size(), 1u);
  EXPECT_EQ(v.of(Target::router).teardown.size(), 2u);
  EXPECT_EQ(v.of(Target::client).mtu, 1400u);
  EXPECT_FALSE(v.of(Target::server).mtu);
  EXPECT_EQ(v.of(Target::server).cpu_limit, 2.5);
  EXPECT_EQ(v.of(Target::server).memory_limit, 1u << 30);
}

TEST(Variants, AServiceIsAProgramThatKnowsTheServer) {
  const Experiment e = with_variants(
      "  v: {service: {on: server, run: [proxy, \"{service_port}\", \"a{{b\", "
      "\"{address}:{port}\"]},"
      " dial: \"192.0.2.7:{service_port}\"}\n");
  const Variant& v = *e.variants.front();
  EXPECT_EQ(v.dial->host, "192.0.2.7");
  EXPECT_EQ(v.dial->port, 0);
  EXPECT_TRUE(v.services[0].names("port"));
  const ProgramEnd end = program_of(v.services[0], "v", "10.0.0.1", 77);
  ASSERT_EQ(end.arguments.size(), 4u);
  EXPECT_EQ(end.arguments[1].text, "{port}") << "its own port is that of the service";
  EXPECT_EQ(end.arguments[2].text, "a{{b");
  EXPECT_EQ(end.arguments[3].text, "10.0.0.1:77");
}

TEST(Variants, SettleOnlyIfSomethingChanges) {
  const Experiment e = with_variants("  plain: {}\n  v: {env: {A: 1}}\n  w: {settle: 3s}\n");
  EXPECT_EQ(e.variants[0]->settling_time(), 0);
  EXPECT_EQ(e.variants[1]->settling_time(), 200 * kMillisecond);
  EXPECT_EQ(e.variants[2]->settling_time(), 3 * kSecond);
}

TEST(Variants, AreShownAsCommands) {
  const Experiment e = with_variants(
      "  v: {sysctl: {net.ipv4.tcp_rmem: \"1 2 3\"}, mtu: 1400, setup: [[a, b c]], teardown: "
      "[[d]]}\n");
  EXPECT_THAT(commands_of(e.variants[0]->of(Target::client)),
              ElementsAre("sysctl -w 'net.ipv4.tcp_rmem=1 2 3'", "ip link set dev … mtu 1400",
                          "a 'b c'", "d"));
}

}  // namespace
}  // namespace pingperf
