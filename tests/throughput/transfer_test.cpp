// The schedule of a paced flow at simulated times, and the kernel's pacing.
#include "sockets/throughput/transfer.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "sockets/core/error.h"
#include "sockets/core/socket_options.h"

namespace pingperf {
namespace {

constexpr Nanoseconds kStart = 1000 * kSecond;

// Returns options for one message of 1000 bytes per millisecond.
Options paced_options(Nanoseconds pacing_timer) {
  Options o;
  o.message_size = 1000;
  o.rate_bps = 8'000'000;
  o.pacing_timer = pacing_timer;
  return o;
}

// Sends all messages that are due at `now`. Returns their number.
int leave_all(Pace& pace, Nanoseconds now) {
  int count = 0;
  for (pace.look(now); pace.is_due(); ++count) pace.leave();
  return count;
}

TEST(Pace, WithoutARateIsAlwaysDue) {
  Pace pace;
  EXPECT_FALSE(pace.paced());
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(pace.is_due());
    pace.leave();
  }
}

TEST(Pace, StartsWithItsFirstLook) {
  for (const Nanoseconds timer : {0 * kSecond, kSecond}) {
    Pace pace(paced_options(timer), 1);
    EXPECT_TRUE(pace.paced());
    EXPECT_FALSE(pace.is_due());
    EXPECT_LT(pace.next_look(), kStart);
    EXPECT_EQ(leave_all(pace, kStart), 1);
  }
}

TEST(Pace, WithoutATimerLooksWhenTheNextMessageIsDue) {
  Pace pace(paced_options(0), 1);
  leave_all(pace, kStart);
  for (int k = 1; k < 100; ++k) {
    EXPECT_EQ(pace.next_look(), kStart + k * kMillisecond);
    EXPECT_FALSE(pace.look(pace.next_look() - 1));
    EXPECT_EQ(leave_all(pace, pace.next_look()), 1);
  }
  EXPECT_EQ(pace.gaps()->quantile(0.5), pace.gaps()->quantile(0.01));
}

TEST(Pace, SendsAllDueMessagesOncePerTimer) {
  Pace pace(paced_options(10 * kMillisecond), 1);
  leave_all(pace, kStart);
  for (int k = 1; k < 100; ++k) {
    EXPECT_EQ(pace.next_look(), kStart + 10 * k * kMillisecond);
    EXPECT_EQ(leave_all(pace, pace.next_look()), 10);
  }
}

TEST(Pace, SharesTheRateAmongTheFlows) {
  Pace pace(paced_options(0), 4);
  leave_all(pace, kStart);
  EXPECT_EQ(pace.next_look(), kStart + 4 * kMillisecond);
}

TEST(Pace, CompensatesALateLookUpToATenthOfASecond) {
  Pace pace(paced_options(0), 1);
  leave_all(pace, kStart);
  EXPECT_EQ(leave_all(pace, kStart + 90 * kMillisecond), 90);
  EXPECT_EQ(leave_all(pace, kStart + 900 * kMillisecond), 1);
  EXPECT_EQ(pace.next_look(), kStart + 901 * kMillisecond);
}

TEST(Pace, WithATimerOfASecondKeepsItsRate) {
  Pace pace(paced_options(kSecond), 1);
  leave_all(pace, kStart);
  EXPECT_EQ(leave_all(pace, kStart + kSecond + 90 * kMillisecond), 1090);
}

TEST(SocketOptions, FqRateIsTheKernelsPacingRate) {
  const Fd fd(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  Options options;
  options.fq_rate_bps = 34'000'000'000;
  apply_options(fd.get(), options, AF_INET);
  std::uint64_t rate = 0;
  socklen_t size = sizeof rate;
  check(::getsockopt(fd.get(), SOL_SOCKET, SO_MAX_PACING_RATE, &rate, &size), "getsockopt");
  EXPECT_EQ(rate, 34'000'000'000 / 8);
}

}  // namespace
}  // namespace pingperf
