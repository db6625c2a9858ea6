// The runner against agents that play a script: late, silent, talking garbage, dying at each step.
#include "harness/runner.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>
#include <cstdio>

#include "harness/summary.h"

namespace pingperf {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

struct Script {
  const char* mode;
  End end;            // whose agent plays it; the other one's is "ok"
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
    e.client = fake(client_mode);
    e.server = fake(server_mode);
    return e;
  }

  // Runs all trials and returns the rows that they left.
  TrialTable run(const Experiment& e) {
    RunDirectory directory = RunDirectory::create(folder_, e.name, 1, "", "{}");
    AgentPair agents(e);
    const Interrupt interrupt;
    const auto plan = plan_trials(e);
    std::FILE* const null = std::fopen("/dev/null", "w");
    {
      ProgressView progress(null, true, plan.size(), kSecond);
      tally_ = run_trials(e, plan, {}, agents, directory, interrupt, progress);
    }
    std::fclose(null);
    return TrialTable::read(directory.path() / "trials.csv");
  }

  RunTally tally_;
  const fs::path folder_ =
      fs::temp_directory_path() / ("pingperf-runner-" + std::to_string(::getpid()));
};

TEST_F(RunnerTest, RecordsWhatBothAgentsTell) {
  const TrialTable trials = run(experiment("ok", "ok"));
  ASSERT_EQ(trials.rows().size(), 2u);
  EXPECT_EQ(tally_.ok, 2u);
  for (const auto& row : trials.rows()) EXPECT_EQ(trials.text(row, "status"), "ok");
}

TEST_F(RunnerTest, WaitsForALateAgent) {
  run(experiment("late-hello", "late-hello"));
  EXPECT_EQ(tally_.ok, 2u);
}

class ScriptedRunnerTest : public RunnerTest, public testing::WithParamInterface<Script> {};

// Both trials fail in the same way: after the first, the agent that broke was started anew.
TEST_P(ScriptedRunnerTest, MakesItARowAndGoesOn) {
  const Script& script = GetParam();
  const bool client = script.end == End::client;
  const TrialTable trials =
      run(experiment(client ? script.mode : "ok", client ? "ok" : script.mode));
  ASSERT_EQ(trials.rows().size(), 2u);
  EXPECT_EQ(tally_.failed, 2u);
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

class NoAgentTest : public RunnerTest, public testing::WithParamInterface<const char*> {};

TEST_P(NoAgentTest, AnAgentThatIsNoneIsAnErrorBeforeAnyTrial) {
  const Experiment e = experiment(GetParam(), "ok");
  EXPECT_THROW(AgentPair{e}, ChannelError);
}

INSTANTIATE_TEST_SUITE_P(Agents, NoAgentTest,
                         testing::Values("garbage-hello", "wrong-version", "die-at-hello"),
                         [](const auto& mode) {
                           std::string text = mode.param;
                           std::replace(text.begin(), text.end(), '-', '_');
                           return text;
                         });

TEST_F(RunnerTest, FinishedTrialsAreNotRunAgain) {
  const Experiment e = experiment("ok", "ok");
  RunDirectory directory = RunDirectory::create(folder_, e.name, 1, "", "{}");
  AgentPair agents(e);
  const Interrupt interrupt;
  ProgressView progress(stderr, true, 2, kSecond);
  const RunTally tally =
      run_trials(e, plan_trials(e), {{"bulk", 1}}, agents, directory, interrupt, progress);
  EXPECT_EQ(tally.ok, 1u);
  const TrialTable trials = TrialTable::read(directory.path() / "trials.csv");
  ASSERT_EQ(trials.rows().size(), 1u);
  EXPECT_EQ(trials.text(trials.rows()[0], "block"), "2");
}

TEST_F(RunnerTest, AnInterruptEndsTheRunningTrialAndTheRun) {
  const Experiment e = experiment("ok", "silent-at-start");
  RunDirectory directory = RunDirectory::create(folder_, e.name, 1, "", "{}");
  AgentPair agents(e);
  const Interrupt interrupt;
  ProgressView progress(stderr, true, 2, kSecond);
  ::raise(SIGTERM);
  const RunTally tally = run_trials(e, plan_trials(e), {}, agents, directory, interrupt, progress);
  EXPECT_TRUE(tally.interrupted);
  EXPECT_EQ(tally.ok + tally.failed, 0u);
}

}  // namespace
}  // namespace pingperf
