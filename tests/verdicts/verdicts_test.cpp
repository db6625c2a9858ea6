// Gates, stopping rules, and comparisons across runs.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "harness/base/usage_error.h"
#include "harness/report/junit.h"
#include "harness/report/verdict_table.h"
#include "harness/results/columns.h"
#include "harness/results/trial_table.h"
#include "harness/verdicts/gates.h"
#include "harness/verdicts/run_comparison.h"
#include "harness/verdicts/stopping.h"
#include "tests/results/record_samples.h"

namespace pingperf {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr Significance kSteady{.session_sd = 0.01};  // sessions that differ little

class VerdictTest : public testing::Test {
 protected:
  void SetUp() override {
    experiment.cases = {samples.add_case("bulk", {{"engine", "iperf3"}}),
                        samples.add_case("bulk", {{"engine", "blocking"}})};
  }
  void TearDown() override { fs::remove_all(folder); }

  const std::string& reference() const { return experiment.cases[0].name; }
  const std::string& candidate() const { return experiment.cases[1].name; }

  // Returns rows of both engines, block by block. `speed` and `noise` belong to the candidate.
  std::string rows(std::uint64_t blocks, double speed, double noise, double machine_speed = 1,
                   std::uint64_t seed = 1, double other_load = 0) {
    std::mt19937_64 random(seed);
    std::normal_distribution<> normal;
    std::string text;
    for (std::uint64_t block = 1; block <= blocks; ++block) {
      const double machine = 1e8 * machine_speed * std::exp(0.3 * normal(random));
      const double of_candidate = machine * speed * std::exp(noise * normal(random));
      for (const auto& [c, bytes] : {std::pair(0, machine), std::pair(1, of_candidate)}) {
        TrialRecord r = samples.transfer(experiment.cases[static_cast<std::size_t>(c)], block,
                                         static_cast<std::uint64_t>(bytes));
        r.client.cpu_user_s = r.client.cpu_system_s = 0;
        r.server.cpu_user_s = r.server.cpu_system_s = 0;
        r.client.host_total_s = 2;
        r.client.host_busy_s = 2 * other_load;
        text += trial_row(r);
      }
    }
    return text;
  }
  static TrialTable table(const std::string& text) {
    return TrialTable(CsvTable::parse(trials_header() + text, "trials.csv"));
  }
  fs::path run(const std::string& name, const std::string& text) const {
    fs::create_directories(folder / name);
    std::ofstream(folder / name / "trials.csv") << trials_header() << text;
    return folder / name;
  }

  Gate ratio_gate(double at_least) const {
    Gate gate;
    gate.metric = "throughput_bps";
    gate.pairs = {{candidate(), reference()}};
    gate.bound.at_least = at_least;
    return gate;
  }

