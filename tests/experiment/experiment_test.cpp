#include <fmt/core.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "harness/base/suggest.h"
#include "harness/base/usage_error.h"
#include "harness/experiment/experiment_reader.h"
#include "harness/experiment/old_names.h"
#include "harness/verdicts/criteria_reader.h"

namespace pingperf {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Experiment parse(const std::string& yaml, const Overrides& overrides = {}) {
  return parse_experiment(yaml, "test.yaml", overrides);
}

std::string error_of(const std::string& yaml, const Overrides& overrides = {}) {
  try {
    parse(yaml, overrides);
    return "";
  } catch (const UsageError& e) {
    return e.what();
  }
}

std::vector<std::string> names(const Experiment& e) {
  std::vector<std::string> names;
  for (const Case& c : e.cases) names.push_back(c.name);
  return names;
}

constexpr const char* kBulk = R"(
name: x
workloads:
  bulk: {kind: throughput, matrix: {engine: [iperf3, blocking], streams: [1, 4]}}
  ping: {kind: latency, engine: blocking, message_size: 64}
)";

TEST(Experiment, CasesAreNamedByWorkloadAndMatrix) {
  EXPECT_THAT(
      names(parse(kBulk)),
      ElementsAre("bulk/engine=iperf3/streams=1", "bulk/engine=iperf3/streams=4",
                  "bulk/engine=blocking/streams=1", "bulk/engine=blocking/streams=4", "ping"));
}

TEST(Experiment, DefaultsAreSetIfTheEngineHonoursTheParameter) {
  const Experiment e = parse(kBulk);
  const Options &bulk = *e.cases[0].options, &ping = *e.cases[4].options;
  EXPECT_EQ(bulk.message_size, 128u * 1024);
  EXPECT_EQ(bulk.duration, kSecond);
  EXPECT_EQ(bulk.warmup, 200 * kMillisecond);
  EXPECT_EQ(bulk.nodelay, false);
  EXPECT_EQ(ping.nodelay, true);
  EXPECT_FALSE(ping.threads);      // not a parameter of that engine
  EXPECT_FALSE(bulk.send_buffer);  // chosen by the kernel
}

TEST(Experiment, TheNearestWordWins) {
  const Experiment e = parse(R"(
name: x
defaults: {duration: 3s, warmup: 1s, mss: 1000}
workloads:
  a: {kind: throughput, engine: blocking}
  b: {kind: throughput, engine: blocking, duration: 4s}
  c: {kind: throughput, engine: blocking, duration: 4s, matrix: {duration: [5s]}}
  d: {kind: throughput, engine: blocking, bytes: 1MB}
  e: {kind: latency, engine: blocking}
)");
  EXPECT_EQ(e.cases[0].options->duration, 3 * kSecond);
  EXPECT_EQ(e.cases[0].options->mss, 1000u);
  EXPECT_EQ(e.cases[1].options->duration, 4 * kSecond);
  EXPECT_EQ(e.cases[2].options->duration, 5 * kSecond);
  EXPECT_FALSE(e.cases[3].options->duration);  // `bytes` replaces it
  EXPECT_FALSE(e.cases[4].options->mss);       // the engine has no such parameter
}

TEST(Experiment, ALimitOfTheWorkloadsOwnReplacesEveryDefaultOne) {
  const Experiment e = parse(R"(
name: x
defaults: {bytes: 1MB}
workloads:
  a: {kind: throughput, engine: blocking}
  b: {kind: throughput, engine: blocking, duration: 2s}
  c: {kind: throughput, engine: blocking, messages: 10}
)");
  EXPECT_EQ(e.cases[0].options->bytes, 1'000'000u);
  EXPECT_FALSE(e.cases[0].options->duration);
  EXPECT_FALSE(e.cases[1].options->bytes);
  EXPECT_EQ(e.cases[1].options->duration, 2 * kSecond);
  EXPECT_FALSE(e.cases[2].options->bytes);
  EXPECT_FALSE(e.cases[2].options->duration);
}

