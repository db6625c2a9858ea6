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
int send_all_due(Pace& pace, Nanoseconds now) {
  int count = 0;
  for (pace.update(now); pace.is_due(); ++count) pace.advance();
  return count;
}

TEST(Pace, WithoutARateIsAlwaysDue) {
  Pace pace;
  EXPECT_FALSE(pace.paced());
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(pace.is_due());
    pace.advance();
  }
}

TEST(Pace, StartsWithItsFirstLook) {
  for (const Nanoseconds timer : {0 * kSecond, kSecond}) {
    Pace pace(paced_options(timer), 1);
    EXPECT_TRUE(pace.paced());
    EXPECT_FALSE(pace.is_due());
    EXPECT_LT(pace.next_update(), kStart);
    EXPECT_EQ(send_all_due(pace, kStart), 1);
  }
}

TEST(Pace, WithoutATimerLooksWhenTheNextMessageIsDue) {
  Pace pace(paced_options(0), 1);
  send_all_due(pace, kStart);
  for (int k = 1; k < 100; ++k) {
    EXPECT_EQ(pace.next_update(), kStart + k * kMillisecond);
    EXPECT_FALSE(pace.update(pace.next_update() - 1));
    EXPECT_EQ(send_all_due(pace, pace.next_update()), 1);
  }
  EXPECT_EQ(pace.gaps()->quantile(0.5), pace.gaps()->quantile(0.01));
}

TEST(Pace, SendsAllDueMessagesOncePerTimer) {
  Pace pace(paced_options(10 * kMillisecond), 1);
  send_all_due(pace, kStart);
  for (int k = 1; k < 100; ++k) {
    EXPECT_EQ(pace.next_update(), kStart + 10 * k * kMillisecond);
    EXPECT_EQ(send_all_due(pace, pace.next_update()), 10);
  }
}

TEST(Pace, SharesTheRateAmongTheFlows) {
  Pace pace(paced_options(0), 4);
  send_all_due(pace, kStart);
  EXPECT_EQ(pace.next_update(), kStart + 4 * kMillisecond);
}

TEST(Pace, CompensatesALateLookUpToATenthOfASecond) {
  Pace pace(paced_options(0), 1);
  send_all_due(pace, kStart);
  EXPECT_EQ(send_all_due(pace, kStart + 90 * kMillisecond), 90);
  EXPECT_EQ(send_all_due(pace, kStart + 900 * kMillisecond), 1);
  EXPECT_EQ(pace.next_update(), kStart + 901 * kMillisecond);
}

TEST(Pace, WithATimerOfASecondKeepsItsRate) {
  Pace pace(paced_options(kSecond), 1);
  send_all_due(pace, kStart);
  EXPECT_EQ(send_all_due(pace, kStart + kSecond + 90 * kMillisecond), 1090);
}

TEST(Pace, OfAMixCountsBytes) {
  Options options = paced_options(0);
  options.message_size.reset();
  options.size_mix = "500:1 1500:1";
  Pace pace(options, 1);
  pace.update(kStart);
  pace.advance(1500);  // 1000 bytes per millisecond
  EXPECT_EQ(pace.next_update(), kStart + 1500 * kMicrosecond);
  pace.update(pace.next_update());
  pace.advance(500);
  EXPECT_EQ(pace.next_update(), kStart + 2 * kMillisecond);
}

// Returns options for a sender that sends for 10 of 50 ms.
Options pausing_options(bool has_rate) {
  Options o;
  if (has_rate) o = paced_options(0);
  o.message_size = 1000;
  o.on_time = 10 * kMillisecond;
  o.off_time = 40 * kMillisecond;
  return o;
}

TEST(Pace, KeepsItsRateWhileItIsOn) {
  Pace pace(pausing_options(true), 1);
  std::vector<Nanoseconds> sent;
  for (Nanoseconds now = kStart; now < kStart + 100 * kMillisecond; now += kMillisecond / 4)
    for (pace.update(now); pace.is_due(); pace.advance()) sent.push_back(now - kStart);
  ASSERT_EQ(sent.size(), 20u);
  for (int k = 0; k < 10; ++k) {
    EXPECT_EQ(sent[static_cast<std::size_t>(k)], k * kMillisecond);
    EXPECT_EQ(sent[static_cast<std::size_t>(10 + k)], (50 + k) * kMillisecond);
  }
}

TEST(Pace, LooksAtTheStartOfTheNextPhase) {
  for (const bool has_rate : {false, true}) {
    Pace pace(pausing_options(has_rate), 1);
    send_all_due(pace, kStart);
    send_all_due(pace, kStart + 9 * kMillisecond);
    send_all_due(pace, kStart + 30 * kMillisecond);
    EXPECT_EQ(pace.next_update(), kStart + 50 * kMillisecond) << has_rate;
    EXPECT_TRUE(pace.update(pace.next_update())) << has_rate;
  }
}

TEST(Pace, WithoutARateAMessageIsDueAtEachLookOfAPhase) {
  Pace pace(pausing_options(false), 1);
  EXPECT_TRUE(pace.paced());
  for (Nanoseconds now = kStart; now < kStart + 200 * kMillisecond; now += 1000) {
    const bool on = (now - kStart) % (50 * kMillisecond) < 10 * kMillisecond;
    ASSERT_EQ(send_all_due(pace, now), on ? 1 : 0) << now - kStart;
  }
  EXPECT_FALSE(pace.gaps());
}

TEST(Pace, ALongTrialStillPauses) {
  Pace pace(pausing_options(false), 1);
  send_all_due(pace, kStart);
  const Nanoseconds late = kStart + 36000 * kSecond;  // 720 000 phases
  EXPECT_EQ(send_all_due(pace, late + 1), 1);
  EXPECT_EQ(send_all_due(pace, late + 2), 1);
  EXPECT_EQ(send_all_due(pace, late + 10 * kMillisecond), 0);
  EXPECT_EQ(pace.next_update(), late + 50 * kMillisecond);
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
