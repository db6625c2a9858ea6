// The runner with agents that play a script: they are late, silent, send garbage or die at a step.
#include "harness/run/runner.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <thread>

#include "harness/base/process.h"
#include "harness/experiment/experiment_reader.h"
#include "harness/results/summary.h"

namespace pingperf {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

struct Script {
  const char* mode;
  End end;            // its agent plays the script; the other agent plays "ok"
  Status status;      // of the trial
  const char* error;  // part of its error
};

void PrintTo(const Script& script, std::ostream* out) {
  *out << script.mode;
}

class RunnerTest : public testing::Test {
 protected:
  ~RunnerTest() override { fs::remove_all(folder_); }

  static Host fake(const std::string& mode) {
    Host host;
    host.launch = {PINGPERF_FAKE_AGENT, mode};
    host.pingperf = PINGPERF_BINARY;
    return host;
  }

  static Experiment experiment(const std::string& client_mode, const std::string& server_mode) {
    Experiment e = parse_experiment(R"(
name: scripted
plan: {repetitions: 2, cooldown: 0ms, timeout: 300ms}
workloads: {bulk: {kind: throughput, engine: blocking, duration: 50ms, warmup: 0ms}}
)",
                                    "test");
    e.hosts = {{fake(client_mode), fake(server_mode)}};
    return e;
  }

  // Runs all trials and returns the rows that they left.
  TrialTable run(const Experiment& e, const Margins& margins = {}, const Steering& steering = {}) {
    RunDirectory directory = RunDirectory::create(folder_, e.name, 1, "", "{}");
    Agents agents(e);
    const Interrupt interrupt;
    const auto plan = plan_trials(e);
    std::FILE* const null = std::fopen("/dev/null", "w");
    {
      ProgressView progress(null, true, plan.size(), kSecond);
      VariantSwitch variants(e, agents, interrupt);
      run_trials(e, plan, agents, variants, directory, interrupt, progress, margins, steering);
    }
    std::fclose(null);
    return TrialTable::read(directory.path() / "trials.csv");
  }

  // Shorter timeouts than in a real run, for agents that never answer.
  static constexpr Margins kShortMargins = {.answer = 50 * kMillisecond,
                                            .other_end = 50 * kMillisecond};

  const fs::path folder_ =
      fs::temp_directory_path() / ("pingperf-runner-" + std::to_string(::getpid()));
};

TEST_F(RunnerTest, RecordsTheResultsOfBothAgents) {
  const TrialTable trials = run(experiment("ok", "ok"));
  ASSERT_EQ(trials.rows().size(), 2u);
  for (const auto& row : trials.rows()) EXPECT_EQ(trials.text(row, "status"), "ok");
}

TEST_F(RunnerTest, RunsOnlyTheTrialsThatTheSteeringAdmits) {
  Experiment e = experiment("ok", "ok");
  e.plan.repetitions = 4;
  std::vector<std::uint64_t> recorded;
  const TrialTable trials =
      run(e, {},
          {.admits =
               [&](const Trial& trial) {
                 e.cases[trial.case_index].options.edit().rate_bps = 1000 * trial.block;
                 return trial.block != 2;
               },
           .recorded = [&](const TrialRecord& record) { recorded.push_back(record.trial.block); }});
  EXPECT_THAT(recorded, ElementsAre(1, 3, 4));
  ASSERT_EQ(trials.rows().size(), 3u);
  EXPECT_EQ(trials.text(trials.rows()[1], "rate_bps"), "3000");
}

TEST_F(RunnerTest, WaitsForALateAgent) {
  const TrialTable trials = run(experiment("late-hello", "late-hello"));
  EXPECT_EQ(trials.values("bulk", "client_window_s").size(), 2u);
}

// The start of a process takes CPU time, so no worker may start while a trial is measured.
TEST_F(RunnerTest, StartsSpareWorkersAfterBothEndsHaveEnded) {
  fs::create_directories(folder_);
  const std::string file = folder_ / "events";
  ::setenv("PINGPERF_FAKE_LOG", file.c_str(), 1);
  run(experiment("ok", "late-result"));
  ::unsetenv("PINGPERF_FAKE_LOG");
  std::multimap<Nanoseconds, std::string> events;
  std::ifstream in(file);
  Nanoseconds time = 0;
  for (std::string what; in >> time >> what;) events.emplace(time, what);
  std::vector<std::string> in_order;
  for (const auto& [when, what] : events) in_order.push_back(what);
  EXPECT_THAT(in_order, ElementsAre("result", "result", "prepare", "prepare", "result", "result"));
}

