#include "harness/statistics.h"

#include <gtest/gtest.h>

#include <random>

namespace pingperf {
namespace {

TEST(Statistics, MedianOfOddAndEven) {
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 2, 3}), 2.5);
  EXPECT_EQ(median({7}), 7);
}

TEST(Statistics, StandardDeviationIsTheSamplesAndSurvivesLargeOffsets) {
  EXPECT_FALSE(standard_deviation({5}));
  EXPECT_DOUBLE_EQ(standard_deviation({2, 4, 4, 4, 5, 5, 7, 9}).value(), 2.138089935299395);
  EXPECT_DOUBLE_EQ(standard_deviation({1e15 + 1, 1e15 + 2, 1e15 + 3}).value(), 1);
}

// Conover, Practical Nonparametric Statistics: the ranks for 95 % at each n.
TEST(Statistics, MedianIntervalTakesTheTabulatedRanks) {
  const auto ranks = [](int n) {
    std::vector<double> values;
    for (int i = 1; i <= n; ++i) values.push_back(i);
    return median_interval(values);
  };
  for (int n = 0; n < 6; ++n) EXPECT_FALSE(ranks(n)) << n;
  EXPECT_EQ(ranks(6), std::pair(1.0, 6.0));
  EXPECT_EQ(ranks(8), std::pair(1.0, 8.0));
  EXPECT_EQ(ranks(9), std::pair(2.0, 8.0));
  EXPECT_EQ(ranks(10), std::pair(2.0, 9.0));
  EXPECT_EQ(ranks(20), std::pair(6.0, 15.0));
  EXPECT_EQ(ranks(100), std::pair(40.0, 61.0));
}

// Hollander, Wolfe & Chicken, table A.4, and R's psignrank: P(T <= t) for n = 6 and 10.
TEST(SignedRank, ExactPValuesAreThoseOfTheTables) {
  EXPECT_DOUBLE_EQ(estimate_paired({1, 2, 3, 4, 5, 6}).p_value, 2.0 / 64);
  EXPECT_DOUBLE_EQ(estimate_paired({-1, 2, 3, 4, 5, 6}).p_value, 4.0 / 64);
  // n = 10, T = 8: P(T <= 8) = 25/1024.
  EXPECT_DOUBLE_EQ(estimate_paired({-1, -7, 2, 3, 4, 5, 6, 8, 9, 10}).p_value, 50.0 / 1024);
  EXPECT_EQ(estimate_paired({0, 0, 0}).p_value, 1);
  EXPECT_EQ(estimate_paired({1}).p_value, 1);
}

TEST(SignedRank, TiesAreExactToo) {
  // |d| all equal: T counts heads of a fair coin; all six heads, two-sided.
  EXPECT_DOUBLE_EQ(estimate_paired({1, 1, 1, 1, 1, 1}).p_value, 2.0 / 64);
}

TEST(SignedRank, TheNormalApproximationMeetsTheExactOneAtTheBorder) {
  std::vector<double> d;
  for (int i = 1; i <= 50; ++i) d.push_back(i % 3 == 0 ? -i : i);
  const double exact = estimate_paired(d).p_value;
  d.push_back(-0.5);  // 51: normal
  EXPECT_NEAR(estimate_paired(d).p_value, exact, 0.01);
}

TEST(HodgesLehmann, IsTheMedianOfWalshAveragesWithTheTabulatedInterval) {
  const PairedEstimate six = estimate_paired({1, 2, 3, 4, 5, 6});
  EXPECT_DOUBLE_EQ(six.center, 3.5);
  EXPECT_EQ(six.ci_low, 1);  // n = 6: the extremes, 96.9 %
  EXPECT_EQ(six.ci_high, 6);
  EXPECT_FALSE(estimate_paired({1, 2, 3, 4, 5}).ci_low);
  // n = 10: the 9th of 55 from either end (table A.4: 95.1 %).
  const PairedEstimate ten = estimate_paired({1, 2, 4, 8, 16, 32, 64, 128, 256, 512});
  EXPECT_EQ(ten.ci_low, 6);
  EXPECT_EQ(ten.ci_high, 257);
}