TEST(Experiment, PinAndDscpSetWhatTheyStandFor) {
  const Options o = *parse(
                         "{name: x, workloads: {a: {kind: throughput, engine: blocking, dscp: 46, "
                         "pin: {server: 1}}}}")
                         .cases[0]
                         .options;
  EXPECT_EQ(o.tos, 184u);
  EXPECT_FALSE(o.client_cpu);
  EXPECT_EQ(o.server_cpu, "1");
}

TEST(Experiment, PinsAreSetsOfCpusAndNodes) {
  const Options o = *parse(
                         "{name: x, workloads: {a: {kind: throughput, engine: blocking, "
                         "pin: {client: '0,1,2', server: node1}}}}")
                         .cases[0]
                         .options;
  EXPECT_EQ(o.client_cpu, "0-2");
  EXPECT_EQ(o.server_cpu, "node1");
}

TEST(Experiment, ADatagramOfTheDefaultSizeFitsTheSmallestMtu) {
  const Experiment e = parse(
      "{name: x, lab: {mtu: 1280}, defaults: {kind: throughput, engine: blocking, transport: udp, "
      "dont_fragment: true}, workloads: {v4: {}, v6: {ip: 6}}}");
  for (const Case& c : e.cases) EXPECT_EQ(*c.options->message_size, 1280u - 48) << c.name;
}

TEST(Experiment, ASizeMixIsReadAndReplacesMessageSize) {
  const Experiment e = parse(R"(
name: x
defaults: {message_size: 1000, kind: throughput, engine: blocking}
workloads:
  mix: {size_mix: {1518: 1, 1KiB: 4, 64: 7}}
  axis: {matrix: {size_mix: [{64: 1}, {570: 4, 64: 7}]}}
  size: {message_size: 64}
)");
  EXPECT_EQ(e.cases[0].options->size_mix, "64:7 1024:4 1518:1");
  EXPECT_FALSE(e.cases[0].options->message_size);
  EXPECT_EQ(e.cases[1].name, "axis/size_mix=64:1");
  EXPECT_EQ(e.cases[2].options->size_mix, "64:7 570:4");
  EXPECT_EQ(e.cases[3].options->message_size, 64u);
  const Experiment mixed = parse(R"(
name: x
defaults: {size_mix: {64: 1, 65: 1}, kind: throughput, engine: blocking}
workloads: {mix: {}, size: {message_size: 1000}}
)");
  EXPECT_EQ(mixed.cases[0].options->size_mix, "64:1 65:1");
  EXPECT_FALSE(mixed.cases[0].options->message_size);
  EXPECT_FALSE(mixed.cases[1].options->size_mix);
}

TEST(Experiment, FramesCanBeLoadedByABackground) {
  const Experiment e = parse(R"(
name: x
workloads:
  video:
    kind: throughput
    engine: blocking
    frame: {every: 16ms, bytes: 60KiB}
    background: {kind: throughput, engine: blocking}
)");
  EXPECT_THAT(names(e), ElementsAre("video/load=idle", "video/load=loaded"));
  const Criteria criteria = read_criteria(e);
  ASSERT_EQ(criteria.compare.size(), 3u);
  EXPECT_EQ(criteria.compare[0].metric, "frame_p50_ns");
  EXPECT_EQ(criteria.compare[1].metric, "frames_late");
}

TEST(Experiment, TheOldNameOfNoopIsRead) {
  for (const char* written : {"noop", "null", "\"null\""})
    EXPECT_EQ(
        parse(std::string("{name: x, workloads: {a: {kind: latency, engine: ") + written + "}}}")
            .cases[0]
            .options->engine,
        "noop");
  const Experiment e = parse(R"(
name: x
defaults: {kind: latency}
workloads: {a: {matrix: {engine: [null, "null", blocking]}, exclude: [{engine: "null"}]},
            b: {matrix: {engine: [blocking, null]}}}
compare: [{metric: rtt_p50_ns, workload: b, axis: engine, baseline: null}]
)");
  EXPECT_THAT(names(e), ElementsAre("a/engine=blocking", "b/engine=blocking", "b/engine=noop"));
  EXPECT_EQ(with_current_names("a/engine=null/x=engine=null"), "a/engine=noop/x=engine=null");
  EXPECT_EQ(with_current_names("kind=latency engine=null"), "kind=latency engine=noop");
  EXPECT_EQ(with_current_names("a/engine=nullx/myengine=null"), "a/engine=nullx/myengine=null");
}