class ScriptedRunnerTest : public RunnerTest, public testing::WithParamInterface<Script> {};

// Both trials fail in the same way, because the agent that broke is started again after the first.
TEST_P(ScriptedRunnerTest, MakesItARowAndGoesOn) {
  const Script& script = GetParam();
  const bool client = script.end == End::client;
  Experiment e = experiment(client ? script.mode : "ok", client ? "ok" : script.mode);
  if (script.status == Status::timeout) e.plan.timeout = 100 * kMillisecond;
  const TrialTable trials = script.status == Status::timeout ? run(e, kShortMargins) : run(e);
  ASSERT_EQ(trials.rows().size(), 2u);
  for (const auto& row : trials.rows()) {
    EXPECT_EQ(trials.text(row, "status"), name(script.status));
    EXPECT_THAT(trials.text(row, "error"), HasSubstr(script.error));
    EXPECT_EQ(trials.text(row, "error").find('\n'), std::string::npos);
    EXPECT_EQ(trials.text(row, "throughput_bps"), "");
  }
}

INSTANTIATE_TEST_SUITE_P(
    Agents, ScriptedRunnerTest,
    testing::Values(Script{"die-at-listen", End::server, Status::failed, "exit status 7"},
                    Script{"die-at-connect", End::client, Status::failed, "exit status 7"},
                    Script{"die-at-start", End::client, Status::failed, "dying at start"},
                    Script{"die-at-start", End::server, Status::failed, "dying at start"},
                    Script{"die-at-result", End::client, Status::failed, "dying at result"},
                    Script{"die-at-result", End::server, Status::failed, "dying at result"},
                    Script{"silent-at-listen", End::server, Status::timeout, "does not answer"},
                    Script{"silent-at-connect", End::client, Status::timeout, "does not answer"},
                    Script{"die-at-counters", End::server, Status::failed, "dying at counters"},
                    Script{"silent-at-counters", End::client, Status::timeout, "does not answer"},
                    Script{"silent-at-last-counters", End::server, Status::timeout,
                           "does not answer"},
                    Script{"silent-at-start", End::client, Status::timeout, "does not answer"},
                    Script{"silent-at-start", End::server, Status::timeout, "does not answer"},
                    Script{"garbage-at-ready", End::server, Status::failed, "server"},
                    Script{"half-line-at-result", End::client, Status::failed, "client"},
                    Script{"huge-line-at-result", End::server, Status::failed, "server"},
                    Script{"error-at-listen", End::server, Status::refused, "port busy"}),
    [](const auto& script) {
      std::string text =
          std::string(script.param.mode) + "_of_the_" + std::string(name(script.param.end));
      std::replace(text.begin(), text.end(), '-', '_');
      return text;
    });

