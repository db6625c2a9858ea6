// The page of a run: the sentences of its headline, safe embedding of data, and bounded size.
#include "harness/report/report.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>
#include <set>

#include "harness/report/report_headline.h"
#include "harness/report/report_series.h"
#include "harness/results/columns.h"
#include "harness/results/run_directory.h"
#include "harness/results/trial_table.h"
#include "harness/verdicts/stopping.h"
#include "tests/results/record_samples.h"

namespace pingperf {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class ReportPageTest : public testing::Test {
 protected:
  ReportPageTest() { fs::create_directories(folder_); }
  ~ReportPageTest() override { fs::remove_all(folder_); }

  // Adds trials of two engines in `blocks` blocks. blocking is `ratio` times as fast as iperf3.
  void measure(double ratio, std::uint64_t blocks) {
    experiment_.plan.repetitions = blocks;
    criteria_.repetitions = blocks;
    experiment_.cases = {samples_.add_case("bulk", {{"engine", "iperf3"}}),
                         samples_.add_case("bulk", {{"engine", "blocking"}})};
    for (std::uint64_t block = 1; block <= blocks; ++block) {
      const auto bytes = static_cast<std::uint64_t>(1'000'000 + 1000 * block);
      csv_ += trial_row(samples_.transfer(experiment_.cases[0], block, bytes));
      csv_ += trial_row(
          samples_.transfer(experiment_.cases[1], block,
                            static_cast<std::uint64_t>(ratio * static_cast<double>(bytes))));
    }
    criteria_.compare = {{"throughput_bps", {{"bulk/engine=blocking", "bulk/engine=iperf3"}}}};
  }

  // Returns the run of the rows so far.
  ReportedRun run() {
    trials_ = std::make_unique<TrialTable>(CsvTable::parse(csv_, "trials.csv"));
    return {folder_,
            &experiment_,
            trials_.get(),
            summarize(*trials_),
            compare_cases(criteria_, *trials_),
            judge_gates(criteria_, *trials_)};
  }

  std::vector<std::string> sentences() {
    std::vector<std::string> texts;
    for (const Statement& s : headline(run()))
      texts.push_back(std::string(name(s.rating)) + ": " + s.text);
    return texts;
  }

  static Json data_of(const std::string& html) {
    const std::string open = "<script type=\"application/json\" id=\"data\">";
    const std::size_t begin = html.find(open) + open.size();
    return Json::parse(html.substr(begin, html.find("</script>", begin) - begin));
  }

  void write(const fs::path& file, const std::string& text) {
    fs::create_directories((folder_ / file).parent_path());
    std::ofstream(folder_ / file) << text;
  }

  Samples samples_;
  Experiment experiment_;
  Criteria criteria_;
  std::string csv_ = trials_header();
  std::unique_ptr<TrialTable> trials_;
  const fs::path folder_ =
      fs::temp_directory_path() / ("pingperf-report-" + std::to_string(::getpid()));
};

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

TEST_F(ReportPageTest, HeadlineHasTheFasterOneAndTheInterval) {
  measure(1.5, 10);
  EXPECT_THAT(sentences(), Contains("up: bulk/engine=blocking is faster: goodput 1.50 × that of "
                                    "engine=iperf3, 95 % interval 1.50 to 1.50, 10 pairs."));
  EXPECT_THAT(sentences(), Contains("plain: Goodput: from 8.04 Mbit/s (bulk/engine=iperf3) to "
                                    "12.1 Mbit/s (bulk/engine=blocking)."));
}

TEST_F(ReportPageTest, HeadlineReportsThatTwoAreTheSame) {
  measure(1.01, 10);
  EXPECT_THAT(sentences(), Contains(StartsWith("plain: bulk/engine=blocking is the same")));
}

TEST_F(ReportPageTest, HeadlineReportsThatTooFewPairsHaveNoVerdict) {
  measure(1.5, 3);
  EXPECT_THAT(sentences(), Contains("open: bulk/engine=blocking: goodput 1.50 × that of "
                                    "engine=iperf3, 3 pairs, too few for a verdict, which takes "
                                    "six."));
}

TEST_F(ReportPageTest, HeadlineEndsWithFindingsAndWhatSpoiltManyTrials) {
  measure(1.5, 2);
  csv_ = trials_header();
  for (std::uint64_t block = 1; block <= 2; ++block)
    for (const Case& c : experiment_.cases) {
      TrialRecord r = samples_.transfer(c, block, 1'000'000);
      r.quality = fmt::format("others took {}% of the CPU time", 40 + block);
      csv_ += trial_row(r);
    }
  write("environment.json",
        R"({"doctor": [{"host": "both hosts", "findings": [{"severity": "serious", "what": "a load",
            "remedy": "top"}]}]})");
  const ReportedRun reported = run();
  const Json one = data_of(report_html({reported}))["runs"][0]["headline"];
  ASSERT_GE(one.size(), 2u);
  EXPECT_EQ(one[one.size() - 2]["text"], "Doctor, both hosts: a load.");
  EXPECT_EQ(one[one.size() - 2]["detail"], "Remedy: top.");
  EXPECT_EQ(one.back()["text"], "4 of 4 trials: others took 41 to 42% of the CPU time.");
  const Json both = data_of(report_html({reported, reported}))["headline"];
  EXPECT_EQ(both.back()["text"], "8 of 8 trials: others took 41 to 42% of the CPU time.");
}

