#include "harness/results/warnings.h"

#include <gmock/gmock.h>

#include "tests/results/record_samples.h"

namespace pingperf {
namespace {

class QualityTest : public testing::Test {
 protected:
  std::string assess_quality(const TrialRecord& record) { return judge.assess(record); }

  // Returns a trial with this median. Records it twice, because a median requires two values.
  TrialRecord ping(const Case& c, std::uint64_t block, Nanoseconds rtt) {
    TrialRecord r = samples.trial(c, block);
    r.client.window_s = 1;
    r.client.rtt.emplace();
    r.client.rtt->record(rtt);
    r.client.rtt->record(rtt);
    r.client.exchanges = 2;
    r.client.lost = 0;
    return r;
  }

  Samples samples;
  TrialWarnings judge;
};

TEST_F(QualityTest, AGoodTrialHasNoWarning) {
  EXPECT_EQ(assess_quality(samples.transfer(samples.add_case("bulk"), 1, 1'000'000)), "");
}

TEST_F(QualityTest, AnOfferedRateThatWasNotReachedIsWarnedOf) {
  Case c = samples.add_case("udp");
  c.options.edit().rate_bps = 50'000'000'000;
  EXPECT_EQ(assess_quality(samples.transfer(c, 1, 1'000'000)),
            "sent 8 Mbit/s of the offered 50 Gbit/s");
}

TEST_F(QualityTest, MoreThanTheOfferedRateIsWarnedOf) {
  Case c = samples.add_case("udp");
  c.options.edit().rate_bps = 7'700'000;
  EXPECT_EQ(assess_quality(samples.transfer(c, 1, 1'000'000)), "");  // within 5 %
  c.options.edit().rate_bps = 5'000'000;
  EXPECT_EQ(assess_quality(samples.transfer(c, 1, 1'000'000)),
            "sent 8 Mbit/s, more than the offered 5 Mbit/s");
}

TEST_F(QualityTest, ABufferBelowTheRequestedSizeIsWarnedOf) {
  Case c = samples.add_case("bulk");
  c.options.edit().send_buffer = 64 << 20;
  TrialRecord r = samples.transfer(c, 1, 1'000'000);
  r.client.send_buffer_bytes = 128 << 20;  // Linux doubles the size
  EXPECT_EQ(assess_quality(r), "");
  r.client.send_buffer_bytes = 8 << 20;
  EXPECT_EQ(assess_quality(r),
            "the send buffer has 4 MiB, not the requested 64 MiB: see net.core.wmem_max");
}

TEST_F(QualityTest, DatagramsLongerThanThePathAreWarnedOf) {
  Case c = samples.add_case("udp");
  c.options.edit().transport = Transport::udp;
  c.options.edit().message_size = 1252;
  TrialRecord r = samples.transfer(c, 1, 1'000'000);
  r.client.path_mtu_bytes = 1280;
  EXPECT_EQ(assess_quality(r), "");
  c.options.edit().message_size = 1400;
  EXPECT_EQ(assess_quality(r),
            "datagrams of 1400 bytes went in fragments, because the MTU of the path is 1280: "
            "message_size: at most 1252 bytes fit");
  c.options.edit().message_size = 1252;
  c.options.edit().ip = 6;
  EXPECT_THAT(assess_quality(r), testing::HasSubstr("message_size: at most 1232 bytes fit"));
  c.options.edit().message_size = 64;
  EXPECT_EQ(assess_quality(r), "");
  c.options.edit().response_size = 1300;
  EXPECT_EQ(assess_quality(r),
            "datagrams of 1300 bytes went in fragments, because the MTU of the path is 1280: "
            "response_size: at most 1232 bytes fit");
  c.options.edit().response_size.reset();
  c.options.edit().size_mix = "64:9 1400:1";
  EXPECT_THAT(assess_quality(r), testing::HasSubstr("size_mix: at most 1232 bytes fit"));
}

TEST_F(QualityTest, AShortWindowAndStolenTimeAreWarnedOf) {
  TrialRecord r = samples.transfer(samples.add_case("bulk"), 1, 1000);
  r.client.window_s = 0.0015;
  r.server.steal_ratio = 0.25;
  EXPECT_EQ(assess_quality(r),
            "short window of the client: 1.50 ms; 25% of the CPU time was stolen");
}

TEST_F(QualityTest, LoadOfOthersIsWarnedOf) {
  TrialRecord r = samples.transfer(samples.add_case("bulk"), 1, 1000);
  r.client.host_busy_s = 1.0;
  r.client.host_total_s = 2.0;
  for (Measurement* end : {&r.client, &r.server}) end->cpu_user_s = end->cpu_system_s = 0.1;
  EXPECT_EQ(assess_quality(r), "others took 30% of the CPU time");
}

TEST_F(QualityTest, ABackgroundThatIsNotSteadyIsWarnedOf) {
  const Case& load = samples.add_case("background");
  TrialRecord r = ping(samples.add_case("ping", {}, Kind::latency), 1, 1000);
  r.background = std::make_shared<TrialRecord>(samples.trial(load, 1));
  for (int i = 0; i < 10; ++i)
    r.background->server.intervals.push_back(
        {.start_s = i * 0.1, .end_s = (i + 1) * 0.1, .bytes_received = 1'000'000});
  EXPECT_EQ(assess_quality(r), "");
  for (int i = 5; i < 10; ++i) r.background->server.intervals[i].bytes_received = 500'000;
  EXPECT_EQ(assess_quality(r),
            "the background was not steady: 80 Mbit/s in its first half, 40 Mbit/s in its second: "
            "give it a longer warmup");
}

TEST_F(QualityTest, AFrequencyThatWasNotReachedIsWarnedOf) {
  Case c = samples.add_case("open", {}, Kind::latency);
  c.options.edit().frequency_hz = 10;
  TrialRecord r = ping(c, 1, 1000);
  r.client.unsent = 0;
  EXPECT_EQ(assess_quality(r), "");
  r.client.unsent = 8;
  EXPECT_EQ(assess_quality(r), "8 pings were due and could not be sent");
  r.client.unsent = 1;
  EXPECT_EQ(assess_quality(r), "1 ping was due and could not be sent");
}

TEST_F(QualityTest, LostPingsAreWarnedOf) {
  TrialRecord r = ping(samples.add_case("udp", {}, Kind::latency), 1, 1000);
  r.client.lost = 6;
  EXPECT_EQ(assess_quality(r), "75% of the pings were lost");
}

TEST_F(QualityTest, PortsThatRanOutAreWarnedOf) {
  TrialRecord r = ping(samples.add_case("v1", {}, Kind::connect), 1, 1000);
  r.client.port_waits = 7;
  EXPECT_EQ(assess_quality(r),
            "waited 7 times for an ephemeral port: the rate is that of TIME_WAIT, not of the "
            "sockets (see reset_on_close)");
}

TEST_F(QualityTest, AMedianFarFromThatOfEarlierTrialsIsWarnedOf) {
  const Case& c = samples.add_case("pingpong", {}, Kind::latency);
  const Case& other = samples.add_case("other", {}, Kind::latency);
  EXPECT_EQ(assess_quality(ping(c, 1, 20'000)), "");
  EXPECT_EQ(assess_quality(ping(other, 1, 900'000)), "");
  EXPECT_EQ(assess_quality(ping(c, 2, 21'000)), "");
  EXPECT_EQ(assess_quality(ping(c, 3, 330'000)),
            "p50 is 16 times that of the case's trials so far");
  EXPECT_EQ(assess_quality(ping(c, 4, 20'000)), "");
}

TEST_F(QualityTest, EachWarningIsATextOfItsOwn) {
  TrialRecord r = samples.transfer(samples.add_case("bulk"), 1, 1000);
  r.server.steal_ratio = 0.25;
  EXPECT_THAT(judge.find(r), testing::ElementsAre("25% of the CPU time was stolen"));
  r.client.window_s = 0.0015;
  EXPECT_THAT(judge.find(r), testing::ElementsAre("short window of the client: 1.50 ms",
                                                  "25% of the CPU time was stolen"));
}

TEST_F(QualityTest, AFailedTrialHasItsErrorInstead) {
  EXPECT_EQ(assess_quality(samples.failed(samples.add_case("bulk"), 1)), "");
}

}  // namespace
}  // namespace pingperf
