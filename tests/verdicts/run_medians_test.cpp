// Run medians: the shift between sides of several runs.
#include "harness/verdicts/run_medians.h"

#include <gtest/gtest.h>

#include <cmath>

#include "harness/verdicts/verdict.h"

namespace pingperf {
namespace {

// Returns runs of one trial each, so that the runs have no spread within.
RunValues runs_of(const std::vector<double>& medians) {
  RunValues runs;
  for (double median : medians) runs.push_back({median});
  return runs;
}

Verdict verdict_on(const RunValues& base, const RunValues& new_runs,
                   const Significance& significance) {
  Verdict v{.metric = "throughput_bps", .case_name = "bulk"};
  v.base_n = v.base_runs = base.size();
  v.n = v.runs = new_runs.size();
  v.base_median = v.new_median = 1;
  set_estimate(v, *estimate_run_shift(base, new_runs), significance);
  return v;
}

// Returns a verdict without an estimate on two runs of ten trials each.
Verdict verdict_of_sessions() {
  Verdict v{.metric = "throughput_bps", .case_name = "bulk"};
  v.base_n = v.n = 10;
  v.base_runs = v.runs = 1;
  v.base_median = v.new_median = 1;
  return v;
}

TEST(RunMedians, AreComparedByStudentsT) {
  const auto shift = estimate_run_shift(runs_of({0.00, 0.02, 0.04}), runs_of({0.10, 0.12, 0.14}));
  ASSERT_TRUE(shift);
  EXPECT_NEAR(shift->center, 0.1, 1e-12);
  EXPECT_NEAR(shift->stddev, 0.02, 1e-12);
  const double half = 2.7764 * 0.02 * std::sqrt(2.0 / 3);  // t with 4 degrees of freedom
  EXPECT_NEAR(*shift->ci_low, 0.1 - half, 1e-5);
  EXPECT_NEAR(*shift->ci_high, 0.1 + half, 1e-5);
  EXPECT_NEAR(shift->p_value, 0.00360, 1e-5);  // 2 * pt(-6.1237, 4) in R
}

// A permutation test could not find it: 5 + 5 runs have only 252 permutations, too few for the p
// that a family of 20 requires.
TEST(RunMedians, ATenfoldChangeIsFoundInAnyFamily) {
  const RunValues base = runs_of({0.00, 0.01, 0.02, 0.03, 0.04});
  std::vector<Verdict> family(20, verdict_on(base, base, {}));
  family.front() = verdict_on(base, runs_of({-2.30, -2.31, -2.32, -2.33, -2.34}), {});
  decide_family(family, {});
  EXPECT_EQ(family.front().decision, Decision::slower);
}

TEST(RunMedians, OneNewRunThatVariesMoreHasAWiderInterval) {
  const RunValues base(5, {-0.02, -0.01, 0, 0.01, 0.02});
  const auto calm = estimate_run_shift(base, {{0.08, 0.09, 0.1, 0.11, 0.12}});
  const auto wild = estimate_run_shift(base, {{-0.1, 0, 0.1, 0.2, 0.3}});
  EXPECT_GT(*calm->ci_low, 0);
  EXPECT_LT(*wild->ci_low, 0);
}

TEST(Power, TheDetectableRatioIncludesTheErrorOfSessions) {
  Verdict v = verdict_of_sessions();
  const std::vector<double> values{-2, -1.5, -1, -0.5, -0.1, 0.1, 0.5, 1, 1.5, 2};
  std::vector<double> logs;
  for (double value : values) logs.push_back(value / 100);
  const Significance sessions{.session_sd = 0.03};
  set_estimate(v, estimate_shift(logs, logs), sessions);
  std::vector<Verdict> family{v};
  decide_family(family, sessions);
  add_power(family, sessions);
  EXPECT_GE(*family.front().detectable_ratio, std::exp(3.6 * 0.03 * std::sqrt(2.0)) - 0.01);
  EXPECT_LT(*family.front().detectable_ratio, 1.2);
}

TEST(Power, NoNumberOfTrialsIsAdvisedWhereSessionsDifferTooMuch) {
  Verdict v = verdict_of_sessions();
  const std::vector<double> logs{-0.2, -0.15, -0.1, -0.05, -0.01, 0.01, 0.05, 0.1, 0.15, 0.2};
  for (const auto& [session_sd, is_advised] : {std::pair{0.003, true}, {0.03, false}}) {
    const Significance sessions{.session_sd = session_sd};
    set_estimate(v, estimate_shift(logs, logs), sessions);
    v.decision = Decision::inconclusive;
    std::vector<Verdict> family{v};
    add_power(family, sessions);
    EXPECT_EQ(family.front().more_repetitions.has_value(), is_advised) << session_sd;
  }
}

}  // namespace
}  // namespace pingperf
