// Stored trials whose verdicts were once wrong, and similar trials.
#include <fmt/core.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "harness/report/verdict_table.h"
#include "harness/results/columns.h"
#include "harness/verdicts/comparison.h"
#include "harness/verdicts/gates.h"
#include "harness/verdicts/run_comparison.h"
#include "tests/results/record_samples.h"

namespace pingperf {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const fs::path kCases = fs::path(PINGPERF_SOURCE_DIR) / "tests/verdicts/cases";

RunSet stored(const std::string& name) {
  return RunSet::read({(kCases / (name + ".csv")).string()});
}

RunComparison compare(const std::string& base, const std::string& new_run, CompareOptions options) {
  if (options.metrics.empty()) options.metrics = {"throughput_bps"};
  return compare_runs(stored(base), stored(new_run), options);
}

TEST(StoredCases, ATransferOfNothingIsNeverFaster) {
  const RunComparison some = compare("base", "zeros_nine", {});
  EXPECT_EQ(some.rows.at(0).decision, Decision::inconclusive);
  EXPECT_FALSE(ratio_of(some.rows[0]));
  EXPECT_FALSE(some.rows[0].detectable_ratio);
  EXPECT_THAT(some.failing, ElementsAre("bulk/engine=epoll throughput_bps: 6 of 10 trials got 0, 0 "
                                        "of 10 in the base"));
  const RunComparison all = compare("base", "zeros_all", {});
  EXPECT_EQ(all.rows.at(0).decision, Decision::slower);
  EXPECT_EQ(compare("zeros_all", "base", {}).rows.at(0).decision, Decision::faster);
}

TEST(StoredCases, FewerThanSixTrialsOnASideGetNoVerdict) {
  EXPECT_EQ(compare("base40", "one", {}).rows.at(0).decision, Decision::inconclusive);
  const RunComparison four = compare("f4b_4", "f4n_4", {});
  EXPECT_EQ(four.rows.at(0).decision, Decision::inconclusive);
  EXPECT_EQ(four.rows[0].warning, "4 and 4 trials: a verdict requires 6 on each side");
  EXPECT_FALSE(four.rows[0].detectable_ratio);
  EXPECT_THAT(run_comparison_table(four, {}), testing::Not(HasSubstr("95% power")));
}

TEST(StoredCases, OneRunOnEachSideGetsNoVerdict) {
  const Verdict plain = compare("base", "base", {}).rows.at(0);
  EXPECT_EQ(plain.decision, Decision::inconclusive);
  EXPECT_THAT(plain.warning, HasSubstr("one run on each side"));
  EXPECT_TRUE(plain.value);  // it still has the ratio and the interval of this session
  EXPECT_TRUE(plain.ci_low);
  CompareOptions options;
  options.significance.session_sd = 0.01;
  const Verdict widened = compare("base", "base", options).rows.at(0);
  EXPECT_EQ(widened.decision, Decision::same);
  EXPECT_LT(*widened.ci_low, *plain.ci_low);
}

TEST(StoredCases, AReferenceThatFailedIsReported) {
  const RunComparison c = compare("rb", "r1b", {.relative_to = "engine=iperf3"});
  EXPECT_THAT(c.failing,
              Contains("bulk/engine=iperf3: 9 of 10 trials failed, 0 of 10 in the base"));
  EXPECT_EQ(c.rows.at(0).decision, Decision::inconclusive);
  ASSERT_EQ(c.references.size(), 1u);
  EXPECT_EQ(c.references[0].case_name, "bulk/engine=iperf3");
  EXPECT_THAT(run_comparison_table(c, {}), HasSubstr("\nbulk/engine=iperf3"));
}

TEST(StoredCases, AMetricThatHalfOfTheTrialsLackIsNotFaster) {
  const Verdict v = compare("p99base", "p99faster", {.metrics = {"rtt_p99_ns"}}).rows.at(0);
  EXPECT_EQ(v.decision, Decision::inconclusive);
}

TEST(StoredCases, ATenfoldSlowdownInSixBlocksIsFoundBesideAnotherEntry) {
  const RunSet runs = stored("fam6");
  const CasePair bulk{"bulk/engine=blocking", "bulk/engine=epoll"};
  const CasePair ping{"pp/engine=epoll", "pp/engine=blocking"};
  Criteria criteria;
  criteria.repetitions = 6;
  criteria.compare = {{"throughput_bps", {bulk}}, {"rtt_p50_ns", {ping}}};
  EXPECT_EQ(compare_cases(criteria, runs.runs()[0].trials).at(0).decision, Decision::slower);
}

TEST(StoredCases, FiguresNearTheLimitsOfADoubleAreNoError) {
  const auto run = [](const char* candidate, const char* reference) {
    std::string text = "run,experiment,workload,case,block,status,throughput_bps\n";
    for (int block = 1; block <= 6; ++block)
      text += fmt::format("r,e,w,w/engine=a,{0},ok,{1}\nr,e,w,w/engine=b,{0},ok,{2}\n", block,
                          candidate, reference);
    return TrialTable(CsvTable::parse(text, "trials.csv"));
  };
  RunSet base = RunSet::of(run("1e300", "1e-300")), new_runs = RunSet::of(run("1e-300", "1e300"));
  for (int i = 0; i < 4; ++i) base.add(run("1e300", "1e-300"));
  EXPECT_EQ(compare_runs(base, new_runs, {.metrics = {"throughput_bps"}, .relative_to = "engine=b"})
                .rows.at(0)
                .decision,
            Decision::slower);
}

class KindsTest : public testing::Test {
 protected:
  void SetUp() override {
    reference = samples.add_case("bulk", {{"engine", "iperf3"}});
    candidate = samples.add_case("bulk", {{"engine", "blocking"}});
  }

