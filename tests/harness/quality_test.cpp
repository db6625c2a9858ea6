#include "harness/quality.h"

#include <gtest/gtest.h>

#include "tests/harness/record_samples.h"

namespace pingperf {
namespace {

class QualityTest : public testing::Test {
 protected:
  Samples samples;
};

TEST_F(QualityTest, AGoodTrialHasNoRemark) {
  EXPECT_EQ(assess_quality(samples.transfer(samples.add_case("bulk"), 1, 1'000'000)), "");
}

TEST_F(QualityTest, AnOfferedRateThatWasNotReachedIsRemarked) {
  Case c = samples.add_case("udp");
  c.options.rate_bps = 50'000'000'000;
  EXPECT_EQ(assess_quality(samples.transfer(c, 1, 1'000'000)),
            "sent 8 Mbit/s of the offered 50 Gbit/s");
}

TEST_F(QualityTest, AShortWindowAndStolenTimeAreRemarked) {
  TrialRecord r = samples.transfer(samples.add_case("bulk"), 1, 1000);
  r.client.window_s = 0.0015;
  r.server.steal_ratio = 0.25;
  EXPECT_EQ(assess_quality(r), "short window: 1.50 ms; 25% of the CPU time was stolen");
}

TEST_F(QualityTest, AFailedTrialHasItsErrorInstead) {
  EXPECT_EQ(assess_quality(samples.failed(samples.add_case("bulk"), 1)), "");
}

}  // namespace
}  // namespace pingperf