TEST(Experiment, PlanAndHostsAreRead) {
  const Experiment e = parse(R"(
name: x
hosts:
  client: {launch: [ip, netns, exec, a]}
  server: {launch: [ssh, b], address: 192.0.2.20, pingperf: /opt/pingperf}
plan: {repetitions: 7, order: sequential, seed: 9, cooldown: 0ms, timeout: 20s}
workloads: {a: {kind: latency, engine: blocking}}
)");
  ASSERT_EQ(e.hosts.size(), 1u);
  EXPECT_THAT(e.hosts.front().client->launch, ElementsAre("ip", "netns", "exec", "a"));
  EXPECT_EQ(e.hosts.front().server->address, "192.0.2.20");
  EXPECT_EQ(e.hosts.front().server->pingperf, "/opt/pingperf");
  EXPECT_EQ(e.plan.repetitions, 7u);
  EXPECT_EQ(e.plan.order, Order::sequential);
  EXPECT_EQ(e.plan.seed, 9u);
  EXPECT_EQ(e.plan.cooldown, 0);
  EXPECT_EQ(e.plan.timeout, 20 * kSecond);
}

TEST(Experiment, PinsAreComparedOnlyIfBothEndsMayShareCpus) {
  const auto on = [](const char* client, const char* server, const char* server_cpu = "1") {
    return error_of(fmt::format(
        "{{name: x, hosts: {{client: {}, server: {}}}, workloads: {{ping: {{kind: latency, "
        "engine: spin, pin: {{client: 1, server: {}}}}}}}}}",
        client, server, server_cpu));
  };
  EXPECT_EQ(on("{ssh: a}", "{ssh: b, address: 192.0.2.1}"), "");
  EXPECT_EQ(on("{}", "{ssh: b, address: 192.0.2.1}"), "");
  EXPECT_EQ(on("{ssh: a}", "{ssh: b, address: 192.0.2.1}", "0-1"), "");
  EXPECT_THAT(on("{}", "{}"), HasSubstr("both ends on one CPU"));
  EXPECT_THAT(on("{}", "{}", "0-1"), HasSubstr("both ends on one CPU"));
  EXPECT_THAT(on("{ssh: a}", "{ssh: a, address: 192.0.2.1}"), HasSubstr("both ends on one CPU"));
  EXPECT_THAT(on("{netns: a}", "{docker: b}"), HasSubstr("both ends on one CPU"));
}

TEST(Experiment, TheStartTimeoutIsThatOfEveryAgent) {
  const Experiment e = parse(
      "{name: x, hosts: {client: {ssh: a}, server: {ssh: b}}, plan: {start_timeout: 2m}, "
      "workloads: {ping: {kind: latency, engine: blocking}}}");
  EXPECT_EQ(e.hosts.front().client->start_timeout, 120 * kSecond);
  EXPECT_EQ(e.hosts.front().server->start_timeout, 120 * kSecond);
}

TEST(Experiment, EveryCaseRunsOnEveryPairOfHosts) {
  const Experiment e = parse(R"(
name: x
hosts:
  pairs:
    - {client: {ssh: a1}, server: {ssh: b1, address: 192.0.2.1}}
    - {client: {ssh: a2}, server: {ssh: b2, address: 192.0.2.2}}
  at_once: 2
workloads:
  a: {kind: latency, matrix: {engine: [blocking, epoll]}}
compare: [{metric: rtt_p50_ns, axis: pair, baseline: a1-b1, where: {engine: epoll}}]
)");
  ASSERT_EQ(e.hosts.size(), 2u);
  EXPECT_EQ(e.hosts[1].server->address, "192.0.2.2");
  EXPECT_EQ(e.pairs_at_once, 2u);
  std::vector<std::string> names;
  for (const Case& c : e.cases) names.push_back(c.name);
  EXPECT_THAT(names, ElementsAre("a/engine=blocking/pair=a1-b1", "a/engine=blocking/pair=a2-b2",
                                 "a/engine=epoll/pair=a1-b1", "a/engine=epoll/pair=a2-b2"));
  EXPECT_EQ(e.cases[3].pair, 1u);
  ASSERT_EQ(read_criteria(e).compare[0].pairs.size(), 1u);
  EXPECT_EQ(read_criteria(e).compare[0].pairs[0].candidate, "a/engine=epoll/pair=a2-b2");
  EXPECT_EQ(read_criteria(e).compare[0].pairs[0].baseline, "a/engine=epoll/pair=a1-b1");
}

