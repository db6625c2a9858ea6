// Reading libiperf's JSON. The fixtures named "captured" are the output of `iperf3 -J -i 0.1`, with
// only version and parameters in "start". The others are made by hand in the same format: two
// omitted and ten measured intervals of 0.1 s, for two TCP streams with 100 and 300 bytes each, or
// for one UDP receiver.
#include "harness/engines/iperf3_result.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <sstream>

namespace pingperf {
namespace {

std::string fixture(const std::string& name) {
  std::ifstream in(std::string(PINGPERF_SOURCE_DIR "/tests/engines/fixtures/") + name);
  return {std::istreambuf_iterator<char>(in), {}};
}

Iperf3Schedule schedule(Nanoseconds warmup, Nanoseconds duration) {
  Options o;
  o.warmup = warmup;
  o.duration = duration;
  return Iperf3Schedule(o);
}

TEST(Iperf3Schedule, OmitsWholeSecondsAndCutsTheRest) {
  const Iperf3Schedule s = schedule(2300 * kMillisecond, 500 * kMillisecond);
  EXPECT_EQ(s.omit_s, 2);
  EXPECT_EQ(s.rest, 300 * kMillisecond);
  EXPECT_EQ(s.run_s, 1);
  EXPECT_EQ(schedule(0, kSecond).run_s, 1);
  EXPECT_EQ(schedule(kMillisecond, kSecond).run_s, 2);
}

TEST(Iperf3Schedule, ALimitOfBytesHasNoDuration) {
  Options o;
  o.bytes = 1000;
  EXPECT_EQ(Iperf3Schedule(o).run_s, 0);
}

TEST(Iperf3Schedule, OmitsWholeSecondsWithAnExternalServer) {
  Options o;
  o.warmup = 200 * kMillisecond;
  o.duration = kSecond;
  const Iperf3Schedule s(o, true);
  EXPECT_EQ(s.omit_s, 1);
  EXPECT_EQ(s.rest, 0);
  EXPECT_EQ(s.run_s, 1);
  EXPECT_TRUE(s.window_is_whole());
  o.duration = 1500 * kMillisecond;
  EXPECT_FALSE(Iperf3Schedule(o, true).window_is_whole());
  EXPECT_FALSE(Iperf3Schedule(Options(o)).window_is_whole());
}

class Iperf3Result : public testing::TestWithParam<const char*> {};

TEST_P(Iperf3Result, TheWholeTestIsTheWindowWithoutWarmup) {
  const Measurement m = read_iperf3_result(fixture(GetParam()), schedule(0, kSecond));
  EXPECT_EQ(m.error, "");
  EXPECT_EQ(m.bytes_sent, 4000u);
  EXPECT_FALSE(m.bytes_received);
  EXPECT_EQ(m.total_bytes_sent, 4000u);  // without the omitted intervals
  EXPECT_EQ(m.retransmits, 20u);
  EXPECT_NEAR(m.window_s.value(), 1.0, 1e-9);
  EXPECT_EQ(m.intervals.size(), 10u);
  EXPECT_EQ(m.cwnd_max_bytes, 2000u);
  EXPECT_DOUBLE_EQ(m.tcp_rtt_min_ns.value(), 100e3);
}

TEST_P(Iperf3Result, WarmupAndDurationAreCutFromTheIntervals) {
  const Measurement m =
      read_iperf3_result(fixture(GetParam()), schedule(300 * kMillisecond, 500 * kMillisecond));
  EXPECT_EQ(m.error, "");
  EXPECT_EQ(m.bytes_sent, 2000u);
  EXPECT_EQ(m.retransmits, 10u);
  EXPECT_NEAR(m.window_s.value(), 0.5, 1e-9);
  EXPECT_EQ(m.intervals.front().start_s, 0);
  EXPECT_DOUBLE_EQ(m.tcp_rtt_min_ns.value(), 103e3);
}

INSTANTIATE_TEST_SUITE_P(Versions, Iperf3Result,
                         testing::Values("iperf-3.12-tcp-client.json",
                                         "iperf-3.17-tcp-client.json"));

// The omission ended in the middle of an interval. libiperf reports this interval as 0.100016 to
// 0.100319, but its bytes arrived from 0 on.
TEST(Iperf3ResultCaptured, TheIntervalThatTheOmissionEndsInStartsAtZero) {
  const Measurement m = read_iperf3_result(fixture("iperf-3.12-captured-tcp-server-omit.json"),
                                           schedule(kSecond, kSecond));
  EXPECT_EQ(m.error, "");
  EXPECT_EQ(m.bytes_received, 4'091'674'624u);
  EXPECT_DOUBLE_EQ(m.window_s.value(), 1.000182);
  EXPECT_DOUBLE_EQ(m.intervals.front().end_s, 0.100319);
  EXPECT_FALSE(m.bytes_sent);
  EXPECT_FALSE(m.total_bytes_received);  // libiperf does not report the omitted bytes exactly
}

// The server reports its received bytes in "sum" and its sent bytes in "sum_bidir_reverse".
TEST(Iperf3ResultCaptured, DirectionsAreSeparateAndTheTailIsNotInTheWindow) {
  const Measurement m = read_iperf3_result(
      fixture("iperf-3.12-captured-tcp-server-bidirectional.json"), schedule(0, kSecond));
  EXPECT_EQ(m.error, "");
  EXPECT_EQ(m.bytes_received, 1'059'323'904u);
  EXPECT_EQ(m.bytes_sent, 1'795'686'400u);
  EXPECT_DOUBLE_EQ(m.window_s.value(), 1.001566);
  EXPECT_EQ(m.retransmits, 2u);
  EXPECT_EQ(m.total_bytes_received, 1'068'498'944u);  // as in "end"
  EXPECT_EQ(m.total_bytes_sent, 1'811'415'040u);
  EXPECT_GT(m.fairness_index.value(), 0.9);
}

TEST(Iperf3ResultCaptured, ALimitOfBytesMeasuresTheWholeTest) {
  Options o;
  o.bytes = 3'000'000;
  const Measurement m =
      read_iperf3_result(fixture("iperf-3.12-captured-udp-server-bytes.json"), Iperf3Schedule(o));
  EXPECT_EQ(m.error, "");
  EXPECT_EQ(m.bytes_received, 1'414'000u);
  EXPECT_DOUBLE_EQ(m.window_s.value(), 0.012276);
  EXPECT_EQ(m.datagrams_lost, 1237u);
  EXPECT_EQ(m.datagrams_received, 1010u);
  EXPECT_EQ(m.total_bytes_received, 1'414'000u);
}

TEST(Iperf3ResultUdp, ALateDatagramTakesBackALossOfTheIntervalBefore) {
  const auto interval = [](const char* edges, const char* counts) {
    return std::string(R"({"streams":[{"sender":false,"bytes":1000,"jitter_ms":0.1,)") + counts +
           R"(}],"sum":{"omitted":false,)" + edges + "}}";
  };
  const std::string json =
      R"({"intervals":[)" + interval(R"("start":0,"end":0.1)", R"("packets":10,"lost_packets":3)") +
      "," + interval(R"("start":0.1,"end":0.2)", R"("packets":10,"lost_packets":-1)") +
      R"(],"end":{"streams":[]}})";
  const Measurement m = read_iperf3_result(json, schedule(0, 200 * kMillisecond));
  EXPECT_EQ(m.error, "");
  EXPECT_EQ(m.datagrams_lost, 2u);
  EXPECT_EQ(m.datagrams_received, 18u);
}

TEST(Iperf3ResultUdp, LostAndReceivedDatagramsAreSeparate) {
  const Measurement m =
      read_iperf3_result(fixture("iperf-3.12-udp-server.json"), schedule(0, kSecond));
  EXPECT_EQ(m.datagrams_received, 90u);
  EXPECT_EQ(m.datagrams_lost, 10u);
  EXPECT_EQ(m.out_of_order, 4u);
  EXPECT_EQ(m.bytes_received, 90'000u);
  EXPECT_NEAR(m.jitter_ns.value(), 100e3, 1);  // that of the last interval
  EXPECT_FALSE(m.retransmits);
  EXPECT_FALSE(m.fairness_index);  // requires two streams
}

// The sums of iperf 3.12, which marks the bytes of the receiver with "sender": true.
constexpr const char* kSums = R"({"streams":[
  {"udp":{"sender":true,"out_of_order":3}},{"udp":{"sender":false,"out_of_order":50}},
  {"receiver":{"sender":true,"bytes":100}},{"receiver":{"sender":true,"bytes":300}}],
  "sum_sent":{"bytes":2800,"seconds":1.001,"retransmits":4,"packets":9},
  "sum_received":{"bytes":1400,"seconds":1.002,"jitter_ms":0.5,"lost_packets":1,"packets":2},
  "sender_tcp_congestion":"cubic"})";

Options options_of(Nanoseconds duration, Transport transport = Transport::tcp) {
  Options o;
  o.transport = transport;
  o.message_size = 1400;
  o.warmup = 0;
  o.duration = duration;
  return o;
}

Measurement server_in(const std::string& more, const Options& o) {
  return read_iperf3_server(R"({"end":)" + std::string(kSums) + more + "}", Iperf3Schedule(o, true),
                            o);
}

TEST(Iperf3ResultServer, SumsOfTheWholeTestAreOfAWholeWindow) {
  const Measurement m = server_in("", options_of(kSecond, Transport::udp));
  EXPECT_EQ(m.error, "");
  EXPECT_EQ(m.bytes_received, 1400u);
  EXPECT_EQ(m.total_bytes_received, 1400u);
  EXPECT_DOUBLE_EQ(m.window_s.value(), 1.002);
  EXPECT_EQ(m.datagrams_received, 1u);
  EXPECT_EQ(m.datagrams_lost, 1u);
  EXPECT_EQ(m.out_of_order, 3u);
  EXPECT_DOUBLE_EQ(m.jitter_ns.value(), 0.5e6);
  EXPECT_DOUBLE_EQ(m.fairness_index.value(), 0.8);
  EXPECT_FALSE(m.bytes_sent);
}

TEST(Iperf3ResultServer, ReverseIsWhatItSent) {
  Options o = options_of(kSecond, Transport::udp);
  o.reverse = true;
  const Measurement m = server_in("", o);
  EXPECT_EQ(m.bytes_sent, 2800u);
  EXPECT_EQ(m.datagrams_sent, 2u);  // computed from its bytes
  EXPECT_EQ(m.retransmits, 4u);
  EXPECT_DOUBLE_EQ(m.window_s.value(), 1.001);
  EXPECT_EQ(m.congestion_control, "cubic");
  EXPECT_FALSE(m.bytes_received);
}

TEST(Iperf3ResultServer, SumsAreNoPartsOfThem) {
  const Measurement m = server_in("", options_of(500 * kMillisecond));
  EXPECT_FALSE(m.bytes_received);
  EXPECT_FALSE(m.window_s);
  EXPECT_EQ(m.total_bytes_received, 1400u);
}

TEST(Iperf3ResultServer, ItsOwnIntervalsCountWhenTheyAreOfTheWindow) {
  const auto own = [](double end) {
    return R"(,"server_output_json":{"intervals":[{"streams":[{"sender":false,"bytes":700}],
      "sum":{"omitted":false,"start":0,"end":)" +
           std::to_string(end) + R"(}}],"end":{}})";
  };
  const Options half = options_of(500 * kMillisecond);
  EXPECT_EQ(server_in(own(0.5), half).bytes_received, 700u);
  EXPECT_DOUBLE_EQ(server_in(own(0.5), half).window_s.value(), 0.5);
  EXPECT_FALSE(server_in(own(1.0), half).bytes_received);                     // too long
  EXPECT_EQ(server_in(own(0.5), options_of(kSecond)).bytes_received, 1400u);  // too short
}

TEST(Iperf3ResultServer, UnreadableResultsAreEmpty) {
  const Options o = options_of(kSecond);
  for (const char* json : {"", "{", "{}", R"({"end":3})", R"({"end":{"sum_received":{}}})"})
    EXPECT_FALSE(read_iperf3_server(json, Iperf3Schedule(o, true), o).bytes_received) << json;
}

// As 128 streams of libiperf 3.21 on two CPUs: its threads leave the reports no time.
std::string late_reports(const char* edges) {
  std::string json;
  std::istringstream text(edges);
  double start = 0;
  for (double end; text >> end; start = end) {
    const std::string times = fmt::format(R"("start":{},"end":{},"bytes":1000)", start, end);
    json += fmt::format(R"({}{{"streams":[{{{},"sender":true}}],"sum":{{{},"omitted":false}}}})",
                        json.empty() ? "" : ",", times, times);
  }
  return R"({"start":{},"intervals":[)" + json + R"(],"end":{}})";
}

TEST(Iperf3ResultLate, IntervalsThatOverlapTheWindowAreTheWindow) {
  const Iperf3Schedule planned = schedule(100 * kMillisecond, 300 * kMillisecond);
  const Measurement whole = read_iperf3_result(late_reports("1.79 1.8 2.07"), planned);
  EXPECT_EQ(whole.error, "");
  EXPECT_EQ(whole.bytes_sent, 1000u);
  EXPECT_DOUBLE_EQ(whole.window_s.value(), 1.79);
  EXPECT_FALSE(planned.matches(whole));
  // One interval is inside, and much too short for the window.
  const Measurement most = read_iperf3_result(late_reports("0.15 0.16 1.2 1.5"), planned);
  EXPECT_EQ(most.bytes_sent, 3000u);
  EXPECT_DOUBLE_EQ(most.window_s.value(), 1.2);
}

TEST(Iperf3ResultLate, ALittleLateIsAsPlanned) {
  const Iperf3Schedule planned = schedule(100 * kMillisecond, 300 * kMillisecond);
  const Measurement m = read_iperf3_result(late_reports("0.11 0.23 0.3 0.43 0.5"), planned);
  EXPECT_EQ(m.bytes_sent, 3000u);
  EXPECT_NEAR(m.window_s.value(), 0.32, 1e-9);
  EXPECT_TRUE(planned.matches(m));
}

TEST(Iperf3ResultErrors, AnErrorInTheJsonIsTheError) {
  EXPECT_EQ(
      read_iperf3_result(R"({"start":{},"error":"the server\nis busy"})", schedule(0, kSecond))
          .error,
      "iperf3: the server is busy");
  EXPECT_EQ(
      read_iperf3_result(R"({"error":"error - unable to connect\n"})", schedule(0, kSecond)).error,
      "iperf3: unable to connect");
  // Newer versions write the key twice.
  EXPECT_EQ(read_iperf3_result(R"({"error":"first","error":"second"})", schedule(0, kSecond)).error,
            "iperf3: second");
}

TEST(Iperf3ResultErrors, UnreadableResultsAreAnErrorNotANumber) {
  for (const char* json :
       {"", "{", "[]", "{}", R"({"intervals":3})", R"({"intervals":[{"sum":{}}]})",
        R"({"intervals":[]})", R"({"error":3})"})
    EXPECT_NE(read_iperf3_result(json, schedule(0, kSecond)).error, "") << json;
}

// With a warmup of 100 ms that is not omitted, and a window of 1 s.
std::optional<Interval> event_of(const std::string& data) {
  Options options;
  options.warmup = 100 * kMillisecond;
  options.duration = kSecond;
  return read_iperf3_event(R"({"event":"interval","data":)" + data + "}", Iperf3Schedule(options));
}

TEST(Iperf3Event, AnIntervalHasTheBytesOfBothDirections) {
  const auto interval = event_of(
      R"({"sum":{"start":18446744073709551615,"end":0.3,"seconds":0.1,"bytes":5,"sender":true},)"
      R"("sum_bidir_reverse":{"end":0.3,"seconds":0.1,"bytes":7,"sender":false}})");
  ASSERT_TRUE(interval);
  EXPECT_NEAR(interval->start_s, 0.1, 1e-9);
  EXPECT_NEAR(interval->end_s, 0.2, 1e-9);
  EXPECT_EQ(interval->bytes_sent, 5u);
  EXPECT_EQ(interval->bytes_received, 7u);
}

TEST(Iperf3Event, IntervalsOutsideTheWindowAreNotReported) {
  EXPECT_FALSE(event_of(R"({"sum":{"end":0.1,"seconds":0.1,"bytes":1}})"));
  EXPECT_TRUE(event_of(R"({"sum":{"end":1.1,"seconds":0.1,"bytes":1}})"));
  EXPECT_FALSE(event_of(R"({"sum":{"end":1.2,"seconds":0.1,"bytes":1}})"));
  EXPECT_FALSE(event_of(R"({"sum":{"end":0.5,"seconds":0.1,"bytes":1,"omitted":true}})"));
}

TEST(Iperf3Event, OtherEventsAreNoInterval) {
  for (const char* json : {"", "[]", R"({"event":"start","data":{}})", R"({"event":"interval"})"})
    EXPECT_FALSE(read_iperf3_event(json, schedule(0, kSecond))) << json;
}

}  // namespace
}  // namespace pingperf
