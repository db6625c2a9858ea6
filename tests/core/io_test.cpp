#include "sockets/core/io.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "sockets/core/error.h"
#include "sockets/core/fd.h"

namespace pingperf {
namespace {

TEST(PollMs, IsRoundedUpAndBetween0AndAnHour) {
  EXPECT_EQ(poll_ms(0), 0);
  EXPECT_EQ(poll_ms(now_ns()), 0);
  EXPECT_EQ(poll_ms(now_ns() + 3600 * kSecond + kSecond), 3'600'000);
  EXPECT_EQ(poll_ms(INT64_MAX), 3'600'000);
  const Nanoseconds deadline = now_ns() + 100 * kSecond;
  const int ms = poll_ms(deadline);
  EXPECT_GE(ms * kMillisecond, deadline - now_ns());
  EXPECT_LE(ms, 100'000);
}

TEST(WaitReadable, EndsWithDataOrAtTheDeadline) {
  int ends[2];
  check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), "socketpair");
  const Fd reader(ends[0]), writer(ends[1]);
  const Nanoseconds deadline = now_ns() + 2 * kMillisecond + 1;
  EXPECT_FALSE(wait_readable(reader.get(), deadline));
  EXPECT_GE(now_ns(), deadline);
  ASSERT_TRUE(send_all(writer.get(), "x", 1));
  EXPECT_TRUE(wait_readable(reader.get(), 0));
  EXPECT_TRUE(wait_readable(reader.get(), INT64_MAX));
}

}  // namespace
}  // namespace pingperf