TEST(Experiment, CompareIsReadForAxesAndForWorkloads) {
  const Experiment e = parse(std::string(kBulk) + R"(
compare:
  - {metric: throughput_bps, axis: engine, baseline: iperf3}
  - {metric: cpu_s_per_gb, axis: streams, baseline: 1, workload: bulk}
  - {metric: context_switches, workload: ping, baseline: {workload: bulk}}
)");
  ASSERT_EQ(read_criteria(e).compare.size(), 3u);
  EXPECT_EQ(read_criteria(e).compare[0].pairs.size(), 2u);
  EXPECT_EQ(read_criteria(e).compare[1].pairs[0].candidate, "bulk/engine=iperf3/streams=4");
  EXPECT_EQ(read_criteria(e).compare[1].pairs[0].baseline, "bulk/engine=iperf3/streams=1");
  EXPECT_EQ(read_criteria(e).compare[2].pairs.front().candidate, "ping");
}

TEST(Experiment, CasesThatOnlyLeavesOutAreNamed) {
  const std::string judged = std::string(kBulk) + R"(
compare:
  - {metric: throughput_bps, axis: engine, baseline: iperf3}
gates:
  - {metric: rtt_p50_ns, workload: ping, at_most: 200us}
)";
  const auto line = [&](const std::string& only) {
    return left_out_by_only(read_criteria(parse(judged, {.only = {only}})));
  };
  EXPECT_FALSE(line(""));
  EXPECT_EQ(line("bulk"), "--only leaves out 1 gate: rtt_p50_ns of ping");
  EXPECT_EQ(line("ping"),
            "--only leaves out 2 comparisons: throughput_bps of bulk/engine=blocking/streams=1 to "
            "bulk/engine=iperf3/streams=1, throughput_bps of bulk/engine=blocking/streams=4 to "
            "bulk/engine=iperf3/streams=4");
  EXPECT_THAT(*line("*blocking*"), HasSubstr("leaves out 1 gate and 2 comparisons: rtt_p50_ns"));
}

TEST(Experiment, ManyThatOnlyLeavesOutAreCounted) {
  std::string judged = std::string(kBulk) + "gates:\n";
  for (int i = 0; i < 10; ++i) judged += "  - {metric: throughput_bps, at_least: 1kbit}\n";
  EXPECT_THAT(*left_out_by_only(read_criteria(parse(judged, {.only = {"ping"}}))),
              testing::AllOf(HasSubstr("--only leaves out 40 gates: "), HasSubstr(" and 32 more")));
}

TEST(Experiment, WhereChoosesByParametersWhereverTheyStand) {
  const Experiment e = parse(std::string(kBulk) + R"(
compare:
  - {metric: throughput_bps, axis: engine, baseline: iperf3, where: {streams: 4}}
gates:
  - {metric: throughput_bps, where: {kind: throughput, transport: tcp}, at_least: 1.5Gbit}
  - {metric: throughput_bps, axis: engine, candidate: blocking, baseline: iperf3, at_least: 95%}
  - {metric: rtt_p50_ns, workload: ping, at_least: 1us, at_most: 200us, inconclusive: fail}
)");
  ASSERT_EQ(read_criteria(e).compare[0].pairs.size(), 1u);
  EXPECT_EQ(read_criteria(e).compare[0].pairs[0].candidate, "bulk/engine=blocking/streams=4");
  ASSERT_EQ(read_criteria(e).gates.size(), 3u);
  EXPECT_EQ(read_criteria(e).gates[0].pairs.size(), 4u);
  EXPECT_EQ(read_criteria(e).gates[0].bound.at_least, 1.5e9);
  EXPECT_FALSE(read_criteria(e).gates[0].bounds_ratio());
  EXPECT_EQ(read_criteria(e).gates[1].pairs.size(), 2u);
  EXPECT_EQ(read_criteria(e).gates[1].bound.at_least, 0.95);
  EXPECT_TRUE(read_criteria(e).gates[1].bounds_ratio());
  EXPECT_EQ(read_criteria(e).gates[2].bound.at_most, 200e3);
  EXPECT_EQ(read_criteria(e).gates[2].bound.inconclusive, Inconclusive::fail);
}

