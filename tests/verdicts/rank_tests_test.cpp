// Tests rank tests against published tables, brute force, R, and simulated data.
#include "harness/verdicts/rank_tests.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>

#include "harness/verdicts/pairwise_sums.h"
#include "harness/verdicts/significance.h"

namespace pingperf {
namespace {

// P(T <= t) for n = 6 and 10, from Hollander, Wolfe & Chicken, table A.4, and R's psignrank.
TEST(SignedRank, ExactPValuesAreThoseOfTheTables) {
  EXPECT_DOUBLE_EQ(estimate_paired({1, 2, 3, 4, 5, 6}).p_value, 2.0 / 64);
  EXPECT_DOUBLE_EQ(estimate_paired({-1, 2, 3, 4, 5, 6}).p_value, 4.0 / 64);
  // n = 10, T = 8: P(T <= 8) = 25/1024.
  EXPECT_DOUBLE_EQ(estimate_paired({-1, -7, 2, 3, 4, 5, 6, 8, 9, 10}).p_value, 50.0 / 1024);
  EXPECT_EQ(estimate_paired({0, 0, 0}).p_value, 1);
  EXPECT_EQ(estimate_paired({1}).p_value, 1);
}

TEST(SignedRank, TiesAreExactToo) {
  // If all |d| are equal, T counts the heads of a fair coin. Here all six are heads.
  EXPECT_DOUBLE_EQ(estimate_paired({1, 1, 1, 1, 1, 1}).p_value, 2.0 / 64);
}

TEST(SignedRank, TheNormalApproximationMeetsTheExactOneAtTheBorder) {
  std::vector<double> d;
  for (int i = 1; i <= 50; ++i) d.push_back(i % 3 == 0 ? -i : i);
  const double exact = estimate_paired(d).p_value;
  d.push_back(-0.5);  // 51 values: the normal approximation
  EXPECT_NEAR(estimate_paired(d).p_value, exact, 0.01);
}

TEST(HodgesLehmann, IsTheMedianOfWalshAveragesWithTheTabulatedInterval) {
  const ShiftEstimate six = estimate_paired({1, 2, 3, 4, 5, 6});
  EXPECT_DOUBLE_EQ(six.center, 3.5);
  EXPECT_EQ(six.ci_low, 1);  // n = 6: the extremes cover 96.9 %
  EXPECT_EQ(six.ci_high, 6);
  EXPECT_FALSE(estimate_paired({1, 2, 3, 4, 5}).ci_low);
  // n = 10: the 9th of 55 from either end (table A.4: 95.1 %).
  const ShiftEstimate ten = estimate_paired({1, 2, 4, 8, 16, 32, 64, 128, 256, 512});
  EXPECT_EQ(ten.ci_low, 6);
  EXPECT_EQ(ten.ci_high, 257);
}

TEST(HodgesLehmann, OneWildPairDoesNotMoveIt) {
  EXPECT_NEAR(estimate_paired({0.1, 0.11, 0.09, 0.1, 0.12, 0.1, 50}).center, 0.1, 0.02);
}

// P(U <= u) for n = m = 5, from R's pwilcox and Hollander, Wolfe & Chicken, table A.6.
TEST(RankSum, ExactPValuesAreThoseOfTheTables) {
  EXPECT_DOUBLE_EQ(estimate_shift({1, 2, 3, 4, 5}, {6, 7, 8, 9, 10}).p_value, 2.0 / 252);
  EXPECT_DOUBLE_EQ(estimate_shift({6, 7, 8, 9, 10}, {1, 2, 3, 4, 5}).p_value, 2.0 / 252);
  // U = 2: P = 4/252.
  EXPECT_DOUBLE_EQ(estimate_shift({1, 2, 3, 5, 6}, {4, 7, 8, 9, 10}).p_value, 8.0 / 252);
  EXPECT_EQ(estimate_shift({1, 1, 1}, {1, 1, 1}).p_value, 1);
  EXPECT_EQ(estimate_shift({1}, {2}).p_value, 1);
}

// With ties and samples of different sizes, the distribution is not symmetric.
TEST(RankSum, TiesOfUnlikeSamplesAreExactToo) {
  EXPECT_DOUBLE_EQ(estimate_shift({1, 1, 1, 1, 1, 1}, {2, 2, 2, 2}).p_value, 2.0 / 210);
  EXPECT_DOUBLE_EQ(estimate_shift({2, 2, 2, 2, 2, 2}, {1, 1, 1, 1}).p_value, 2.0 / 210);
}

// Hollander, Wolfe & Chicken, §4.1, example 4.1: permeability of membranes, W = 30, two-sided
// 0.2544 (R: wilcox.test).
TEST(RankSum, FollowsTheTextbooksExample) {
  const std::vector<double> term = {0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46};
  const std::vector<double> early = {1.15, 0.88, 0.90, 0.74, 1.21};
  const ShiftEstimate e = estimate_shift(early, term);
  EXPECT_NEAR(e.p_value, 0.2544, 5e-5);
  EXPECT_NEAR(e.center, 0.305, 1e-9);
  EXPECT_NEAR(e.ci_low.value(), -0.15, 1e-9);
  EXPECT_NEAR(e.ci_high.value(), 0.76, 1e-9);
}

TEST(RankSum, FourAndFourValuesAreTheFewestWithAnInterval) {
  EXPECT_FALSE(estimate_shift({1, 2, 3}, {4, 5, 6}).ci_low);
  EXPECT_TRUE(estimate_shift({1, 2, 3, 4}, {5, 6, 7, 8}).ci_low);
}

TEST(RankSum, TheNormalApproximationMeetsTheExactOneAtTheBorder) {
  std::vector<double> before, after;
  for (int i = 0; i < 25; ++i) {
    before.push_back(i);
    after.push_back(i + 3.5);
  }
  const ShiftEstimate exact = estimate_shift(before, after);
  after.push_back(15.6);  // 51 values: the normal approximation
  const ShiftEstimate normal = estimate_shift(before, after);
  EXPECT_NEAR(normal.p_value, exact.p_value, 0.01);
  EXPECT_NEAR(normal.ci_low.value(), exact.ci_low.value(), 0.6);
}

TEST(RankTests, AStricterLevelWidensTheInterval) {
  const std::vector<double> d = {-0.3, 0.1, 0.2, 0.35, 0.4, 0.5, 0.65, 0.7, 0.8, 1.1};
  const ShiftEstimate wide = estimate_paired(d, 0.05 / 3), narrow = estimate_paired(d);
  EXPECT_LT(wide.ci_low.value(), narrow.ci_low.value());
  EXPECT_GT(wide.ci_high.value(), narrow.ci_high.value());
  EXPECT_FALSE(estimate_paired({1, 2, 3, 4, 5, 6}, 0.05 / 3)
                   .ci_low);  // the smallest p, 2/64, is above the level
}

TEST(PairwiseSums, AreThoseOfBruteForce) {
  std::mt19937_64 random(3);
  for (const int distinct : {5, 1000}) {  // many ties, few ties
    std::uniform_int_distribution<> draw(-distinct, distinct);
    std::vector<double> a, b, differences, averages;
    for (int i = 0; i < 200; ++i) a.push_back(draw(random));
    for (int i = 0; i < 150; ++i) b.push_back(draw(random));
    for (double x : a)
      for (double y : b) differences.push_back(y - x);
    for (std::size_t i = 0; i < a.size(); ++i)
      for (std::size_t j = i; j < a.size(); ++j) averages.push_back((a[i] + a[j]) / 2);
    std::sort(differences.begin(), differences.end());
    std::sort(averages.begin(), averages.end());
    const PairwiseSums of_two = PairwiseSums::differences(a, b);
    const PairwiseSums of_one = PairwiseSums::walsh_averages(a);
    ASSERT_EQ(of_two.count(), differences.size());
    ASSERT_EQ(of_one.count(), averages.size());
    for (std::size_t k : {std::size_t{1}, std::size_t{100}, averages.size() / 2, averages.size()}) {
      EXPECT_EQ(of_two.kth(k), differences[k - 1]) << k;
      EXPECT_EQ(of_one.kth(k), averages[k - 1]) << k;
    }
  }
}

TEST(PairwiseSums, ManyEqualOnesEndTheSearch) {
  const PairwiseSums sums =
      PairwiseSums::differences(std::vector<double>(1000, 0.1), std::vector<double>(1000, 0.3));
  EXPECT_DOUBLE_EQ(sums.median(), 0.2);
}

// Returns the numbers that R prints for a script, or nothing if R is not installed.
std::vector<double> numbers_from_r(const std::string& script) {
  std::vector<double> numbers;
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(
      ::popen(("Rscript -e '" + script + "' 2>/dev/null").c_str(), "r"), ::pclose);
  for (double value; pipe && std::fscanf(pipe.get(), "%lf", &value) == 1;) numbers.push_back(value);
  return numbers;
}

std::string r_vector(const std::vector<double>& values) {
  std::string text;
  for (double v : values) text += fmt::format("{}{}", text.empty() ? "c(" : ",", v);
  return text + ")";
}

TEST(RankTests, AgreeWithR) {
  if (numbers_from_r("cat(1)").empty()) GTEST_SKIP() << "Rscript is not installed (r-base-core)";
  std::mt19937_64 random(17);
  std::normal_distribution<> noise;
  for (std::size_t n : {6, 10, 20, 24}) {
    std::vector<double> a, b;
    for (std::size_t i = 0; i < n; ++i) a.push_back(noise(random));
    for (std::size_t i = 0; i < n + 1; ++i) b.push_back(0.4 + noise(random));
    const std::string print = "cat(format(c(t$p.value,t$estimate,t$conf.int),digits=17),\"\\n\")";
    const auto r_paired = numbers_from_r(
        fmt::format("t=wilcox.test({},exact=TRUE,conf.int=TRUE);{}", r_vector(a), print));
    const auto r_shift = numbers_from_r(fmt::format(
        "t=wilcox.test({},{},exact=TRUE,conf.int=TRUE);{}", r_vector(b), r_vector(a), print));
    const ShiftEstimate paired = estimate_paired(a), shift = estimate_shift(a, b);
    for (const auto& [ours, theirs] : {std::pair(paired, r_paired), {shift, r_shift}}) {
      ASSERT_EQ(theirs.size(), 4u);
      EXPECT_NEAR(ours.p_value, theirs[0], 1e-12);
      EXPECT_NEAR(ours.center, theirs[1], 1e-12);
      EXPECT_NEAR(ours.ci_low.value(), theirs[2], 1e-12);
      EXPECT_NEAR(ours.ci_high.value(), theirs[3], 1e-12);
    }
  }
}

TEST(BenjaminiHochberg, FollowsThePapersSteps) {
  const std::vector<double> q = q_values({0.01, 0.04, 0.03, 0.5});
  EXPECT_DOUBLE_EQ(q[0], 0.04);
  EXPECT_DOUBLE_EQ(q[1], 0.04 * 4 / 3);
  EXPECT_DOUBLE_EQ(q[2], 0.04 * 4 / 3);
  EXPECT_DOUBLE_EQ(q[3], 0.5);
}

// A/A tests: both sides measure the same. 95 % of the intervals contain 0.
TEST(PairedEstimates, AreCalibratedOnNoDifference) {
  std::mt19937_64 random(11);
  std::student_t_distribution<> heavy_tail(3);
  int alarms = 0, misses = 0;
  for (int family = 0; family < 2000; ++family) {
    std::vector<double> d;
    for (int i = 0; i < 10; ++i) d.push_back(0.1 * heavy_tail(random));
    const ShiftEstimate e = estimate_paired(d);
    alarms += e.p_value <= 0.05;
    misses += *e.ci_low > 0 || *e.ci_high < 0;
  }
  EXPECT_LE(alarms, 120);  // 5 % of 2000, plus two standard deviations
  EXPECT_LE(misses, 120);
}

// The expected factors are from an independent simulation.
TEST(DetectableShift, IsThatOfTheExactTests) {
  for (const auto& [n, factor] : {std::pair<std::size_t, double>{6, 2.386},
                                  {7, 1.745},
                                  {8, 1.616},
                                  {9, 1.479},
                                  {10, 1.318},
                                  {12, 1.204},
                                  {15, 1.030},
                                  {20, 0.871}})
    EXPECT_NEAR(detectable_by_pairs(n, 0.05).value(), factor, 0.05 * factor) << n;
  for (const auto& [n, factor] : {std::pair<std::size_t, double>{4, 3.733},
                                  {5, 2.978},
                                  {6, 2.488},
                                  {8, 2.014},
                                  {10, 1.787},
                                  {15, 1.423},
                                  {20, 1.200}})
    EXPECT_NEAR(detectable_by_samples(n, n, 0.05).value(), factor, 0.05 * factor) << n;
  EXPECT_FALSE(detectable_by_pairs(5, 0.05));
  EXPECT_FALSE(detectable_by_pairs(6, 0.05 / 2));  // 6 pairs are too few for a family of two
  EXPECT_FALSE(detectable_by_samples(3, 3, 0.05));
}

TEST(DetectableShift, MeetsItsAsymptoteAtTheBorder) {
  EXPECT_NEAR(detectable_by_pairs(49, 0.05).value(), detectable_by_pairs(50, 0.05).value(), 0.03);
  EXPECT_NEAR(pairs_to_detect(detectable_by_pairs(100, 0.05).value(), 0.05), 100, 1e-6);
}

TEST(DetectableShift, IsFoundWithThePowerThatItPromises) {
  std::mt19937_64 random(12);
  std::normal_distribution<> normal;
  for (const std::size_t n : {6, 10, 20}) {
    const double shift = detectable_by_pairs(n, 0.05).value();
    int found = 0;
    for (int family = 0; family < 500; ++family) {
      std::vector<double> d;
      for (std::size_t i = 0; i < n; ++i) d.push_back(shift + normal(random));
      found += estimate_paired(d).p_value <= 0.05;
    }
    EXPECT_GE(found, 460) << n;  // 95 % of 500, minus three standard deviations
  }
}

TEST(RankTests, ZerosAreTheLowestRanks) {
  std::vector<double> base, dead, half;
  for (int i = 0; i < 10; ++i) {
    base.push_back(log_of(1e10 + 1e8 * i));
    dead.push_back(log_of(0));
    half.push_back(log_of(i < 6 ? 0 : 1.2e10));
  }
  const ShiftEstimate all = estimate_shift(base, dead);
  EXPECT_LT(all.p_value, 1e-4);
  EXPECT_EQ(ratio_of(*all.ci_high), 0);
  EXPECT_EQ(ratio_of(estimate_shift(base, half).center), 0);  // six of ten values are 0
  EXPECT_TRUE(std::isinf(ratio_of(estimate_shift(dead, base).center)));
  EXPECT_EQ(estimate_shift(dead, dead).p_value, 1);
  EXPECT_EQ(estimate_shift(dead, dead).center, 0);
  EXPECT_NEAR(estimate_shift(base, half).stddev, estimate_shift(base, base).stddev, 0.02);
}

TEST(FewestPairs, AreThoseThatHaveAnInterval) {
  for (const double level : {0.05, 0.05 / 2, 0.05 / 3, 0.05 / 4}) {
    const std::size_t n = min_pairs(level);
    std::vector<double> d;
    for (std::size_t i = 1; i < n; ++i) d.push_back(static_cast<double>(i));
    EXPECT_FALSE(estimate_paired(d, level).ci_low) << level;
    d.push_back(static_cast<double>(n));
    EXPECT_TRUE(estimate_paired(d, level).ci_low) << level;
  }
}

// A run looks at its data four times, until they decide. The true shift is 0. At 5 % per look, too
// many runs find a shift. At the levels of the looks, at most 5 % do.
TEST(Stopping, TheLevelsOfTheLooksKeepTheErrorRate) {
  Criteria criteria;
  criteria.repetitions = 10;
  criteria.until = Until{.metrics = {"throughput_bps"}, .at_most = 80};
  const auto share_of_errors = [&](bool is_naive) {
    std::mt19937_64 random(23);
    std::normal_distribution<> noise(0, 0.1);
    int errors = 0;
    constexpr int kRuns = 1000;
    for (int run = 0; run < kRuns; ++run) {
      std::vector<double> d;
      for (const std::size_t look : {10, 20, 40, 80}) {
        while (d.size() < look) d.push_back(noise(random));
        const double level = is_naive ? kLevel : significance_of(criteria, look).level;
        const ShiftEstimate e = estimate_paired(d, level);
        if (!e.ci_low || (*e.ci_low <= 0 && *e.ci_high >= 0)) continue;  // undecided
        ++errors;
        break;
      }
    }
    return static_cast<double>(errors) / kRuns;
  };
  EXPECT_GT(share_of_errors(true), 0.08);
  EXPECT_LE(share_of_errors(false), 0.05 + 3 * 0.007);
}

// The levels are from Jennison & Turnbull, Group Sequential Methods, §2.7, with Δ = 0.25.
TEST(Stopping, TheLooksHaveTheLevelsOfWangAndTsiatis) {
  Criteria criteria;
  criteria.repetitions = 10;
  criteria.until = Until{.metrics = {"throughput_bps"}, .at_most = 40};
  EXPECT_NEAR(significance_of(criteria, 10).level, 0.0037, 5e-5);
  EXPECT_NEAR(significance_of(criteria, 20).level, 0.0146, 5e-5);
  EXPECT_NEAR(significance_of(criteria, 30).level, 0.0400, 1e-4);  // counts as the next look
  EXPECT_NEAR(significance_of(criteria, 40).level, 0.0400, 1e-4);
  criteria.until.reset();
  EXPECT_EQ(significance_of(criteria, 10).level, kLevel);
}

TEST(ShiftEstimates, AreCalibratedOnNoDifference) {
  std::mt19937_64 random(13);
  std::student_t_distribution<> heavy_tail(3);
  int alarms = 0, misses = 0;
  for (int family = 0; family < 1000; ++family) {
    std::vector<double> before, after;
    for (int i = 0; i < 10; ++i) {
      before.push_back(0.1 * heavy_tail(random));
      after.push_back(0.1 * heavy_tail(random));
    }
    const ShiftEstimate e = estimate_shift(before, after);
    alarms += e.p_value <= 0.05;
    misses += *e.ci_low > 0 || *e.ci_high < 0;
  }
  EXPECT_LE(alarms, 71);  // 5 % of 1000, plus three standard deviations
  EXPECT_LE(misses, 71);
}

}  // namespace
}  // namespace pingperf