TEST(HodgesLehmann, OneWildPairDoesNotMoveIt) {
  EXPECT_NEAR(estimate_paired({0.1, 0.11, 0.09, 0.1, 0.12, 0.1, 50}).center, 0.1, 0.02);
}

TEST(Modes, AreFoundWhereAWideGapSplitsTheValues) {
  const auto modes = find_modes({20, 320, 21, 330, 19, 310, 20, 325});
  ASSERT_TRUE(modes);
  EXPECT_EQ(modes->low_count, 4u);
  EXPECT_EQ(modes->high_count, 4u);
  EXPECT_DOUBLE_EQ(modes->low, 20);
  EXPECT_DOUBLE_EQ(modes->high, 322.5);
}

TEST(Modes, AreNotSeenInOneGroupOneOutlierOrASmallGap) {
  EXPECT_FALSE(find_modes({20, 21, 22, 23, 24, 25, 26}));
  EXPECT_FALSE(find_modes({20, 21, 19, 20, 21, 20, 320}));          // one wild trial is no mode
  EXPECT_FALSE(find_modes({20, 21, 20, 26, 27, 26}));               // 1.3 apart
  EXPECT_FALSE(find_modes({10, 20, 40, 80, 170, 340, 680, 1360}));  // spread, not split
  EXPECT_FALSE(find_modes({20, 320}));
  EXPECT_FALSE(find_modes({0, 0, 5, 5}));
}

// Log-normal noise as wide as that of two-CPU bulk transfers must not be taken for two modes.
TEST(Modes, AreRareInUnimodalNoise) {
  std::mt19937_64 random(5);
  std::lognormal_distribution<> noise(0, 0.23);
  int found = 0;
  for (int run = 0; run < 1000; ++run) {
    std::vector<double> values;
    for (int i = 0; i < 10; ++i) values.push_back(noise(random));
    found += find_modes(values) ? 1 : 0;
  }
  EXPECT_LE(found, 15);
}

TEST(BenjaminiHochberg, FollowsThePapersSteps) {
  const std::vector<double> q = q_values({0.01, 0.04, 0.03, 0.5});
  EXPECT_DOUBLE_EQ(q[0], 0.04);
  EXPECT_DOUBLE_EQ(q[1], 0.04 * 4 / 3);
  EXPECT_DOUBLE_EQ(q[2], 0.04 * 4 / 3);
  EXPECT_DOUBLE_EQ(q[3], 0.5);
}

// A/A: two runs of the same thing. The interval covers no change in 95 % of them.
TEST(PairedEstimates, AreCalibratedOnNoDifference) {
  std::mt19937_64 random(11);
  std::student_t_distribution<> heavy_tail(3);
  int alarms = 0, misses = 0;
  for (int family = 0; family < 2000; ++family) {
    std::vector<double> d;
    for (int i = 0; i < 10; ++i) d.push_back(0.1 * heavy_tail(random));
    const PairedEstimate e = estimate_paired(d);
    alarms += e.p_value <= 0.05;
    misses += *e.ci_low > 0 || *e.ci_high < 0;
  }
  EXPECT_LE(alarms, 120);  // 5 % of 2000, and three standard deviations
  EXPECT_LE(misses, 120);
}

TEST(PairedEstimates, FindTheShiftTheyPromise) {
  std::mt19937_64 random(12);
  std::normal_distribution<> noise(0, 0.1);
  const std::size_t n = 20;
  const double shift = detectable_shift(0.1, n);
  int found = 0;
  for (int family = 0; family < 500; ++family) {
    std::vector<double> d;
    for (std::size_t i = 0; i < n; ++i) d.push_back(shift + noise(random));
    found += estimate_paired(d).p_value <= 0.05;
  }
  EXPECT_GE(
      found,
      450);  // 95 % promised for the normal test; the signed-rank test has 95.5 % of its power
  EXPECT_EQ(pairs_to_detect(0.1, shift), n);
}

}  // namespace
}  // namespace pingperf