TEST(Experiment, UntilIsReadWithOneMetricOrSeveral) {
  const auto with = [](const std::string& until) {
    return read_criteria(
               parse(std::string(kBulk) + "plan: {repetitions: 6, until: " + until + "}\n"))
        .until;
  };
  const auto one = with("{metric: throughput_bps, relative_ci: 2%, at_most: 40}");
  EXPECT_THAT(one->metrics, ElementsAre("throughput_bps"));
  EXPECT_DOUBLE_EQ(one->relative_ci, 0.02);
  EXPECT_EQ(one->at_most, 40u);
  const auto two = with("{metric: [throughput_bps, rtt_p50_ns], relative_ci: 0.1, at_most: 7}");
  EXPECT_THAT(two->metrics, ElementsAre("throughput_bps", "rtt_p50_ns"));
  EXPECT_TRUE(with("{at_most: 12}")->metrics.empty());
}

TEST(Overrides, SetReplacesAndAddsValues) {
  const Experiment e = parse(
      kBulk,
      {{"plan.seed=5", "workloads.ping.duration=2s", "workloads.bulk.matrix.streams=[2]"}, {}});
  EXPECT_EQ(e.plan.seed, 5u);
  EXPECT_EQ(e.cases.back().options->duration, 2 * kSecond);
  EXPECT_THAT(names(e), testing::Contains("bulk/engine=iperf3/streams=2"));
}

TEST(Experiment, AKeyWithoutAValueIsAbsent) {
  const Experiment e = parse_experiment(
      std::string(kBulk) + "gates:\n  # - {metric: goodput_bps, at_least: 1}\ncompare:\nlab:\n",
      "bulk.yaml");
  EXPECT_FALSE(e.lab);
}

TEST(Experiment, KeysThatBeginWithXAreForAnchors) {
  const Experiment e = parse_experiment(
      "name: x\nx-common: &common {kind: throughput, duration: 2s}\nworkloads:\n  bulk: {<<: "
      "*common, engine: blocking}\n",
      "x.yaml");
  EXPECT_EQ(e.cases.at(0).options->duration, 2 * kSecond);
}

TEST(Overrides, NullRemovesAKey) {
  const Experiment e =
      parse_experiment(std::string(kBulk), "bulk.yaml", {{"plan.seed=7", "plan.seed=null"}, {}});
  EXPECT_EQ(e.plan.seed, PlanOptions().seed);
}

TEST(Overrides, SetOfAHostWarnsOfTheKeysThatItDrops) {
  const std::string file =
      "{name: x, hosts: {client: {ssh: a, copy: true}}, "
      "workloads: {ping: {kind: latency, engine: blocking}}}";
  EXPECT_THAT(parse(file, {.set = {"hosts.client={netns: b}"}}).warnings,
              ElementsAre("--set 'hosts.client={netns: b}' replaces the whole host and drops "
                          "copy: repeat them in the value"));
  EXPECT_TRUE(parse(file, {.set = {"hosts.client={ssh: b, copy: false}"}}).warnings.empty());
  EXPECT_TRUE(parse(file, {.set = {"hosts.client.ssh=b"}}).warnings.empty());
}

TEST(Overrides, AnErrorNamesTheExpression) {
  for (const char* set :
       {"plan.seed=x", "nonsense", "=1", "plan..seed=1", "workloads.ping.durtion=1s", "name.x=1",
        "workloads.bulk.matrix.engine.9=x", "plan=[", "plan.seed="})
    EXPECT_THAT(error_of(kBulk, {{set}, {}}),
                testing::StartsWith(std::string("--set '") + set + "': "))
        << set;
}

