#include "sockets/throughput/low_watermark.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "sockets/core/error.h"
#include "sockets/core/fd.h"

namespace pingperf {
namespace {

constexpr std::uint64_t kStandard = 512 * 1024;

class LowWatermarkTest : public testing::Test {
 protected:
  LowWatermarkTest() { options_.warmup = 100 * kMillisecond; }

  std::uint64_t after_start() {
    set_low_watermark(fd_.get(), options_);
    return low_watermark(fd_.get()).value();
  }

  // Returns the watermark after a warmup in which the stream received `bytes`.
  std::uint64_t after_warmup(std::uint64_t bytes) {
    set_low_watermark(fd_.get(), options_);
    review_low_watermark(fd_.get(), options_, bytes);
    return low_watermark(fd_.get()).value();
  }

  const Fd fd_{check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")};
  Options options_;
};

TEST_F(LowWatermarkTest, FastStreamsKeepTheStandard) {
  EXPECT_EQ(after_start(), kStandard);
  EXPECT_EQ(after_warmup(100 * kStandard), kStandard);  // one per ms
}

TEST_F(LowWatermarkTest, StreamsThatPauseHaveNone) {
  for (auto parameter : {&Options::on_time, &Options::frame_every}) {
    options_ = {};
    options_.warmup = 100 * kMillisecond;
    options_.*parameter = 10 * kMillisecond;
    EXPECT_EQ(after_start(), 1u);
  }
}

TEST_F(LowWatermarkTest, SlowStreamsHaveNoneAfterTheWarmup) {
  EXPECT_EQ(after_warmup(99 * kStandard), 1u);
}

TEST_F(LowWatermarkTest, PacedStreamsHaveNone) {
  options_.rate_bps = 50'000'000'000;
  EXPECT_EQ(after_start(), 1u);
}

TEST_F(LowWatermarkTest, StreamsWithoutAWarmupHaveNone) {
  options_.warmup = 0;
  EXPECT_EQ(after_start(), 1u);
}

TEST_F(LowWatermarkTest, TheParameterHoldsForEveryStream) {
  options_.receive_low_watermark = 10'000;
  options_.rate_bps = 1'000'000;
  EXPECT_EQ(after_warmup(0), 10'000u);
}

TEST_F(LowWatermarkTest, SendersHaveTheParameterOrThatOfTheKernel) {
  const auto notsent = [this] {
    set_notsent_low_watermark(fd_.get(), options_);
    int bytes = 0;
    socklen_t size = sizeof bytes;
    check(::getsockopt(fd_.get(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, &size), "getsockopt");
    return bytes;
  };
  const int of_kernel = notsent();
  EXPECT_NE(of_kernel, 65'536);
  set_default(options_, *find_parameter("notsent_low_watermark"));
  EXPECT_EQ(notsent(), of_kernel);
  options_.client_cpu = options_.server_cpu = "0";
  set_default(options_, *find_parameter("notsent_low_watermark"));
  EXPECT_EQ(notsent(), 65'536);
}

}  // namespace
}  // namespace pingperf
