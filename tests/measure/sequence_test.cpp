#include "sockets/measure/sequence.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace pingperf {
namespace {

std::unique_ptr<SequenceTracker> after(const std::vector<std::uint64_t>& numbers) {
  auto tracker = std::make_unique<SequenceTracker>();
  for (std::uint64_t number : numbers) tracker->received(number, 0, 0);
  return tracker;
}

TEST(SequenceTracker, ACompleteFlowHasNoErrors) {
  const auto t = after({0, 1, 2, 3, 4});
  EXPECT_EQ(t->distinct(), 5u);
  EXPECT_EQ(t->lost(), 0u);
  EXPECT_EQ(t->out_of_order(), 0u);
  EXPECT_EQ(t->duplicates(), 0u);
}

TEST(SequenceTracker, AGapIsALossUntilTheMissingDatagramArrives) {
  auto t = after({0, 1, 4});
  EXPECT_EQ(t->lost(), 2u);
  t->received(2, 0, 0);
  EXPECT_EQ(t->lost(), 1u);
  EXPECT_EQ(t->out_of_order(), 1u);
  EXPECT_EQ(t->duplicates(), 0u);
}

TEST(SequenceTracker, DuplicatesAreNotCountedAsReceived) {
  const auto t = after({0, 1, 1, 2, 0, 2});
  EXPECT_EQ(t->distinct(), 3u);
  EXPECT_EQ(t->duplicates(), 3u);
  EXPECT_EQ(t->out_of_order(), 0u);
  EXPECT_EQ(t->lost(), 0u);
}

TEST(SequenceTracker, LastDatagramsAreLostWhenTheSenderReportsItsCount) {
  auto t = after({0, 1, 2});
  t->expect(10);
  EXPECT_EQ(t->lost(), 7u);
  t->expect(10);
  EXPECT_EQ(t->lost(), 7u);
}

TEST(SequenceTracker, AJumpBeyondTheWindowKeepsTheCounts) {
  auto t = after({0, 1, 1'000'000});
  EXPECT_EQ(t->lost(), 999'998u);
  t->received(1'000'000, 0, 0);
  EXPECT_EQ(t->duplicates(), 1u);
  t->received(999'999, 0, 0);
  EXPECT_EQ(t->out_of_order(), 1u);
  EXPECT_EQ(t->lost(), 999'997u);
}

TEST(SequenceTracker, TheWindowSlidesOverManyDatagrams) {
  SequenceTracker t;
  for (std::uint64_t i = 0; i < 300'000; ++i)
    if (i % 10 != 3) t.received(i, 0, 0);
  EXPECT_EQ(t.lost(), 30'000u);
  EXPECT_EQ(t.duplicates(), 0u);
  EXPECT_EQ(t.out_of_order(), 0u);
}

TEST(SequenceTracker, JitterFollowsRfc3550) {
  SequenceTracker t;
  t.received(0, 0, 1000);  // transit 1000
  EXPECT_EQ(t.jitter_ns(), 0);
  t.received(1, 0, 1160);  // D = 160, J = 160/16
  EXPECT_DOUBLE_EQ(t.jitter_ns(), 10);
  t.received(2, 0, 1160);  // D = 0, J += (0 - 10)/16
  EXPECT_DOUBLE_EQ(t.jitter_ns(), 10 - 10.0 / 16);
}

TEST(SequenceTracker, JitterIsIndependentOfTheClockOffset) {
  SequenceTracker t;
  for (int i = 0; i < 100; ++i) t.received(static_cast<std::uint64_t>(i), 5'000'000'000 + i, i);
  EXPECT_EQ(t.jitter_ns(), 0);
}

}  // namespace
}  // namespace pingperf
