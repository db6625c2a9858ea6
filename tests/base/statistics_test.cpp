#include "harness/base/statistics.h"

#include <gtest/gtest.h>

#include <random>

namespace pingperf {
namespace {

TEST(Statistics, MedianOfOddAndEven) {
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 2, 3}), 2.5);
  EXPECT_EQ(median({7}), 7);
}

TEST(Statistics, StandardDeviationIsThatOfTheSampleWithLargeOffsetsToo) {
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

TEST(Modes, AreFoundWhereAWideGapSplitsTheValues) {
  const auto modes = find_modes({20, 320, 21, 330, 19, 310, 20, 325});
  ASSERT_TRUE(modes);
  EXPECT_EQ(modes->low_count, 4u);
  EXPECT_EQ(modes->high_count, 4u);
  EXPECT_DOUBLE_EQ(modes->low, 20);
  EXPECT_DOUBLE_EQ(modes->high, 322.5);
}

TEST(Modes, AreNotHiddenByAnOutlierOrAThirdGroup) {
  const auto beside_outlier = find_modes({20, 320, 21, 330, 19, 310, 20, 325, 20, 9000});
  ASSERT_TRUE(beside_outlier);
  EXPECT_EQ(beside_outlier->low_count, 5u);
  EXPECT_TRUE(find_modes({20, 21, 20, 40, 41, 40, 80, 81, 80}));
  EXPECT_TRUE(find_modes({100, 101, 102, 99, 180, 182, 181, 179, 5, 180}));
}

TEST(Modes, AreNotSeenInOneGroupOneOutlierOrASmallGap) {
  EXPECT_FALSE(find_modes({20, 21, 22, 23, 24, 25, 26}));
  EXPECT_FALSE(find_modes({20, 21, 19, 20, 21, 20, 320}));          // one outlier is no mode
  EXPECT_FALSE(find_modes({20, 21, 20, 26, 27, 26}));               // a factor of only 1.3
  EXPECT_FALSE(find_modes({10, 20, 40, 80, 170, 340, 680, 1360}));  // spread, not split
  EXPECT_FALSE(find_modes({20, 320}));
  EXPECT_FALSE(find_modes({0, 0, 5, 5}));
}

// Log-normal noise as wide as in bulk transfers on two CPUs must not appear as two modes.
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

}  // namespace
}  // namespace pingperf