TEST(Overrides, OnlyKeepsCasesAndWorkloadsThatMatch) {
  EXPECT_THAT(names(parse(kBulk, {{}, {"ping"}})), ElementsAre("ping"));
  EXPECT_EQ(names(parse(kBulk, {{}, {"ping", "bulk"}})), names(parse(kBulk)));
  EXPECT_THAT(error_of(kBulk, {{}, {"ping", "bluk"}}),
              HasSubstr("--only 'bluk' matches no case; workloads: "));
  EXPECT_THAT(names(parse(kBulk, {{}, {"*/streams=4"}})),
              ElementsAre("bulk/engine=iperf3/streams=4", "bulk/engine=blocking/streams=4"));
  EXPECT_THAT(error_of(kBulk, {{}, {"nothing*"}}),
              HasSubstr("matches no case; workloads: bulk, ping"));
}

TEST(Overrides, OnlyDropsComparisonsThatLoseASide) {
  const std::string yaml = std::string(kBulk) + R"(
compare:
  - {metric: throughput_bps, axis: engine, baseline: iperf3}
  - {metric: context_switches, workload: ping, baseline: {workload: bulk}}
)";
  EXPECT_EQ(read_criteria(parse(yaml, {{}, {"bulk"}})).compare.size(), 1u);
  EXPECT_EQ(read_criteria(parse(yaml, {{}, {"ping"}})).compare.size(), 0u);
  EXPECT_EQ(read_criteria(parse(yaml, {{}, {"bulk/engine=blocking*"}})).compare.size(), 0u);
  EXPECT_EQ(read_criteria(parse(yaml, {{}, {"*"}})).compare.size(), 2u);
}

TEST(Experiment, AGateWithoutABaselineYetPassesIfTheFileSaysSo) {
  const std::string yaml =
      "{name: x, workloads: {w: {kind: throughput, engine: blocking}}, gates: [{metric: "
      "throughput_bps, against: /nowhere/at/all, at_least: 1, missing: ";
  const Criteria criteria = read_criteria(parse(yaml + "pass}]}"));
  ASSERT_EQ(criteria.gates.size(), 1u);
  EXPECT_THAT(criteria.gates[0].pairs, testing::IsEmpty());
  EXPECT_EQ(criteria.gates[0].without_baseline[0].candidate, "w");
  EXPECT_THROW(read_criteria(parse(yaml + "fail}]}")), UsageError);
}

TEST(Experiment, AGateWhoseBaselineCannotBeReadDoesNotPassAsTheFirst) {
  const auto error = [](const std::string& against) -> std::string {
    try {
      read_criteria(
          parse("{name: x, workloads: {w: {kind: throughput, engine: blocking}}, gates: [{metric: "
                "throughput_bps, at_least: 1, missing: pass, against: '" +
                against + "'}]}"));
      return "";
    } catch (const UsageError& e) {
      return e.what();
    }
  };
  namespace fs = std::filesystem;
  const fs::path folder =
      fs::path(testing::TempDir()) / ("pingperf-against-" + std::to_string(::getpid()));
  fs::create_directories(folder / "run");
  EXPECT_EQ(error(folder / "no" / "*"), "");
  EXPECT_EQ(error(folder / "run"), "");
  EXPECT_THAT(error(folder / std::string(300, 'x')), HasSubstr("File name too long"));
  EXPECT_THAT(error(folder / std::string(300, 'x') / "*"), HasSubstr("no run matches it"));
  std::ofstream(folder / "run" / "trials.csv") << "run,experiment,workload,case,block,status\n";
  EXPECT_THAT(error(folder / "run"), HasSubstr("has no trial"));
  fs::remove_all(folder);
}