Experiment on_two_pairs(const std::string& more) {
  return parse_experiment(R"(
name: pairs
hosts: {pairs: [{}, {}], at_once: 2}
plan: {repetitions: 3, cooldown: 0ms, timeout: 5s}
workloads: {bulk: {kind: throughput, engine: blocking, duration: 200ms, warmup: 0ms)" +
                              more + "}}",
                          "test");
}

TEST_F(RunnerTest, PairsAtOnceOverlap) {
  Experiment e = on_two_pairs("");
  for (HostPair& pair : e.hosts)
    pair.client.edit().pingperf = pair.server.edit().pingperf = PINGPERF_BINARY;
  const TrialTable trials = run(e);
  ASSERT_EQ(trials.rows().size(), 6u);
  for (const auto& row : trials.rows()) {
    EXPECT_EQ(trials.text(row, "status"), "ok") << trials.text(row, "error");
    // Each trial takes 200 ms from its start.
    EXPECT_LT(std::stod(std::string(trials.text(row, "start_skew_ns"))), 200 * kMillisecond);
  }
}

// An end that does not get ready must not delay the other pairs.
TEST_F(RunnerTest, APairThatFailsLeavesTheOtherAlone) {
  for (const char* const mode :
       {"die-at-listen", "die-at-connect", "silent-at-listen", "error-at-listen"}) {
    const bool silent = std::string_view(mode).starts_with("silent");
    Experiment e = on_two_pairs("");
    e.plan.repetitions = 2;  // an agent that dies in both would start again after a pause
    e.plan.timeout =
        silent ? 300 * kMillisecond : 5 * kSecond;  // only a silent agent takes the whole timeout
    e.hosts = {{fake("ok"), fake("ok")}, {fake(mode), fake(mode)}};
    const TrialTable trials = silent ? run(e, {.answer = 200 * kMillisecond}) : run(e);
    ASSERT_EQ(trials.rows().size(), 4u);
    for (const auto& row : trials.rows())
      EXPECT_EQ(trials.text(row, "status") == "ok", trials.text(row, "pair") == "1")
          << mode << ": " << trials.text(row, "error");
    EXPECT_EQ(trials.text(trials.rows()[0], "quality").find("did not start") != std::string::npos,
              silent);
    fs::remove_all(folder_);
  }
}

// Returns the rows of counters.csv without the name of the run.
std::vector<std::string> counters_in(const fs::path& runs) {
  std::vector<std::string> rows;
  for (const auto& entry : fs::directory_iterator(runs)) {
    if (entry.is_symlink()) continue;
    std::ifstream file(entry.path() / "counters.csv");
    std::string row;
    for (std::getline(file, row); std::getline(file, row);)
      rows.push_back(row.substr(row.find(",bulk") + 6));
  }
  return rows;
}

// An agent whose host is lost in the first trial, and whose next `outages` starts fail.
Host host_that_is_lost(const fs::path& starts, int outages) {
  Host host;
  const std::string script = "n=$(cat " + starts.string() +
                             " 2>/dev/null || echo 0); echo $((n + 1)) >" + starts.string() +
                             "\n[ $n -gt 0 ] && [ $n -le " + std::to_string(outages) +
                             " ] && { echo host is down >&2; exit 255; }\n"
                             "[ $n = 0 ] && exec \"$0\" die-at-connect\nexec \"$0\" ok";
  host.launch = {"sh", "-c", script, PINGPERF_FAKE_AGENT};
  return host;
}

TEST_F(RunnerTest, AShortOutageCostsTheRunningTrialAlone) {
  fs::create_directories(folder_);
  Experiment e = experiment("ok", "ok");
  e.plan.timeout = 5 * kSecond;
  e.hosts[0].client = host_that_is_lost(folder_ / "starts", 1);
  const TrialTable trials = run(e);
  ASSERT_EQ(trials.rows().size(), 2u);
  EXPECT_EQ(trials.text(trials.rows()[0], "status"), "failed");
  EXPECT_EQ(trials.text(trials.rows()[1], "status"), "ok");
}

// Both pairs share their server: its agent must survive the loss of a client.
TEST_F(RunnerTest, ALostHostIsMissingInTheRoundsOfTheOthers) {
  fs::create_directories(folder_);
  Experiment e = on_two_pairs("");
  e.plan.host_grace = 0;
  e.hosts = {{fake("ok"), fake("ok")}, {host_that_is_lost(folder_ / "starts", 100), fake("ok")}};
  const Nanoseconds begin = now_ns();
  const TrialTable trials = run(e);
  EXPECT_LT(now_ns() - begin, 15 * kSecond);
  ASSERT_EQ(trials.rows().size(), 6u);
  for (const auto& row : trials.rows()) {
    const bool is_survivor = trials.text(row, "pair") == "1";
    EXPECT_EQ(trials.text(row, "status"), is_survivor ? "ok" : "failed");
    EXPECT_THAT(trials.text(row, "quality"), HasSubstr(is_survivor ? "pair 2 was missing" : ""));
    const bool is_down = !is_survivor && trials.text(row, "repetition") != "1";
    EXPECT_THAT(trials.text(row, "error"), HasSubstr(is_down ? "host is down" : ""));
  }
}

TEST_F(RunnerTest, TheTrialsOfAnAbsentHostAreRefused) {
  Experiment e = on_two_pairs("");
  e.minimum_hosts = 1;
  Host absent;
  absent.launch = {"sh", "-c", "echo no route to host >&2; exit 255"};
  e.hosts = {{fake("ok"), fake("ok")}, {fake("ok"), absent}};
  const TrialTable trials = run(e);
  ASSERT_EQ(trials.rows().size(), 6u);
  for (const auto& row : trials.rows()) {
    const bool is_present = trials.text(row, "pair") == "1";
    EXPECT_EQ(trials.text(row, "status"), is_present ? "ok" : "refused");
    EXPECT_THAT(trials.text(row, "error"), HasSubstr(is_present ? "" : "no route to host"));
  }
}

TEST_F(RunnerTest, PairsOfOneHostShareItsCounters) {
  Experiment e = on_two_pairs("");
  e.hosts = {{fake("ok"), fake("on-one-kernel")}, {fake("late-result"), fake("on-one-kernel")}};
  const TrialTable trials = run(e);
  for (const auto& row : trials.rows())
    EXPECT_EQ(trials.text(row, "status"), "ok") << trials.text(row, "error");
  EXPECT_EQ(counters_in(folder_ / "pairs").size(), 24u);  // two of each end and trial
}

TEST_F(RunnerTest, TheFirstStartOfARoundHasNoSkew) {
  Experiment e = on_two_pairs("");
  e.hosts = {{fake("ok"), fake("ok")}, {fake("late-result"), fake("ok")}};
  const TrialTable trials = run(e);
  std::map<std::string, std::vector<double>> skews;  // by block
  for (const auto& row : trials.rows())
    skews[std::string(trials.text(row, "block"))].push_back(
        std::stod(std::string(trials.text(row, "start_skew_ns"))));
  ASSERT_EQ(skews.size(), 3u);
  for (const auto& [block, both] : skews) {
    EXPECT_EQ(std::ranges::min(both), 0);
    EXPECT_GT(std::ranges::max(both), 0);
    EXPECT_LT(std::ranges::max(both), static_cast<double>(kSecond));
  }
  fs::remove_all(folder_);
  const TrialTable alone = run(experiment("ok", "ok"));
  EXPECT_EQ(alone.text(alone.rows().front(), "start_skew_ns"), "");
}

class NoAgentTest : public RunnerTest, public testing::WithParamInterface<const char*> {};

TEST_P(NoAgentTest, AProgramThatIsNoAgentIsAnErrorBeforeAnyTrial) {
  const Experiment e = experiment(GetParam(), "ok");
  EXPECT_THROW(Agents{e}, ChannelError);
}

INSTANTIATE_TEST_SUITE_P(Agents, NoAgentTest,
                         testing::Values("garbage-hello", "wrong-version", "die-at-hello"),
                         [](const auto& mode) {
                           std::string text = mode.param;
                           std::replace(text.begin(), text.end(), '-', '_');
                           return text;
                         });

TEST_F(RunnerTest, AStockIperf3ServerMakesAWholeRow) {
  if (std::system("iperf3 --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "no iperf3 here";
  const std::string port = std::to_string(20000 + ::getpid() % 10000);
  const Process server({"iperf3", "-s", "-1", "-p", port, "--logfile", "/dev/null"}, {},
                       Lifetime::of_parent);
  Experiment e = parse_experiment(R"(
name: stock
hosts: {server: {external: 127.0.0.1, port: )" +
                                      port + R"(}}
plan: {repetitions: 1}
workloads: {bulk: {kind: throughput, engine: iperf3, rate: 100mbit, warmup: 0s}}
)",
                                  "test");
  e.hosts.front().client.edit().pingperf = PINGPERF_BINARY;
  const TrialTable trials = run(e);
  ASSERT_EQ(trials.rows().size(), 1u);
  const auto& row = trials.rows().front();
  EXPECT_EQ(trials.text(row, "error"), "");
  for (const char* column : {"throughput_bps", "bytes_received", "server_window_s", "retransmits"})
    EXPECT_NE(trials.text(row, column), "") << column;
}

TEST_F(RunnerTest, FinishedTrialsAreNotRunAgain) {
  const Experiment e = experiment("ok", "ok");
  fs::path path;
  {
    RunDirectory directory = RunDirectory::create(folder_, e.name, 1, "", "{}");
    path = directory.path();
    EXPECT_EQ(missing_trials(e, plan_trials(e), directory).size(), 2u);
    TrialRecord record;
    record.trial_case = &e.cases[0];
    record.trial = {0, 1, 1};
    directory.append(record);
  }
  const RunDirectory directory = RunDirectory::resume(path);
  const auto missing = missing_trials(e, plan_trials(e), directory);
  ASSERT_EQ(missing.size(), 1u);
  EXPECT_EQ(missing[0].block, 2u);
}

TEST_F(RunnerTest, EachEndsCountersAreRowsOfEachTrial) {
  run(experiment("ok", "ok"));
  EXPECT_THAT(counters_in(folder_ / "scripted"),
              ElementsAre("1,client,snmp,Udp.InErrors,1", "1,client,stat,ctxt,7",
                          "1,server,snmp,Udp.InErrors,1", "1,server,stat,ctxt,7",
                          "2,client,snmp,Udp.InErrors,1", "2,client,stat,ctxt,7",
                          "2,server,snmp,Udp.InErrors,1", "2,server,stat,ctxt,7"));
}

TEST_F(RunnerTest, CountersThatBothEndsShareAreReadOnce) {
  run(experiment("on-one-kernel", "on-one-kernel"));
  EXPECT_THAT(counters_in(folder_ / "scripted"),
              UnorderedElementsAre("1,client,snmp,Udp.InErrors,1", "1,server,snmp,Udp.InErrors,1",
                                   "1,both,stat,ctxt,7", "2,client,snmp,Udp.InErrors,1",
                                   "2,server,snmp,Udp.InErrors,1", "2,both,stat,ctxt,7"));
  fs::remove_all(folder_);
  run(experiment("in-one-namespace", "in-one-namespace"));
  EXPECT_THAT(counters_in(folder_ / "scripted"),
              UnorderedElementsAre("1,both,snmp,Udp.InErrors,1", "1,both,stat,ctxt,7",
                                   "2,both,snmp,Udp.InErrors,1", "2,both,stat,ctxt,7"));
}

TEST_F(RunnerTest, WithoutCountersNoAgentIsAskedForThem) {
  Experiment e = experiment("silent-at-counters", "silent-at-counters");
  e.plan.counters = Counters::off;
  const TrialTable trials = run(e);
  for (const auto& row : trials.rows()) EXPECT_EQ(trials.text(row, "status"), "ok");
  EXPECT_TRUE(counters_in(folder_ / "scripted").empty());
}

TEST_F(RunnerTest, ATrialThatDidNotStartHasNoCounters) {
  run(experiment("error-at-listen", "error-at-listen"));
  EXPECT_TRUE(counters_in(folder_ / "scripted").empty());
}

TEST_F(RunnerTest, NothingIsStartedOnceInterrupted) {
  const Experiment e = experiment("ok", "ok");
  RunDirectory directory = RunDirectory::create(folder_, e.name, 1, "", "{}");
  Agents agents(e);
  const Interrupt interrupt;
  VariantSwitch variants(e, agents, interrupt);
  ProgressView progress(stderr, true, 2, kSecond);
  ::raise(SIGTERM);
  run_trials(e, plan_trials(e), agents, variants, directory, interrupt, progress);
  EXPECT_TRUE(TrialTable::read(directory.path() / "trials.csv").rows().empty());
}

// A thread sends the interrupt while the trial runs, after half a second.
TEST_F(RunnerTest, AnInterruptEndsTheRunningTrialAndTheRun) {
  const Experiment e = parse_experiment(R"(
name: long
plan: {repetitions: 2, cooldown: 0ms}
workloads: {wait: {kind: throughput, engine: noop, duration: 1h}}
)",
                                        "test");
  RunDirectory directory = RunDirectory::create(folder_, e.name, 1, "", "{}");
  Experiment local = e;
  local.hosts.front().client.edit().pingperf = local.hosts.front().server.edit().pingperf =
      PINGPERF_BINARY;
  Agents agents(local);
  const Interrupt interrupt;
  VariantSwitch variants(local, agents, interrupt);
  ProgressView progress(stderr, true, 2, kSecond);
  std::thread user([] {
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    ::kill(::getpid(), SIGTERM);
  });
  run_trials(local, plan_trials(local), agents, variants, directory, interrupt, progress);
  user.join();
  const TrialTable trials = TrialTable::read(directory.path() / "trials.csv");
  ASSERT_EQ(trials.rows().size(), 1u);
  EXPECT_EQ(trials.text(trials.rows()[0], "status"), "interrupted");
}

}  // namespace
}  // namespace pingperf
