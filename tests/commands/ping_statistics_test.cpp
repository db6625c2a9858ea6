#include "sockets/commands/ping_statistics.h"

#include <gtest/gtest.h>

namespace pingperf {
namespace {

constexpr Nanoseconds kStart = 1000 * kSecond;

Nanoseconds at(double seconds) {
  return kStart + static_cast<Nanoseconds>(seconds * 1e9);
}

TEST(PingStatistics, TheRateCountsGapsAndAnsweredPings) {
  PingStatistics figures(kStart);
  for (const double time : {0.0, 1.0}) figures.pong(at(time) + kMillisecond, kMillisecond);
  for (const double time : {2.0, 3.0, 4.0}) figures.lost(at(time), at(time), "no pong");
  figures.finish(at(4));
  EXPECT_DOUBLE_EQ(figures.rate_hz(), 0.4);  // 4 gaps in 4 s, 2 of 5 answered
  EXPECT_EQ(figures.sent(), 5u);
}

TEST(PingStatistics, OnePongHasNoRate) {
  PingStatistics figures(kStart);
  figures.pong(at(0.001), kMillisecond);
  figures.finish(at(0.001));
  EXPECT_EQ(figures.rate_hz(), 0);
}

TEST(PingStatistics, TheLongestGapShowsAStall) {
  PingStatistics figures(kStart);
  for (const double time : {0.0, 0.1, 2.1, 2.2}) figures.pong(at(time), kMillisecond);
  EXPECT_EQ(figures.longest_gap(), 2 * kSecond);
}

TEST(PingStatistics, AnOutageLastsFromItsFirstLostPingToTheNextPong) {
  PingStatistics figures(kStart);
  figures.pong(at(0), kMillisecond);
  figures.lost(at(1), at(2), "no pong");
  figures.lost(at(2), at(3), "refused");
  EXPECT_TRUE(figures.in_outage());
  figures.pong(at(4), kMillisecond);
  EXPECT_FALSE(figures.in_outage());
  EXPECT_EQ(figures.last_outage(), 3 * kSecond);
  EXPECT_EQ(figures.lost_in_outage(), 2u);
  figures.lost(at(5), at(6), "refused");
  figures.finish(at(7));  // the outage at the end counts up to the end
  EXPECT_EQ(figures.outages(), 2u);
  EXPECT_EQ(figures.outage_time(), 5 * kSecond);
  EXPECT_EQ(figures.reasons().at("refused"), 2u);
  EXPECT_EQ(figures.sent(), 5u);
}

TEST(PingStatistics, AWaitForTheServerIsNoRoundTripAndNoLoss) {
  PingStatistics figures(kStart);
  figures.served(at(3), 3 * kSecond);
  figures.pong(at(4), kMillisecond);
  EXPECT_EQ(figures.received(), 2u);
  EXPECT_EQ(figures.lost(), 0u);
  EXPECT_EQ(figures.rtt().count(), 1u);
  EXPECT_EQ(figures.waited(), 3 * kSecond);
}

}  // namespace
}  // namespace pingperf