  // Returns a run of ten blocks. The functions return the speed of an engine in a block as a
  // factor, or a negative number for a failed trial.
  template <typename Reference, typename Candidate>
  TrialTable trials(Reference of_reference, Candidate of_candidate) const {
    std::string text;
    const auto add = [&](const Case& c, std::uint64_t block, double bytes) {
      text += trial_row(bytes < 0 ? Samples::failed(c, block)
                                  : Samples::transfer(c, block, static_cast<std::uint64_t>(bytes)));
    };
    for (std::uint64_t block = 1; block <= 10; ++block) {
      const double wobble = 1e8 * (1 + 0.002 * static_cast<double>(block * 7 % 10));
      add(reference, block, wobble * of_reference(block));
      add(candidate, block, wobble * of_candidate(block));
    }
    return TrialTable(CsvTable::parse(trials_header() + text, "trials.csv"));
  }
  Verdict gate(const TrialTable& table) const {
    Criteria criteria;
    criteria.gates = {{.metric = "throughput_bps",
                       .pairs = {{candidate.name, reference.name}},
                       .bound = {.at_least = 0.95}}};
    return judge_gates(criteria, table).at(0);
  }

  Samples samples;
  Case reference, candidate;
};

const auto kSame = [](std::uint64_t) { return 1.0; };

TEST_F(KindsTest, AGateWhoseCandidateGotNothingDoesNotPass) {
  EXPECT_EQ(gate(trials(kSame, kSame)).decision, Decision::passed);
  const auto dead_in = [&](std::uint64_t blocks) {
    return trials(kSame, [=](std::uint64_t block) { return block <= blocks ? 0.0 : 1.0; });
  };
  EXPECT_EQ(gate(dead_in(4)).decision, Decision::undecided);
  EXPECT_EQ(gate(dead_in(10)).decision, Decision::failed);
  const auto nothing = [](std::uint64_t) { return 0.0; };
  EXPECT_EQ(gate(trials(nothing, nothing)).decision, Decision::failed);
}

TEST_F(KindsTest, AGateWhoseCandidateFailedInFourOfTenBlocksDoesNotPass) {
  const Verdict v =
      gate(trials(kSame, [](std::uint64_t block) { return block <= 4 ? -1.0 : 1.0; }));
  EXPECT_EQ(v.decision, Decision::undecided);
  EXPECT_EQ(v.warning, "4 of 10 blocks have no pair");
}

TEST_F(KindsTest, FailuresAreComparedByFishersTest) {
  const auto failing = [&](std::uint64_t before, std::uint64_t after) {
    const auto failing_in = [](std::uint64_t blocks) {
      return [=](std::uint64_t block) { return block <= blocks ? -1.0 : 1.0; };
    };
    return compare_runs(RunSet::of(trials(kSame, failing_in(before))),
                        RunSet::of(trials(kSame, failing_in(after))),
                        {.metrics = {"throughput_bps"}})
        .failing;
  };
  EXPECT_THAT(failing(0, 4), ElementsAre(HasSubstr("4 of 10 trials failed, 0 of 10 in the base")));
  EXPECT_THAT(failing(0, 2), IsEmpty());  // p = 0.24
  EXPECT_THAT(failing(4, 6), IsEmpty());
  EXPECT_THAT(failing(6, 0), IsEmpty());
  EXPECT_THAT(failing(10, 10), IsEmpty());
  EXPECT_THAT(failing(9, 10), IsEmpty());
}

TEST_F(KindsTest, EverythingSlowerIsSeenInTheReference) {
  const auto slow = [](std::uint64_t) { return 0.7; };
  const RunComparison c =
      compare_runs(RunSet::of(trials(kSame, kSame)), RunSet::of(trials(slow, slow)),
                   {.metrics = {"throughput_bps"},
                    .relative_to = "engine=iperf3",
                    .significance = {.session_sd = 0.01}});
  EXPECT_EQ(c.rows.at(0).decision, Decision::same);
  EXPECT_NEAR(c.references.at(0).value.value(), 0.7, 0.01);
  EXPECT_NEAR(c.rows[0].base_relative.value(), 1, 1e-9);
  EXPECT_THAT(run_comparison_table(c, {}), HasSubstr("0.70"));
}

// The ratio of two engines also differs between sessions.
TEST_F(KindsTest, OneRunOnEachSideWithAReferenceAllowsForSessions) {
  const auto judged = [&](double speed, std::optional<double> session_sd) {
    const auto slower = [=](std::uint64_t) { return speed; };
    return compare_runs(RunSet::of(trials(kSame, kSame)), RunSet::of(trials(kSame, slower)),
                        {.metrics = {"throughput_bps"},
                         .relative_to = "engine=iperf3",
                         .significance = {.session_sd = session_sd}})
        .rows.at(0)
        .decision;
  };
  EXPECT_EQ(judged(0.92, {}), Decision::inconclusive);
  EXPECT_EQ(judged(0.92, 0.01), Decision::slower);
  EXPECT_EQ(judged(0.85, {}), Decision::slower);
}

TEST_F(KindsTest, RowsWithoutAVerdictLeaveTheFamily) {
  Verdict found{.metric = "throughput_bps", .case_name = "a", .n = 10};
  set_estimate(
      found,
      {.center = 0.2, .ci_low = 0.1, .ci_high = 0.3, .p_value = 0.03, .least = 0.01, .most = 0.4},
      {});
  std::vector<Verdict> family(10, found);
  for (std::size_t i = 1; i < family.size(); ++i) {
    family[i].p_value = 1e-6;
    warn(family[i], Trust::none, "another load");
  }
  decide_family(family, {});
  EXPECT_DOUBLE_EQ(family[0].q_value.value(), 0.03);  // the other nine do not lower it
  EXPECT_FALSE(family[1].q_value);
}

TEST_F(KindsTest, ACaseWithOtherParametersIsNotTheSameCase) {
  const auto with_size = [&](std::uint64_t bytes) {
    candidate.options.edit().message_size = bytes;
    return RunSet::of(trials(kSame, kSame));
  };
  const RunSet base = with_size(65536), new_runs = with_size(131072);
  CompareOptions options{.metrics = {"throughput_bps"},
                         .relative_to = "engine=iperf3",
                         .significance = {.session_sd = 0.01}};
  const Verdict changed = compare_runs(base, new_runs, options).rows.at(0);
  EXPECT_EQ(changed.decision, Decision::inconclusive);
  EXPECT_EQ(
      changed.warning,
      "not the same case: message_size_bytes 65536, now 131072 (compare --allow message_size)");
  options.allowed = {"message_size"};
  EXPECT_EQ(compare_runs(base, new_runs, options).rows.at(0).decision, Decision::same);
}

TEST_F(KindsTest, TheParametersOfEveryRunOfTheBaseAreCompared) {
  RunSet base;
  for (const std::uint64_t bytes : {131072u, 65536u, 65536u, 131072u, 131072u}) {
    candidate.options.edit().message_size = bytes;
    base.add(trials(kSame, kSame));
  }
  const RunSet new_runs = RunSet::of(trials(kSame, kSame));
  const Verdict v =
      compare_runs(base, new_runs, {.metrics = {"throughput_bps"}, .relative_to = "engine=iperf3"})
          .rows.at(0);
  EXPECT_THAT(v.warning,
              HasSubstr("not the same case: message_size_bytes 131072 or 65536, now 131072"));
  EXPECT_EQ(v.decision, Decision::inconclusive);
}

TEST_F(KindsTest, LossInEveryTrialIsFoundByItsDifference) {
  const auto lossy = [&](std::uint64_t lost) {
    std::string text;
    for (std::uint64_t block = 1; block <= 10; ++block) {
      TrialRecord r = Samples::transfer(candidate, block, 100'000);
      r.server.datagrams_received = 1000 - lost;
      r.server.datagrams_lost = lost;
      text += trial_row(r);
    }
    return TrialTable(CsvTable::parse(trials_header() + text, "trials.csv"));
  };
  CompareOptions options{.metrics = {"loss_ratio"}};
  const Verdict v = compare_runs(RunSet::of(lossy(0)), RunSet::of(lossy(50)), options).rows.at(0);
  EXPECT_TRUE(v.is_difference);
  EXPECT_NEAR(v.value.value(), 0.05, 1e-9);
  EXPECT_THAT(describe(v), HasSubstr("5.00% more than the base"));
}

TEST_F(KindsTest, ANegativeFigureAndMissingColumnsAreErrorsOfTheirOwn) {
  const auto error_of = [](const std::string& text) -> std::string {
    try {
      const TrialTable table(CsvTable::parse(text, "trials.csv"));
      values_of(table, "a", "throughput_bps");
      return "";
    } catch (const CsvError& e) {
      return e.what();
    }
  };
  EXPECT_EQ(error_of("case,throughput_bps\na,1\n"),
            "trials.csv: no table of trials: columns missing: run, experiment, workload, block, "
            "status");
  const std::string header = "run,experiment,workload,case,block,status,throughput_bps\n";
  EXPECT_EQ(error_of(header + "r,e,w,a,1,ok,-5\n"),
            "trials.csv: throughput_bps of a in block 1 is -5: it cannot be negative");
  EXPECT_EQ(error_of(header + "r,e,w,a,1,ok,5\n"), "");
}

}  // namespace
}  // namespace pingperf
