#include "sockets/measure/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace pingperf {
namespace {

TEST(Histogram, EveryBucketHoldsItsOwnBounds) {
  for (std::size_t i = 0; i <= Histogram::index_of(Histogram::kMaxValue); ++i) {
    ASSERT_EQ(Histogram::index_of(Histogram::lowest(i)), i);
    ASSERT_EQ(Histogram::index_of(Histogram::highest(i)), i);
    ASSERT_LT(Histogram::highest(i), Histogram::lowest(i + 1));
  }
}

TEST(Histogram, NoBucketIsWiderThanAThousandthOfItsValue) {
  for (std::size_t i = 0; i <= Histogram::index_of(Histogram::kMaxValue); ++i) {
    const auto width = static_cast<double>(Histogram::highest(i) - Histogram::lowest(i));
    ASSERT_LE(width, 0.001 * static_cast<double>(Histogram::lowest(i))) << i;
  }
}

// Returns shapes of real latencies: a heavy tail, one value, two distant clusters, a ramp.
std::vector<std::vector<Nanoseconds>> adversarial_data() {
  std::mt19937_64 random(7);
  std::vector<std::vector<Nanoseconds>> sets(4);
  for (int i = 0; i < 20000; ++i) {
    const double u = std::generate_canonical<double, 53>(random);
    sets[0].push_back(static_cast<Nanoseconds>(10e3 / std::pow(1 - u, 1.2)));
    sets[1].push_back(15'000);
    sets[2].push_back(i % 100 == 0 ? 200 * kMillisecond : 9'000 + i % 7);
    sets[3].push_back(i);
  }
  return sets;
}

TEST(Histogram, QuantilesAreWithinAThousandthOfTheExactOnes) {
  for (std::vector<Nanoseconds> values : adversarial_data()) {
    Histogram h;
    for (Nanoseconds v : values) h.record(v);
    std::sort(values.begin(), values.end());
    for (double q : {0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0}) {
      const auto n = static_cast<double>(values.size());
      const auto rank = std::max<std::size_t>(1, static_cast<std::size_t>(std::ceil(q * n)));
      const auto exact = static_cast<double>(values[rank - 1]);
      if (exact > static_cast<double>(Histogram::kMaxValue)) continue;
      EXPECT_NEAR(static_cast<double>(h.quantile(q)), exact, 0.001 * exact) << q;
    }
    EXPECT_EQ(h.min(), values.front());
    EXPECT_EQ(h.max(), values.back());
  }
}

TEST(Histogram, AValueCanBeCountedManyTimes) {
  Histogram one, many;
  for (int i = 0; i < 5; ++i) one.record(1234);
  one.record(Histogram::kMaxValue + 1);
  one.record(Histogram::kMaxValue + 1);
  many.record(1234, 5);
  many.record(Histogram::kMaxValue + 1, 2);
  many.record(7, 0);
  EXPECT_EQ(many.buckets(), one.buckets());
  EXPECT_EQ(many.count(), one.count());
  EXPECT_EQ(many.overflow(), 2u);
  EXPECT_EQ(many.min(), one.min());
  EXPECT_DOUBLE_EQ(many.mean(), one.mean());
}

TEST(Histogram, CountsTooLargeValuesAsOverflowAndKeepsTheMaximum) {
  Histogram h;
  h.record(1000);
  h.record(Histogram::kMaxValue + 1);
  EXPECT_EQ(h.count(), 2u);
  EXPECT_EQ(h.overflow(), 1u);
  EXPECT_EQ(h.max(), Histogram::kMaxValue + 1);
  EXPECT_EQ(h.quantile(1.0), Histogram::kMaxValue + 1);
}

TEST(Histogram, MergingIsTheSameAsRecordingAll) {
  Histogram a, b, both;
  for (int i = 1; i < 1000; ++i) {
    (i % 3 == 0 ? a : b).record(i * i);
    both.record(i * i);
  }
  a.merge(b);
  EXPECT_EQ(a.buckets(), both.buckets());
  EXPECT_EQ(a.count(), both.count());
  EXPECT_EQ(a.min(), both.min());
  EXPECT_EQ(a.max(), both.max());
  EXPECT_DOUBLE_EQ(a.mean(), both.mean());
}

TEST(Histogram, IsRebuiltFromItsBuckets) {
  Histogram h;
  for (int i = 0; i < 5000; ++i) h.record(i * 37);
  h.record(2 * Histogram::kMaxValue);
  const Histogram copy =
      Histogram::from_buckets(h.buckets(), h.min(), h.max(), h.sum(), h.overflow());
  EXPECT_EQ(copy.buckets(), h.buckets());
  EXPECT_EQ(copy.count(), h.count());
  EXPECT_EQ(copy.quantile(0.9), h.quantile(0.9));
  EXPECT_DOUBLE_EQ(copy.stddev(), h.stddev());
  EXPECT_THROW(Histogram::from_buckets({{1u << 30, 1}}, 0, 0, 0, 0), std::out_of_range);
}

TEST(Histogram, AnEmptyHistogramHasOnlyZeros) {
  const Histogram h;
  EXPECT_EQ(h.count(), 0u);
  EXPECT_EQ(h.quantile(0.5), 0);
  EXPECT_TRUE(h.buckets().empty());
}

TEST(Histogram, StandardDeviationIsThatOfTheData) {
  Histogram h;
  for (int i = 0; i < 100; ++i) h.record(i < 50 ? 1000 : 2000);
  EXPECT_NEAR(h.stddev(), 500, 1);
  EXPECT_NEAR(h.mean(), 1500, 1e-9);
}

}  // namespace
}  // namespace pingperf