TEST_F(ReportPageTest, HeadlineNamesThreeOfTheCountersThatChanged) {
  measure(1.5, 10);
  ReportedRun reported = run();
  EXPECT_EQ(headline(reported).at(0).detail, "");
  for (const char* const name : {"Tcp.A", "Tcp.B", "Tcp.C", "Tcp.D"})
    reported.comparisons.at(0).counters.push_back({{"both", "snmp", name}, {}, 0, 12'345});
  EXPECT_EQ(headline(reported).at(0).detail,
            "Changed with it: Tcp.A 0 → 12 345, Tcp.B 0 → 12 345, Tcp.C 0 → 12 345, and 1 other "
            "counter.");
  const Json page = data_of(report_html({reported}));
  EXPECT_EQ(page["runs"][0]["headline"][0]["detail"], headline(reported).at(0).detail);
  EXPECT_THAT(page["runs"][0]["comparisons"][0]["explanation"].get<std::string>(),
              HasSubstr("Tcp.D 0 → 12 345"));
}

TEST_F(ReportPageTest, HeadlineOfManyComparisonsHasASentenceForEachVerdict) {
  measure(1.5, 10);
  for (int i = 0; i < 9; ++i)
    criteria_.compare[0].pairs.push_back({"bulk/engine=iperf3", "bulk/engine=blocking"});
  EXPECT_THAT(sentences(), Contains(StartsWith(
                               "down: Goodput: slower in 9 of 10 against the baseline: from 0.67 × "
                               "(bulk/engine=iperf3) to ")));
  EXPECT_THAT(sentences(), Contains("up: Goodput: faster in 1 of 10 against the baseline: 1.50 × "
                                    "(bulk/engine=blocking)."));
}

TEST_F(ReportPageTest, HeadlineNamesGatesThatFailed) {
  measure(1.0, 10);
  Gate kept{"throughput_bps", {{"bulk/engine=iperf3", ""}}};
  kept.bound.at_least = 1e6;
  Gate broken = kept;
  broken.bound.at_least = 1e9;
  criteria_.gates = {kept, broken};
  EXPECT_THAT(sentences().at(0), "good: 1 of 2 gates held.");
  EXPECT_THAT(sentences().at(1),
              StartsWith("bad: Gate failed: bulk/engine=iperf3 throughput_bps: 8.04 Mbit/s"));
}

TEST_F(ReportPageTest, AGateWithoutABaselineIsNotOneThatHeld) {
  measure(1.0, 10);
  Gate kept{"throughput_bps", {{"bulk/engine=iperf3", ""}}};
  kept.bound.at_least = 1e6;
  Gate first{"throughput_bps", {}};
  first.without_baseline = kept.pairs;
  first.against = "base";
  first.bound.at_least = 0.9;
  criteria_.gates = {first, kept};
  EXPECT_THAT(sentences().at(0), "good: 1 of 2 gates held.");
  EXPECT_THAT(sentences().at(1), StartsWith("open: Gate not judged: bulk/engine=iperf3 "));
}

TEST_F(ReportPageTest, PercentilesOfTheExperimentAreOnThePage) {
  const OwnColumns own{{"rtt_p75_ns"}, {}};
  experiment_.plan.repetitions = criteria_.repetitions = 1;
  experiment_.cases = {samples_.add_case("ping", {}, Kind::latency)};
  TrialRecord r = samples_.trial(experiment_.cases[0], 1);
  r.client.rtt.emplace();
  for (int i = 0; i < 1000; ++i) r.client.rtt->record(20'000);
  csv_ = trials_header(own) + trial_row(r, own);
  std::set<std::string> names;
  const Json page = data_of(report_html({run()}));
  for (const Json& metric : page["metrics"]) names.insert(metric["name"]);
  EXPECT_THAT(names, testing::IsSupersetOf({"rtt_p75_ns", "rtt_p95_ns", "rtt_p99_ns"}));
}

TEST_F(ReportPageTest, HeadlineReportsFailedAndMissingTrials) {
  measure(1.0, 7);
  experiment_.plan.repetitions = 9;
  csv_ += trial_row(samples_.failed(experiment_.cases[0], 8));
  csv_ += trial_row(samples_.failed(experiment_.cases[1], 8, Status::interrupted));
  EXPECT_THAT(sentences(), Contains("bad: 1 of 16 trials failed: they are listed below, and left "
                                    "out of every figure."));
  EXPECT_THAT(sentences(), Contains("open: The run ended early: 15 of 18 trials were run."));
}

TEST_F(ReportPageTest, DataCannotLeaveTheirElement) {
  measure(1.0, 2);
  const std::string nasty =
      "</script><script>alert(1)</script><!-- \" ' & \xe2\x80\xa8 \xff ]]> </SCRIPT";
  experiment_.description = nasty;
  TrialRecord failed = samples_.failed(experiment_.cases[0], 3);
  failed.error = nasty;
  csv_ += trial_row(failed);
  write("experiment.yaml", nasty);
  const std::string html = report_html({run()});
  EXPECT_EQ(count(html, "<script"), 3u);
  EXPECT_EQ(count(html, "</script"), 3u);
  EXPECT_THAT(html, Not(HasSubstr("alert(1)</")));
  EXPECT_THAT(html, Not(HasSubstr("\xe2\x80\xa8")));
  const Json reported = data_of(html).at("runs").at(0);
  std::string as_read = nasty;
  as_read.replace(as_read.find('\xff'), 1, "\xef\xbf\xbd");  // for invalid UTF-8
  EXPECT_EQ(reported.at("description"), as_read);
  EXPECT_EQ(reported.at("yaml"), as_read);
  EXPECT_EQ(reported.at("failed").at(0).at("text"), as_read);
}

TEST_F(ReportPageTest, FiguresAreThoseOfTheSummary) {
  measure(1.5, 7);
  const ReportedRun reported = run();
  const Json json = data_of(report_html({reported}));
  EXPECT_FALSE(json.at("runs").at(0).at("summary").empty());
  for (const Json& row : json.at("runs").at(0).at("summary")) {
    const auto found =
        std::find_if(reported.summary.begin(), reported.summary.end(), [&](const auto& r) {
          return r.case_name == row.at("case") && r.metric == row.at("metric");
        });
    ASSERT_NE(found, reported.summary.end());
    EXPECT_EQ(row.at("median"), found->median);
    EXPECT_EQ(row.at("n"), found->n);
  }
  const Json& c = json.at("runs").at(0).at("cases").at(0);
  EXPECT_EQ(c.at("name"), "bulk/engine=iperf3");  // as in the experiment
  EXPECT_EQ(c.at("values").at("throughput_bps").size(), 7u);
  EXPECT_EQ(c.at("values").at("throughput_bps").at(0), 8 * 1'001'000);
}

TEST_F(ReportPageTest, TakesSomeOfManyThingsEvenlySpread) {
  EXPECT_THAT(evenly_spread(3, 10), ElementsAre(0, 1, 2));
  EXPECT_THAT(evenly_spread(101, 5), ElementsAre(0, 25, 50, 75, 100));
  EXPECT_THAT(evenly_spread(10, 1), ElementsAre(0));
  EXPECT_TRUE(evenly_spread(0, 5).empty());
}

TEST_F(ReportPageTest, APercentileCurveEndsWithTheLargestAtTheNumberOfPings) {
  write("a.hgrm",
        "       Value     Percentile TotalCount 1/(1-Percentile)\n\n"
        "      10.500 0.000000000000          1           1.00\n"
        "      11.000 0.500000000000        500           2.00\n"
        "      99.000 1.000000000000       1000\n"
        "#[Mean    =       12.000, StdDeviation   =        1.000]\n");
  EXPECT_EQ(percentile_curve(folder_ / "a.hgrm"),
            Json::parse("[[1,10500],[2,11000],[1000,99000]]"));
  EXPECT_TRUE(percentile_curve(folder_ / "missing.hgrm").empty());
}

TEST_F(ReportPageTest, TheRateInTimeIsThatOfTheReceiverAndTheRestOfTheSender) {
  measure(1.0, 1);
  TrialRecord record = samples_.transfer(experiment_.cases[0], 1, 1000);
  for (int i = 0; i < 240; ++i) {  // twice kMaxPoints
    Interval sent{0.1 * i, 0.1 * (i + 1)};
    sent.bytes_sent = 2'000'000;
    sent.rtt_ns = i % 2 == 0 ? 1000 : 3000;
    sent.retransmits = 1;
    Interval received = sent;
    received.bytes_sent.reset();
    received.bytes_received = 1'000'000;
    received.rtt_ns.reset();
    record.client.intervals.push_back(sent);
    record.server.intervals.push_back(received);
  }
  write("intervals.csv", intervals_header() + interval_rows(record));
  const ReportedRun reported = run();
  const TimeSeries series = time_series(folder_, *reported.trials, {{"bulk/engine=iperf3", {1}}});
  EXPECT_EQ(series.most_merged, 2u);
  ASSERT_EQ(series.trials.size(), 1u);
  const Json& trial = series.trials.at(0);
  ASSERT_EQ(trial.at("rate_bps").size(), 120u);
  EXPECT_EQ(trial.at("rate_bps").at(0), Json::parse("[0.1, 80000000]"));
  EXPECT_EQ(trial.at("rtt_ns").at(0).at(1), 2000);
  EXPECT_EQ(trial.at("retransmits_hz").at(5).at(1), 10);
  EXPECT_FALSE(trial.contains("cwnd_bytes"));
}

TEST_F(ReportPageTest, AHundredThousandTrialsStayAPageOfAFewMegabytes) {
  csv_ =
      "run,experiment,workload,kind,case,block,repetition,started_at,status,error,quality,engine,"
      "transport,reverse,bidirectional,throughput_bps,cpu_s_per_gb,retransmits\n";
  for (int c = 0; c < 500; ++c)
    for (int block = 1; block <= 200; ++block)
      csv_ += fmt::format(
          "r,e,bulk,throughput,bulk/streams={},{},{},,ok,,busy,blocking,tcp,,,{},{},3\n", c, block,
          block, 1e9 + block * 1234.567 + c, 0.123456789 * block);
  experiment_.plan.repetitions = 200;
  const std::string html = report_html({run()});
  EXPECT_LT(html.size(), 5u << 20);
  const Json reported = data_of(html).at("runs").at(0);
  EXPECT_EQ(reported.at("trials"), 100'000);
  EXPECT_THAT(reported.at("notes"), Contains("The first 300 of 500 cases are on this page."));
  EXPECT_THAT(reported.at("notes"),
              Contains("The first 200 of 100000 trials with a warning are listed."));
  EXPECT_THAT(reported.at("notes"),
              Contains(testing::ResultOf([](const Json& note) { return note.get<std::string>(); },
                                         StartsWith("Dots show at most "))));
}

TEST_F(ReportPageTest, OfManyRunsOnlyTheNewestHasDetails) {
  measure(1.5, 7);
  const Json json = data_of(report_html(std::vector<ReportedRun>(400, run())));
  const Json& oldest = json.at("runs").front();
  const Json& newest = json.at("runs").back();
  EXPECT_EQ(oldest.at("cases").size(), 2u);  // all that the charts over time draw
  EXPECT_EQ(oldest.at("summary"), newest.at("summary"));
  EXPECT_TRUE(oldest.at("comparisons").empty());
  EXPECT_EQ(newest.at("comparisons").size(), 1u);
  EXPECT_EQ(newest.at("cases").at(0).at("values").at("throughput_bps").size(), 7u);
}

TEST_F(ReportPageTest, ARunWithoutATrialHasAPage) {
  EXPECT_THAT(sentences(), Contains("open: No trial was run."));
  EXPECT_EQ(data_of(report_html({run()})).at("runs").at(0).at("trials"), 0);
}

}  // namespace
}  // namespace pingperf