TEST(Experiment, AGlobOfStoredRunsInTheCurrentFolderGetsAHint) {
  namespace fs = std::filesystem;
  const fs::path before = fs::current_path();
  const fs::path folder =
      fs::path(testing::TempDir()) / ("pingperf-glob-" + std::to_string(::getpid()));
  fs::create_directories(folder / "base" / "run");
  fs::create_directories(folder / "sub");
  std::ofstream(folder / "sub" / "x.yaml")
      << "{name: x, workloads: {w: {kind: throughput, engine: blocking}}, gates: [{metric: "
         "throughput_bps, at_least: 1, missing: pass, against: 'base/*'}]}";
  fs::current_path(folder);
  std::string error;
  try {
    read_criteria(load_experiment("sub/x.yaml"));
  } catch (const UsageError& e) {
    error = e.what();
  }
  fs::current_path(before);
  fs::remove_all(folder);
  EXPECT_THAT(error, HasSubstr("write ../base/*)"));
}

TEST(Experiment, PercentilesThatCriteriaNameAreColumns) {
  const Experiment e = parse(
      "{name: x, labels: {commit: 1a2b, unset: }, percentiles: [75, 95], workloads: {w: {kind: "
      "latency, "
      "engine: blocking}}, gates: [{metric: rtt_p975_ns, at_most: 1s}]}");
  const OwnColumns own = read_criteria(e).own_columns;
  EXPECT_THAT(own.percentiles, ElementsAre("rtt_p75_ns", "rtt_p975_ns"));  // p95 is everywhere
  EXPECT_THAT(own.labels, ElementsAre(std::pair("commit", "1a2b")));
}

TEST(Suggest, FindsTheNearWordAndListsTheRest) {
  constexpr std::string_view known[] = {"blocking", "iperf3", "null"};
  EXPECT_EQ(suggest("blokcing", known), ", did you mean 'blocking'?");
  EXPECT_EQ(suggest("iperf", known), ", did you mean 'iperf3'?");
  EXPECT_EQ(suggest("zzz", known), "; known: blocking, iperf3, null");
  EXPECT_EQ(suggest("p99", std::vector<std::string_view>{"rtt_p50_ns", "rtt_p99_ns", "p99_first"}),
            ", did you mean 'p99_first'?");
  EXPECT_EQ(suggest("p99", std::vector<std::string_view>{"rtt_p50_ns", "rtt_p99_ns"}),
            ", did you mean 'rtt_p99_ns'?");
  EXPECT_EQ(edit_distance("abcd", "acbd"), 1u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
}

TEST(Configs, EveryCommittedExperimentIsValid) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(PINGPERF_SOURCE_DIR "/configs"))
    if (entry.path().extension() == ".yaml") {
      EXPECT_NO_THROW(load_experiment(entry.path())) << entry.path();
      ++count;
    }
  EXPECT_GE(count, 1u);
}

TEST(Experiment, WrongHostsHaveNoErrorsThatFollow) {
  EXPECT_EQ(error_of(R"(
name: x
hosts: {nodes: {ssh: "n[1-2]"}, pattern: circle}
variants: {plain: {}, fast: {}}
workloads:
  w: {kind: latency, engine: blocking, variants: [plain], exclude: [{pair: n1-n2}, {variant: fast}]}
)")
                .find('\n'),
            std::string::npos);
}

TEST(Experiment, APipeHasTheCurrentFolderAndAFileInDevHasItsOwn) {
  const std::filesystem::path here = std::filesystem::current_path();
  for (const char* const pipe : {"-", "/dev/stdin", "/dev/fd/63"})
    EXPECT_EQ(folders_of(pipe).file, here) << pipe;
  EXPECT_EQ(folders_of("/dev/shm/x.yaml").file, "/dev/shm");
}

TEST(Experiment, AMissingFolderIsReplacedByTheCurrentOneForProgramsToo) {
  const Experiment e = parse(
      "name: x\nprograms: {a: {kind: latency, client: [./c]}}\n"
      "workloads: {w: {kind: latency, engine: a}}\n",
      {.folders = Folders{"/nonexistent/checkout", "/"}});
  EXPECT_EQ(e.folder, std::filesystem::current_path());
  EXPECT_EQ(e.programs.at(0)->folder, e.folder);
}

}  // namespace
}  // namespace pingperf
