#include "sockets/throughput/coalescing.h"

#include <gtest/gtest.h>

namespace pingperf {
namespace {

constexpr std::uint64_t kBuffer = 8 << 20;  // 4 MiB requested: Linux doubles it (socket(7))

// Returns the pause after `messages` of n bytes that arrived within `elapsed`.
Nanoseconds pause_after(std::uint64_t buffer, int messages, std::uint64_t n, Nanoseconds elapsed) {
  Coalescing coalescing(buffer);
  coalescing.pause(kSecond);
  for (int i = 0; i < messages; ++i) coalescing.took(n);
  return coalescing.pause(kSecond + elapsed);
}

TEST(Coalescing, TheReceiverOfAFastFlowSleepsUntilAQuarterOfTheBufferIsFull) {
  const Nanoseconds pause =
      pause_after(kBuffer, 1, 64512, 12 * kMicrosecond);  // with 1024 bytes of bookkeeping: 64 KiB
  EXPECT_EQ(pause, 32 * 12 * kMicrosecond);
}

TEST(Coalescing, APauseIsShort) {
  EXPECT_EQ(pause_after(100 * kBuffer, 1, 64512, 12 * kMicrosecond), 400 * kMicrosecond);
  EXPECT_EQ(pause_after(kBuffer, 100, 1400, kMillisecond), 400 * kMicrosecond);
}

TEST(Coalescing, TheReceiverOfASlowFlowDoesNotSleep) {
  EXPECT_EQ(pause_after(kBuffer, 1, 1400, kMillisecond), 0);
  EXPECT_EQ(pause_after(kBuffer, 0, 0, kMillisecond), 0);
  Coalescing fresh(kBuffer);
  fresh.took(64512);
  EXPECT_EQ(fresh.pause(1000 * kSecond), 0);
}

TEST(Coalescing, TheReceiverOfASmallBufferDoesNotSleep) {
  EXPECT_EQ(pause_after(212'992, 1, 64400, 12 * kMicrosecond), 0);
}

TEST(Coalescing, SmallDatagramsFillTheBufferWithBookkeeping) {
  const Nanoseconds pause = pause_after(kBuffer / 16, 100, 16, 100 * kMicrosecond);
  EXPECT_LT(pause, 130 * kMicrosecond);  // 100 datagrams in 100 µs, 1040 bytes each
  EXPECT_GT(pause, 120 * kMicrosecond);
}

}  // namespace
}  // namespace pingperf
