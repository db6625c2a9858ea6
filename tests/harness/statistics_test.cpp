#include "harness/statistics.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace pingperf
