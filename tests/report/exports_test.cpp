#include "harness/report/exports.h"

#include <gmock/gmock.h>

#include "harness/results/columns.h"
#include "harness/results/trial_table.h"
#include "tests/results/record_samples.h"

namespace pingperf {
namespace {

using testing::HasSubstr;

class ExportTest : public testing::Test {
 protected:
  TrialTable table() {
    const Case& bulk = samples.add_case("bulk", {{"engine", "a\"b"}});
    const Case& ping = samples.add_case("ping", {}, Kind::latency);
    std::string text = trials_header();
    for (std::uint64_t block = 1; block <= 6; ++block) {
      text += trial_row(samples.transfer(bulk, block, 125'000'000));  // 1 Gbit/s
      TrialRecord r = samples.trial(ping, block);
      r.client.rtt.emplace();
      for (int i = 0; i < 100; ++i) r.client.rtt->record(20'000);
      text += trial_row(r);
    }
    text += trial_row(samples.failed(bulk, 7));
    return TrialTable(CsvTable::parse(text, "trials.csv"));
  }

  Samples samples;
};

TEST(OpenMetrics, LabelsTellRunsAndHostsApart) {
  const TrialTable trials(
      CsvTable::parse("run,experiment,workload,case,block,status,client_host,server_host,"
                      "throughput_bps,rtt_p75_ns,com-mit,1st,a.b c,\n"
                      "r1,e,w,w,1,ok,a,b,8e9,5,1a2b,x,y,z\n",
                      "trials.csv"));
  const std::string text = openmetrics({{trials, labels_of_export(trials)}});
  EXPECT_THAT(text, testing::HasSubstr(
                        "_1st=\"x\",a_b_c=\"y\",client_host=\"a\",com_mit=\"1a2b\",run=\"r1\","
                        "server_host=\"b\",experiment=\"e\""));
  EXPECT_THAT(text, testing::Not(HasSubstr("\"z\""))) << "a label without a name";
  EXPECT_THAT(text, HasSubstr("pingperf_rtt_p75_seconds{"));
  EXPECT_EQ(Json::parse(benchmark_json(trials, nullptr))["benchmarks"][0]["rtt_p75_ns"], 5);
}

TEST_F(ExportTest, BenchmarkJsonHasIterationsAndAggregates) {
  const Json json = Json::parse(benchmark_json(table(), nullptr));
  const Json& entries = json.at("benchmarks");
  ASSERT_EQ(entries.size(), 2u * (6 + 4));
  EXPECT_EQ(entries[0].at("name"), "bulk/engine=a\"b");
  EXPECT_EQ(entries[0].at("run_type"), "iteration");
  EXPECT_EQ(entries[0].at("repetitions"), 6);
  EXPECT_DOUBLE_EQ(entries[0].at("real_time").get<double>(), 8e6);  // one megabyte at 1 Gbit/s
  EXPECT_DOUBLE_EQ(entries[0].at("bytes_per_second").get<double>(), 125e6);
  EXPECT_EQ(entries[7].at("aggregate_name"), "median");
  EXPECT_NEAR(entries[10].at("real_time").get<double>(), 20e3, 20);
  EXPECT_EQ(json.at("context").at("executable"), "pingperf");
  EXPECT_EQ(json.at("context").at("library_build_type"), "release");
  const Json debug = parse_json(R"({"hosts": {"client": {"build_type": "Debug"}}})");
  EXPECT_EQ(Json::parse(benchmark_json(table(), debug))["context"]["library_build_type"], "debug");
  EXPECT_THAT(json.at("context").at("real_time").get<std::string>(),
              HasSubstr("time per megabyte"));
}

TEST_F(ExportTest, OpenMetricsIsInBaseUnitsAndEscaped) {
  const std::string text = openmetrics({{table()}});
  EXPECT_THAT(text, HasSubstr("# TYPE pingperf_throughput_bytes_per_second gauge\n"));
  EXPECT_THAT(text, HasSubstr("case=\"bulk/engine=a\\\"b\""));
  EXPECT_THAT(text, HasSubstr("stat=\"median\"} 125000000\n"));
  EXPECT_THAT(text, HasSubstr("pingperf_rtt_p50_seconds{"));
  EXPECT_THAT(text, HasSubstr("status=\"failed\"} 1\n"));
  EXPECT_TRUE(text.ends_with("# EOF\n"));
}

}  // namespace
}  // namespace pingperf