  Samples samples;
  Experiment experiment;
  Criteria criteria;
  fs::path folder = fs::temp_directory_path() / ("pingperf-verdicts-" + std::to_string(::getpid()));
};

TEST_F(VerdictTest, AGateWithoutABaselinePassesAndSaysWhy) {
  Gate gate = ratio_gate(0.9);
  gate.against = "results/base";
  gate.without_baseline = std::exchange(gate.pairs, {});
  Criteria judged;
  judged.gates = {gate};
  const std::vector<Verdict> gates = judge_gates(judged, table(rows(6, 1, 0.02)));
  ASSERT_EQ(gates.size(), 1u);
  EXPECT_EQ(gates[0].decision, Decision::passed);
  EXPECT_FALSE(gates[0].value);
  EXPECT_FALSE(fails(gates[0]));
  EXPECT_THAT(describe(gates[0]), HasSubstr("no stored run yet"));
  const std::string failed = trial_row(samples.failed(experiment.cases[1], 1));
  EXPECT_EQ(judge_gates(judged, table(failed))[0].decision, Decision::failed);
  EXPECT_EQ(judge_gates(judged, table(failed))[0].warning, "nothing was measured");
}

TEST_F(VerdictTest, AGateIsJudgedOnItsIntervalNotOnItsPoint) {
  criteria.gates = {ratio_gate(0.95)};
  const auto state = [&](double speed, double noise) {
    const auto judged = judge_gates(criteria, table(rows(10, speed, noise)));
    EXPECT_EQ(judged.size(), 1u);
    return judged[0].decision;
  };
  EXPECT_EQ(state(1.0, 0.02), Decision::passed);
  EXPECT_EQ(state(0.80, 0.02), Decision::failed);
  EXPECT_EQ(state(0.93, 0.20),
            Decision::undecided);  // below the bound, but the interval contains the bound
}

TEST_F(VerdictTest, TheExperimentDecidesWhetherAnUndecidedGateFails) {
  Verdict row{.decision = Decision::undecided, .bound = Bound{.at_least = 0.95}};
  EXPECT_FALSE(fails(row));
  row.bound->inconclusive = Inconclusive::fail;
  EXPECT_TRUE(fails(row));
  row.bound->inconclusive = Inconclusive::repeat;
  EXPECT_FALSE(fails(row));
  row.decision = Decision::failed;
  EXPECT_TRUE(fails(row));
}

TEST_F(VerdictTest, AGateWithoutAValueFails) {
  criteria.gates = {ratio_gate(0.95)};
  std::string text;
  for (std::uint64_t block = 1; block <= 8; ++block) {
    text += trial_row(samples.transfer(experiment.cases[0], block, 1000));
    text += trial_row(samples.failed(experiment.cases[1], block));
  }
  const auto judged = judge_gates(criteria, table(text));
  EXPECT_EQ(judged[0].decision, Decision::failed);
  EXPECT_EQ(judged[0].warning, "nothing was measured");
}

TEST_F(VerdictTest, TooFewTrialsDecideNothing) {
  criteria.gates = {ratio_gate(0.95)};
  const auto judged = judge_gates(criteria, table(rows(3, 0.5, 0.01)));
  EXPECT_EQ(judged[0].decision, Decision::undecided);
  EXPECT_THAT(describe(judged[0]), HasSubstr("(3 values make no interval)"));
}

TEST_F(VerdictTest, AnAbsoluteBoundIsOfTheMediansInterval) {
  Gate gate;
  gate.metric = "throughput_bps";
  gate.pairs = {{candidate(), ""}};
  gate.bound.at_least = 100e6;
  gate.bound.at_most = 100e9;
  criteria.gates = {gate};
  const auto judged = judge_gates(criteria, table(rows(10, 1, 0.01)));
  EXPECT_EQ(judged[0].decision, Decision::passed);
  EXPECT_THAT(describe(judged[0]), HasSubstr("at least 100 Mbit/s, at most 100 Gbit/s"));
  criteria.gates[0].bound.at_least = 50e9;
  EXPECT_EQ(judge_gates(criteria, table(rows(10, 1, 0.01)))[0].decision, Decision::failed);
}

TEST(GateTexts, AFigureWithoutAUnitHasTheDigitsThatItsVerdictNeeds) {
  Verdict gate;
  gate.metric = "fairness_index";
  gate.value = 0.99896;
  gate.bound = Bound{.at_least = 0.999};
  EXPECT_EQ(value_text(gate), "0.99896");
  EXPECT_EQ(bound_text(gate), "at least 0.999");
}

TEST(GateTexts, AFigureBesideItsBoundHasTheDigitsThatTellThemApart) {
  const auto texts = [](const char* metric, double value, double bound) {
    Verdict gate;
    gate.metric = metric;
    gate.value = value;
    gate.bound = Bound{.at_most = bound};
    return value_text(gate) + ", " + bound_text(gate);
  };
  EXPECT_EQ(texts("loss_ratio", 0.00003, 0.00001), "0.003%, at most 0.001%");
  EXPECT_EQ(texts("loss_ratio", 0.00001004, 0.00001), "0.001004%, at most 0.001000%");
  EXPECT_EQ(texts("loss_ratio", 0, 0.00001), "0.00%, at most 0.001%");
  EXPECT_EQ(texts("rtt_p99_ns", 200400, 200000), "200.4 µs, at most 200 µs");
  EXPECT_EQ(texts("throughput_bps", 1.0000004e9, 1e9), "1.0000004 Gbit/s, at most 1 Gbit/s");
  EXPECT_EQ(texts("retransmits", 1000000.25, 1000000), "1000000.2, at most 1000000");
  EXPECT_EQ(texts("rtt_p99_ns", 200000, 200000), "200 µs, at most 200 µs");
}

TEST_F(VerdictTest, AStoredRunIsABaselineToo) {
  Gate gate;
  gate.metric = "throughput_bps";
  gate.pairs = {{candidate(), reference()}};  // the reference divides each trial
  gate.against = run("stored", rows(10, 1, 0.02)).string();
  gate.stored = std::make_shared<const RunSet>(RunSet::read({gate.against}));
  gate.bound.at_least = 0.95;
  criteria.gates = {gate};
  // The machine has a third of the speed. In the first run, the ratio to iperf3 is unchanged.
  EXPECT_EQ(judge_gates(criteria, table(rows(10, 1, 0.02, 0.33, 2)))[0].decision, Decision::passed);
  EXPECT_EQ(judge_gates(criteria, table(rows(10, 0.8, 0.02, 0.33, 2)))[0].decision,
            Decision::failed);
}

TEST_F(VerdictTest, ARunLooksAtItsDataAtDoublingNumbersOfBlocks) {
  criteria.repetitions = 10;
  EXPECT_THAT(interim_analyses(criteria), ElementsAre(10));
  criteria.until = Until{{"throughput_bps"}, 0.02, false, 35};
  EXPECT_THAT(interim_analyses(criteria), ElementsAre(10, 20, 35));
  EXPECT_NEAR(significance_of(criteria, 6).level, 0.0037, 1e-4);
  criteria.until->metrics.clear();  // no metric and no gate can extend the run
  EXPECT_THAT(interim_analyses(criteria), ElementsAre(10));
  criteria.gates = {ratio_gate(0.95)};
  criteria.gates[0].bound.inconclusive = Inconclusive::repeat;
  EXPECT_THAT(interim_analyses(criteria), ElementsAre(10, 20, 35));
}

TEST_F(VerdictTest, UntilWantsNarrowIntervalsOfCasesOrOfComparisons) {
  criteria.repetitions = 10;
  criteria.until = Until{{"throughput_bps"}, 0.05, false, 20};
  criteria.compare = {{"throughput_bps", {{candidate(), reference()}}}};
  const TrialTable trials = table(rows(20, 1, 0.01));
  // The machine's speed varies, which widens the interval of each case but not of the ratio.
  EXPECT_EQ(unresolved(experiment, criteria, trials).size(), 2u);
  EXPECT_THAT(unresolved(experiment, criteria, trials)[0], HasSubstr("not to ±5%"));
  criteria.until->of_comparisons = true;
  EXPECT_THAT(unresolved(experiment, criteria, trials), IsEmpty());
  EXPECT_EQ(unresolved(experiment, criteria, trials.first(4)).size(),
            1u);  // too few for an interval
}

TEST_F(VerdictTest, AnUndecidedGateThatIsToRepeatKeepsTheRunGoing) {
  criteria.until = Until{{}, 0, false, 40};
  criteria.gates = {ratio_gate(0.95)};
  criteria.gates[0].bound.inconclusive = Inconclusive::repeat;
  EXPECT_EQ(unresolved(experiment, criteria, table(rows(10, 0.95, 0.1))).size(), 1u);
  EXPECT_THAT(unresolved(experiment, criteria, table(rows(10, 1.2, 0.02))), IsEmpty());
}

TEST_F(VerdictTest, APlanInWhichNoGateCanBeDecidedIsReported) {
  criteria.gates = {ratio_gate(0.95)};
  criteria.repetitions = 5;
  EXPECT_THAT(undecidable(criteria), ElementsAre(HasSubstr("they require 6")));
  criteria.repetitions = 6;
  EXPECT_THAT(undecidable(criteria), IsEmpty());
}

// Ratios that form two groups have no reliable interval. The gate fails if both groups break the
// bound.
TEST_F(VerdictTest, TwoGroupsThatBothBreakTheBoundAreABreach) {
  const auto judged = [&](double fast, double slow) {
    criteria.gates = {ratio_gate(0.95)};
    std::string text;
    for (std::uint64_t block = 1; block <= 10; ++block) {
      text += trial_row(samples.transfer(experiment.cases[0], block, 1'000'000 + block));
      text += trial_row(
          samples.transfer(experiment.cases[1], block,
                           static_cast<std::uint64_t>((block % 2 ? fast : slow) * 1e6) + block));
    }
    return judge_gates(criteria, table(text))[0];
  };
  EXPECT_EQ(judged(0.5, 0.1).decision, Decision::failed);
  EXPECT_THAT(judged(0.5, 0.1).warning, HasSubstr("bimodal"));
  EXPECT_EQ(judged(1.5, 0.5).decision, Decision::undecided);
}

TEST_F(VerdictTest, RunsAreComparedRelativeToTheReferenceOfEachBlock) {
  const RunSet base = RunSet::read({run("base", rows(10, 1, 0.02)).string()});
  const RunSet same = RunSet::read({run("same", rows(10, 1, 0.02, 0.3, 7)).string()});
  const RunSet slow = RunSet::read({run("slow", rows(10, 0.8, 0.02, 0.3, 8)).string()});
  const auto verdict = [&](const RunSet& new_runs, const std::string& relative_to) {
    const RunComparison c = compare_runs(
        base, new_runs,
        {.metrics = {"throughput_bps"}, .relative_to = relative_to, .significance = kSteady});
    return c.rows.back().decision;
  };
  EXPECT_EQ(verdict(same, ""), Decision::slower);  // because the machine is slower
  EXPECT_EQ(verdict(same, "engine=iperf3"), Decision::same);
  EXPECT_EQ(verdict(slow, "engine=iperf3"), Decision::slower);
  const RunComparison c =
      compare_runs(base, slow, {.metrics = {"throughput_bps"}, .relative_to = "engine=iperf3"});
  ASSERT_EQ(c.rows.size(), 1u);  // the reference itself is not judged
  EXPECT_NEAR(c.rows[0].value.value(), 0.8, 0.03);
  EXPECT_EQ(c.rows[0].baseline, reference());
  EXPECT_THAT(run_comparison_table(c, {}),
              HasSubstr("divided by the trial of bulk/engine=iperf3 in its block"));
  EXPECT_THAT(run_comparison_markdown(c), HasSubstr("| bulk/engine=blocking | throughput\\_bps |"));
  EXPECT_EQ(junit_of(c, "")[0].outcome, JUnitCase::Outcome::failed);
}

TEST_F(VerdictTest, AFolderOfRunsIsTakenWhole) {
  run("many/a", rows(5, 1, 0.02));
  run("many/b", rows(5, 1, 0.02, 1, 2));
  fs::create_directory_symlink("b", folder / "many/latest");
  EXPECT_EQ(RunSet::read({(folder / "many").string()}).runs().size(), 2u);
  EXPECT_THROW(RunSet::read({folder.string()}), UsageError);  // contains no run itself
  EXPECT_THROW(RunSet::read({"/nowhere"}), UsageError);
  const std::string a = (folder / "many/a").string();
  EXPECT_THROW(RunSet::read({a, a}), UsageError);  // named twice
  RunSet all = RunSet::read({(folder / "many").string()});
  all.remove_runs_in(RunSet::read({(folder / "many/latest").string()}));
  EXPECT_EQ(all.runs().size(), 1u);  // the run that is not the newest
}

TEST_F(VerdictTest, TwoRunsInOneFileAreRefused) {
  run("joined", rows(3, 1, 0.02) + rows(3, 1, 0.02));
  EXPECT_THROW(RunSet::read({(folder / "joined").string()}), UsageError);
}

// Counts that may be 0 have no ratio, so their difference is judged.
TEST_F(VerdictTest, CountsAreComparedByTheirDifference) {
  const auto trials = [&](std::uint64_t retransmits, std::uint64_t first) {
    std::string text;
    for (std::uint64_t block = 1; block <= 8; ++block) {
      TrialRecord r = samples.transfer(experiment.cases[0], block, 1000);
      r.client.retransmits = retransmits + (block + first) % 3;
      text += trial_row(r);
    }
    return text;
  };
  std::vector<std::string> quiet, lossy;
  for (std::uint64_t i = 0; i < 3; ++i) {
    quiet.push_back(run("quiet" + std::to_string(i), trials(0, i)).string());
    lossy.push_back(run("lossy" + std::to_string(i), trials(500, i)).string());
  }
  const RunSet base = RunSet::read(quiet), new_runs = RunSet::read(lossy);
  const auto verdict = [](const RunSet& before, const RunSet& after) {
    return compare_runs(before, after, {.metrics = {"retransmits"}}).rows.at(0);
  };
  EXPECT_EQ(verdict(base, new_runs).decision, Decision::slower);
  EXPECT_NEAR(verdict(base, new_runs).value.value(), 500, 2);
  EXPECT_FALSE(ratio_of(verdict(base, new_runs)));
  EXPECT_EQ(verdict(new_runs, base).decision, Decision::faster);
  EXPECT_EQ(verdict(base, base).decision, Decision::same);
  EXPECT_THAT(describe(verdict(base, new_runs)), HasSubstr("500 more than the base: slower"));

  // session_sd widens only ratios. Differences between single runs get no verdict.
  CompareOptions options{.metrics = {"retransmits"}};
  options.significance.session_sd = 0.03;
  const Verdict single =
      compare_runs(RunSet::read({quiet[0]}), RunSet::read({lossy[0]}), options).rows.at(0);
  EXPECT_EQ(single.decision, Decision::inconclusive);
  EXPECT_THAT(single.warning, HasSubstr("requires 5 runs of the base or --relative-to"));
}

// Kalibera & Jones: trials of one run do not predict the next run.
TEST_F(VerdictTest, SeveralRunsAreComparedByTheirMedians) {
  const auto runs = [&](const std::string& name, double speed, double spread, int count) {
    std::vector<std::string> folders;
    for (int i = 0; i < count; ++i) {
      const double session = std::exp(spread * (i % 3 - 1));
      folders.push_back(run(name + std::to_string(i),
                            rows(10, speed * session, 0.01, 1, static_cast<std::uint64_t>(i + 1)))
                            .string());
    }
    return RunSet::read(folders);
  };
  const auto row = [&](const RunSet& base, const RunSet& new_runs) {
    return compare_runs(base, new_runs,
                        {.metrics = {"throughput_bps"}, .relative_to = "engine=iperf3"})
        .rows.at(0);
  };
  const RunSet five = runs("five", 1, 0.01, 5);
  EXPECT_EQ(row(five, runs("slow", 0.8, 0.01, 5)).decision, Decision::slower);
  EXPECT_EQ(row(five, runs("slow-one", 0.8, 0.01, 1)).decision, Decision::slower);
  EXPECT_EQ(row(five, runs("same", 1, 0.01, 5)).decision, Decision::same);
  EXPECT_EQ(row(runs("three", 1, 0.01, 3), runs("other", 0.8, 0.01, 3)).decision, Decision::slower);
  // If the runs of each side differ as much, the verdict is inconclusive and has more_runs.
  const Verdict wide = row(runs("wide", 1, 0.08, 5), runs("wide-slow", 0.93, 0.08, 5));
  EXPECT_EQ(wide.decision, Decision::inconclusive);
  EXPECT_GT(wide.more_runs.value(), 5u);
  const Verdict few = row(runs("two", 1, 0.01, 2), runs("one", 0.5, 0.01, 1));
  EXPECT_EQ(few.decision, Decision::inconclusive);
  EXPECT_EQ(few.warning, "2 and 1 runs: a verdict requires 3 on each side, or 5 and 1");
}

// A load slows every trial, so a verdict requires a reference that had the same load.
TEST_F(VerdictTest, AnotherLoadAllowsAVerdictOnlyWithAReference) {
  const RunSet idle = RunSet::read({run("idle", rows(10, 1, 0.01)).string()});
  const RunSet busy = RunSet::read({run("busy", rows(10, 1, 0.01, 0.3, 2, 0.5)).string()});
  const RunComparison c = compare_runs(idle, busy, {.metrics = {"throughput_bps"}});
  EXPECT_EQ(c.rows[0].decision, Decision::inconclusive);
  EXPECT_EQ(c.rows[0].warning, "others took 0% of the CPU time, now 50%");
  EXPECT_THAT(c.differences, Contains("load: others took 0% of the CPU time, now 50%"));
  const RunComparison relative = compare_runs(
      idle, busy,
      {.metrics = {"throughput_bps"}, .relative_to = "engine=iperf3", .significance = kSteady});
  EXPECT_EQ(relative.rows[0].decision, Decision::same);
  const RunComparison same = compare_runs(busy, busy, {.metrics = {"throughput_bps"}});
  EXPECT_THAT(same.differences, Not(Contains(HasSubstr("load:"))));
}

TEST_F(VerdictTest, CasesOfOneRunAreListedAndCasesWithoutValuesFail) {
  const Case& other = samples.add_case("other");
  std::string broken;
  for (std::uint64_t block = 1; block <= 6; ++block)
    broken += trial_row(samples.failed(experiment.cases[1], block));
  const RunSet base = RunSet::read(
      {run("base", rows(6, 1, 0.02) + trial_row(samples.transfer(other, 1, 1000))).string()});
  const RunSet new_runs = RunSet::read({run("new", broken).string()});
  const RunComparison c = compare_runs(base, new_runs, {.metrics = {"throughput_bps"}});
  EXPECT_THAT(c.only_base, ElementsAre(reference(), "other"));
  EXPECT_THAT(c.unmeasured, ElementsAre(candidate() + " throughput_bps"));
  EXPECT_THAT(c.failing, ElementsAre(candidate() + ": 6 of 6 trials failed, 0 of 6 in the base"));
  EXPECT_EQ(junit_of(c, "")[0].outcome, JUnitCase::Outcome::failed);
}

TEST_F(VerdictTest, AReferenceThatIsNotThereIsAnError) {
  const RunSet runs = RunSet::read({run("base", rows(6, 1, 0.02)).string()});
  EXPECT_THROW(
      compare_runs(runs, runs, {.metrics = {"throughput_bps"}, .relative_to = "engine=netperf"}),
      UsageError);
  EXPECT_THROW(compare_runs(runs, runs, {.metrics = {"throughput_bps"}, .relative_to = "iperf3"}),
               UsageError);
  const Case &one = samples.add_case("ref", {{"x", "1"}}),
             &two = samples.add_case("ref", {{"x", "2"}});
  const RunSet ambiguous =
      RunSet::read({run("two", rows(6, 1, 0.02) + trial_row(samples.transfer(one, 1, 1)) +
                                   trial_row(samples.transfer(two, 1, 1)))
                        .string()});
  EXPECT_THROW(compare_runs(ambiguous, ambiguous,
                            {.metrics = {"throughput_bps"}, .relative_to = "workload=ref"}),
               UsageError);
}

TEST_F(VerdictTest, JUnitHasATestForEachCaseAndGateAndEscapesNames) {
  criteria.gates = {ratio_gate(0.95)};
  std::string text = rows(10, 0.8, 0.02);
  text += trial_row(samples.failed(experiment.cases[0], 11));
  const TrialTable trials = table(text);
  const std::string xml =
      junit_xml("a<b", junit_of_run(experiment, trials, judge_gates(criteria, trials)));
  EXPECT_THAT(xml, HasSubstr("<testsuites name=\"a&lt;b\">"));
  EXPECT_THAT(xml, HasSubstr("<testsuite name=\"trials\" tests=\"2\" failures=\"1\""));
  EXPECT_THAT(xml, HasSubstr("client: it, &quot;broke&quot;"));
  EXPECT_THAT(xml, HasSubstr("<testsuite name=\"gates\" tests=\"1\" failures=\"1\""));
  EXPECT_THAT(xml, HasSubstr("at least 0.95 of bulk/engine=iperf3"));
}

}  // namespace
}  // namespace pingperf
