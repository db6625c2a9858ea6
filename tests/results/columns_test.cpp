#include "harness/results/columns.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "harness/base/csv.h"
#include "harness/report/dictionary.h"
#include "harness/results/metric_text.h"
#include "tests/results/record_samples.h"

namespace pingperf {
namespace {

// Returns the cell of one column in the row.
std::string cell(const TrialRecord& record, const std::string& column) {
  const CsvTable table = CsvTable::parse(trials_header() + trial_row(record), "row");
  return std::string(table.rows().front()[table.column(column)]);
}

class ColumnsTest : public testing::Test {
 protected:
  Samples samples;
};

TEST_F(ColumnsTest, BeginInTheAgreedOrderAndAreUnique) {
  EXPECT_TRUE(trials_header().starts_with(
      "schema_version,run,experiment,workload,kind,case,block,repetition,position,started_at,"
      "elapsed_s,status,error,quality,client_host,server_host,pair,engine,transport,"
      "message_size_bytes,streams,threads,duration_s,warmup_s,rate_bps,frequency_hz,reverse,"
      "bidirectional,congestion_control,nodelay,send_buffer_bytes,receive_buffer_bytes,mss_bytes,"
      "tos,"
      "zero_copy,gso,gro,batch,receive,busy_poll_us,cpu_wakeful,client_cpu,server_cpu,timestamps,"
      "ip,"
      "port,background,throughput_bps,sent_bps,bytes_sent,bytes_received,copies,retransmits,"))
      << trials_header();
  std::set<std::string> names;
  for (const Column& c : trial_columns()) {
    EXPECT_TRUE(names.insert(c.name).second) << c.name;
    EXPECT_FALSE(c.doc.empty()) << c.name;
  }
}

TEST_F(ColumnsTest, APercentileHasOneColumn) {
  for (const auto& [percent, column] :
       std::map<std::string, std::string>{{"75", "rtt_p75_ns"},
                                          {"75.00", "rtt_p75_ns"},
                                          {"075", "rtt_p75_ns"},
                                          {"5", "rtt_p05_ns"},
                                          {"0.5", "rtt_p005_ns"},
                                          {"99.99", "rtt_p9999_ns"},
                                          {"97.5", "rtt_p975_ns"},
                                          {"9.75", "rtt_p0975_ns"},
                                          {"99.9999", "rtt_p999999_ns"}}) {
    EXPECT_EQ(percentile_column(percent), column) << percent;
    EXPECT_TRUE(find_metric(column)) << column;
  }
  for (const char* wrong : {"0", "0.0", "100", "99.99999", "", ".5", "5.", "-5", "p75", "1e1"})
    EXPECT_FALSE(percentile_column(wrong)) << wrong;
  for (const char* wrong :
       {"rtt_p_ns", "rtt_p7_ns", "rtt_p750_ns", "rtt_p00_ns", "rtt_p9999999_ns"})
    EXPECT_FALSE(find_metric(wrong)) << wrong;
  EXPECT_EQ(title_of("rtt_p975_ns"), "round trip p97.5");
}

TEST_F(ColumnsTest, APercentileOfTheHistogramIsAMetric) {
  TrialRecord r = samples.trial(samples.add_case("ping"), 1);
  r.client.rtt.emplace();
  for (int i = 1; i <= 2000; ++i) r.client.rtt->record(i);
  EXPECT_EQ(find_metric("rtt_p75_ns")->value(r).value(), 1500);
  EXPECT_EQ(find_metric("rtt_p05_ns")->value(r).value(), 100);
}

TEST_F(ColumnsTest, ThroughputIsWhatTheReceiverGot) {
  TrialRecord r = samples.transfer(samples.add_case("bulk"), 1, 1'000'000);
  r.client.bytes_sent = 2'000'000;
  EXPECT_EQ(cell(r, "throughput_bps"), "8000000");
  EXPECT_EQ(cell(r, "sent_bps"), "16000000");
}

TEST_F(ColumnsTest, ReverseTurnsTheEndsAround) {
  Case c = samples.add_case("bulk");
  c.options.edit().reverse = true;
  TrialRecord r = samples.trial(c, 1);
  r.client.window_s = r.server.window_s = 2.0;
  r.client.bytes_received = 1'000'000;
  r.server.bytes_sent = 1'500'000;
  r.server.retransmits = 3;
  EXPECT_EQ(cell(r, "throughput_bps"), "4000000");
  EXPECT_EQ(cell(r, "sent_bps"), "6000000");
  EXPECT_EQ(cell(r, "retransmits"), "3");
}

TEST_F(ColumnsTest, BidirectionalAddsBothDirections) {
  Case c = samples.add_case("bulk");
  c.options.edit().bidirectional = true;
  TrialRecord r = samples.trial(c, 1);
  r.client.window_s = r.server.window_s = 1.0;
  r.client.bytes_received = 1000;
  r.server.bytes_received = 2000;
  EXPECT_EQ(cell(r, "throughput_bps"), "24000");
}

TEST_F(ColumnsTest, UnmeasuredIsEmptyAndZeroIsZero) {
  TrialRecord r = samples.transfer(samples.add_case("bulk"), 1, 1000);
  EXPECT_EQ(cell(r, "retransmits"), "");
  EXPECT_EQ(cell(r, "rtt_p50_ns"), "");
  EXPECT_EQ(cell(r, "loss_ratio"), "");
  EXPECT_EQ(cell(r, "mss_bytes"), "");
  r.client.retransmits = 0;
  EXPECT_EQ(cell(r, "retransmits"), "0");
}

TEST_F(ColumnsTest, AFailedTrialHasItsErrorAndNoMetric) {
  TrialRecord r = samples.transfer(samples.add_case("bulk"), 1, 1000);
  r.status = Status::timeout;
  r.error = "too, \"late\"";
  EXPECT_EQ(cell(r, "status"), "timeout");
  EXPECT_EQ(cell(r, "error"), r.error);
  EXPECT_EQ(cell(r, "throughput_bps"), "");
}

TEST_F(ColumnsTest, LossIsAShareOfWhatWasSent) {
  TrialRecord r = samples.transfer(samples.add_case("dg"), 1, 1000);
  r.server.datagrams_received = 90;
  r.server.datagrams_lost = 10;
  EXPECT_EQ(cell(r, "loss_ratio"), "0.1");
}

TEST_F(ColumnsTest, LastDatagramsOfWhichTheReceiverNeverHeardAreLost) {
  TrialRecord r = samples.transfer(samples.add_case("dg"), 1, 1000);
  r.server.datagrams_received = 50;
  r.server.datagrams_lost = 10;
  r.server.total_datagrams_expected = 80;
  r.client.total_datagrams_sent = 120;
  EXPECT_EQ(cell(r, "datagrams_lost"), "50");
  EXPECT_EQ(cell(r, "loss_ratio"), "0.5");
  r.server.total_datagrams_expected = 120;  // the mark of the end arrived
  EXPECT_EQ(cell(r, "datagrams_lost"), "10");
}

TEST_F(ColumnsTest, APercentileNeedsEnoughSamples) {
  TrialRecord r = samples.trial(samples.add_case("ping", {}, Kind::latency), 1);
  r.client.rtt.emplace();
  for (int i = 0; i < 100; ++i) r.client.rtt->record(1000 + i);
  EXPECT_EQ(cell(r, "rtt_p50_ns"), "1049");
  EXPECT_NE(cell(r, "rtt_p99_ns"), "");
  EXPECT_EQ(cell(r, "rtt_p999_ns"), "");
  EXPECT_EQ(cell(r, "rtt_max_ns"), "1099");
}

TEST_F(ColumnsTest, ParametersHaveTheUnitsOfTheirNames) {
  Case c = samples.add_case("bulk");
  c.options.edit().warmup = 300 * kMillisecond;
  c.options.edit().busy_poll = 50 * kMicrosecond;
  c.options.edit().nodelay = true;
  c.options.edit().rate_bps = 500'000'000;
  const TrialRecord r = samples.trial(c, 1);
  EXPECT_EQ(cell(r, "duration_s"), "1");
  EXPECT_EQ(cell(r, "warmup_s"), "0.3");
  EXPECT_EQ(cell(r, "busy_poll_us"), "50");
  EXPECT_EQ(cell(r, "nodelay"), "true");
  EXPECT_EQ(cell(r, "rate_bps"), "500000000");
  EXPECT_EQ(cell(r, "started_at"), "2023-11-14T22:13:20.123Z");
}

TEST(NumberText, IsTheShortestThatReadsBack) {
  EXPECT_EQ(number_text(0.1), "0.1");
  EXPECT_EQ(number_text(36'600'000'000.0), "36600000000");
  EXPECT_EQ(number_text(1.0 / 3), "0.3333333333333333");
  EXPECT_EQ(number_text(std::numeric_limits<double>::infinity()), "");
}

// Compares a generated page with the file, or writes the file if PINGPERF_REGENERATE is set.
void expect_page(const std::string& file, const std::string& page) {
  const std::string path = PINGPERF_SOURCE_DIR "/" + file;
  if (std::getenv("PINGPERF_REGENERATE")) std::ofstream(path) << page;
  std::ifstream in(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), page)
      << file << " is not up to date; write it with\n"
      << "PINGPERF_REGENERATE=1 build/release/tests/results_tests --gtest_filter='Dictionary.*'";
}

TEST(Dictionary, IsTheOneInResults) {
  expect_page("results/README.md", data_dictionary());
}

TEST(Dictionary, TheParametersPageIsGenerated) {
  expect_page("docs/parameters.md", parameters_page());
}

// The CPU time of a trial's background is not counted as load by other processes.
TEST_F(ColumnsTest, ABackgroundIsNoOtherLoad) {
  TrialRecord r = samples.trial(samples.add_case("ping", {}, Kind::latency), 1);
  const auto used = [](Measurement& m, double window_s, double cpu_s) {
    m.window_s = window_s;
    m.cpu_user_s = cpu_s;
    m.cpu_system_s = 0;
  };
  used(r.client, 1, 0.1);
  used(r.server, 1, 0.1);
  r.client.host_total_s = 2;
  r.client.host_busy_s = 1.2;
  const auto load = [&] { return find_metric("other_load_ratio")->value(r).value(); };
  EXPECT_DOUBLE_EQ(load(), 0.5);
  r.background = std::make_shared<TrialRecord>(r);
  used(r.background->client, 2, 1.2);  // in a window of twice the length
  used(r.background->server, 2, 0.8);
  EXPECT_DOUBLE_EQ(load(), 0);
}

}  // namespace
}  // namespace pingperf
