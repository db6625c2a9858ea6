// Summary, comparison and tables for the terminal, computed from records made by hand.
#include "harness/results/summary.h"

#include <gmock/gmock.h>

#include "harness/base/json.h"
#include "harness/report/results_table.h"
#include "harness/report/run_warnings.h"
#include "harness/report/verdict_table.h"
#include "harness/results/columns.h"
#include "harness/results/metric_text.h"
#include "harness/results/own_columns.h"
#include "harness/verdicts/comparison.h"
#include "harness/verdicts/pairing.h"
#include "harness/verdicts/verdict_columns.h"
#include "tests/results/record_samples.h"

namespace pingperf {
namespace {

using testing::HasSubstr;

class ReportTest : public testing::Test {
 protected:
  void add(const TrialRecord& record) { csv_ += trial_row(record); }
  TrialTable table() const { return TrialTable(CsvTable::parse(csv_, "trials.csv")); }

  Samples samples;

 private:
  std::string csv_ = trials_header();
};

bool any_case(const Case&) {
  return true;
}

const SummaryRow* find(const std::vector<SummaryRow>& rows, const std::string& metric) {
  for (const SummaryRow& row : rows)
    if (row.metric == metric) return &row;
  return nullptr;
}

TEST_F(ReportTest, SummaryHasARowForEachMetricThatWasMeasured) {
  const Case& c = samples.add_case("bulk");
  for (std::uint64_t i = 1; i <= 3; ++i) add(samples.transfer(c, i, i * 1000));
  add(samples.failed(c, 4));
  const auto summary = summarize(table());
  const SummaryRow* const row = find(summary, "throughput_bps");
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->n, 3u);
  EXPECT_EQ(row->median, 16'000);
  EXPECT_EQ(row->min, 8'000);
  EXPECT_EQ(row->max, 24'000);
  EXPECT_DOUBLE_EQ(row->stddev.value(), 8'000);
  EXPECT_DOUBLE_EQ(row->cv.value(), 0.5);
  EXPECT_FALSE(row->ci_low);  // n < 6: no two order statistics reach 95 %
  EXPECT_EQ(find(summary, "rtt_p50_ns"), nullptr);
}

TEST_F(ReportTest, AnEarlierVersionsNameOfAnEngineIsReadAsTodays) {
  const TrialTable old(
      CsvTable::parse("run,experiment,workload,case,block,status,engine\n"
                      "r,e,w,w/engine=null/streams=1,1,ok,null\n"
                      "r,e,w,w/engine=blocking,1,ok,blocking\n",
                      "trials.csv"));
  EXPECT_THAT(old.cases(), testing::ElementsAre("w/engine=noop/streams=1", "w/engine=blocking"));
  EXPECT_EQ(old.text(old.rows().front(), "engine"), "noop");
}

TEST_F(ReportTest, TheSummaryHasTheParametersOfItsCases) {
  const Case& first = samples.add_case("a");
  add(samples.transfer(first, 1, 1000));
  const std::string csv = with_case_columns(summary_csv(summarize(table())), table());
  const CsvTable summary = CsvTable::parse(csv, "summary.csv");
  const CsvTable::Row row = summary.rows().front();
  EXPECT_EQ(row[summary.column("engine")], first.options->engine);
  EXPECT_EQ(row[summary.column("kind")], "throughput");
  EXPECT_EQ(row[summary.column("transport")], "tcp");
}

TEST_F(ReportTest, OneTrialHasNoSpread) {
  add(samples.transfer(samples.add_case("bulk"), 1, 1000));
  const auto summary = summarize(table());
  EXPECT_FALSE(find(summary, "throughput_bps")->stddev);
  EXPECT_THAT(summary_csv(summary), HasSubstr(",throughput_bps,1,8000,8000,,,,,8000,8000\n"));
}

TEST_F(ReportTest, ComparisonPairsTrialsOfOneBlock) {
  Experiment e;
  Criteria criteria;
  e.cases = {samples.add_case("bulk", {{"engine", "iperf3"}}),
             samples.add_case("bulk", {{"engine", "blocking"}})};
  criteria.compare = {{"throughput_bps", {{e.cases[1].name, e.cases[0].name}}}};
  // The machine's speed halves from block to block. The ratio does not change.
  for (std::uint64_t block = 1; block <= 3; ++block) {
    add(samples.transfer(e.cases[0], block, 8000 >> block));
    add(samples.transfer(e.cases[1], block, 2 * (8000 >> block)));
  }
  add(samples.transfer(e.cases[0], 4, 1000));
  add(samples.failed(e.cases[1], 4));
  const auto rows = compare_cases(criteria, table());
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].case_name, "bulk/engine=blocking");
  EXPECT_EQ(rows[0].baseline, "bulk/engine=iperf3");
  EXPECT_EQ(rows[0].n, 3u);
  EXPECT_EQ(rows[0].excluded, 1u);
  EXPECT_DOUBLE_EQ(rows[0].value.value(), 2);
  EXPECT_THAT(
      verdicts_csv(VerdictList::comparisons, rows, "run-1"),
      HasSubstr("1,run-1,throughput_bps,bulk/engine=blocking,bulk/engine=iperf3,3,1,2,,,0.25,,"
                "inconclusive,,,1 of 4 blocks have no pair,,,\n"));
}

TEST_F(ReportTest, AVerdictNeedsIntervalThresholdAndFamily) {
  Experiment e;
  Criteria criteria;
  e.cases = {
      samples.add_case("bulk", {{"engine", "a"}}), samples.add_case("bulk", {{"engine", "b"}}),
      samples.add_case("bulk", {{"engine", "c"}}), samples.add_case("bulk", {{"engine", "d"}})};
  criteria.compare = {{"throughput_bps", pairs_along_axis("engine", "a", any_case, e.cases)}};
  for (std::uint64_t block = 1; block <= 10; ++block) {
    const std::uint64_t base = 1'000'000 + 50'000 * block, wobble = block % 3 * 5'000;
    add(samples.transfer(e.cases[0], block, base));
    add(samples.transfer(e.cases[1], block, base * 3 / 2 + wobble));
    add(samples.transfer(e.cases[2], block, base + wobble));
    add(samples.transfer(e.cases[3], block, base * (6 + 4 * (block % 3)) / 10));
  }
  const auto rows = compare_cases(criteria, table());
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].decision, Decision::faster);
  EXPECT_NEAR(rows[0].value.value(), 1.5, 0.02);
  EXPECT_EQ(rows[1].decision, Decision::same);
  EXPECT_EQ(rows[2].decision, Decision::inconclusive);
  EXPECT_GT(rows[2].more_repetitions.value(), 10u);
  EXPECT_GT(rows[2].detectable_ratio.value(), 1.4);
  const std::string text = comparisons_table(rows, {});
  EXPECT_THAT(text, HasSubstr("more repetitions would decide"));
  EXPECT_THAT(text, HasSubstr("95% power"));
}

TEST_F(ReportTest, LowerIsFasterForTimes) {
  Experiment e;
  Criteria criteria;
  e.cases = {samples.add_case("ping", {{"engine", "a"}}, Kind::latency),
             samples.add_case("ping", {{"engine", "b"}}, Kind::latency)};
  criteria.compare = {{"rtt_p50_ns", pairs_along_axis("engine", "a", any_case, e.cases)}};
  for (std::uint64_t block = 1; block <= 8; ++block)
    for (std::size_t i = 0; i < 2; ++i) {
      TrialRecord r = samples.trial(e.cases[i], block);
      r.client.rtt.emplace();
      for (int ping = 0; ping < 10; ++ping)
        r.client.rtt->record((i == 0 ? 20'000 : 10'000) + static_cast<int>(block) * 10);
      add(r);
    }
  const auto rows = compare_cases(criteria, table());
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].decision, Decision::faster);
}

TEST_F(ReportTest, ABimodalCaseGetsNoVerdictUnlessAllPairsAgree) {
  Experiment e;
  Criteria criteria;
  e.cases = {samples.add_case("ping", {{"engine", "a"}}, Kind::latency),
             samples.add_case("ping", {{"engine", "b"}}, Kind::latency)};
  criteria.compare = {{"rtt_p50_ns", pairs_along_axis("engine", "a", any_case, e.cases)}};
  for (std::uint64_t block = 1; block <= 10; ++block)
    for (std::size_t i = 0; i < 2; ++i) {
      TrialRecord r = samples.trial(e.cases[i], block);
      const Nanoseconds candidate = block % 2 == 0 ? 330'000 : 40'000;
      r.client.rtt.emplace();
      for (int ping = 0; ping < 10; ++ping) r.client.rtt->record(i == 0 ? 100'000 : candidate);
      add(r);
    }
  auto rows = compare_cases(criteria, table());
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].decision, Decision::inconclusive);
  EXPECT_EQ(rows[0].warning, "ping/engine=b is bimodal: 5 trials near 40 µs, 5 near 330 µs");
  EXPECT_THAT(comparisons_table(rows, {}), HasSubstr("\nping/engine=b is bimodal"));
  EXPECT_FALSE(comparisons_table(rows, {}).ends_with("\n\n"));
  criteria.compare[0].pairs = {{e.cases[0].name, e.cases[1].name}};
  set_estimate(
      rows[0],
      {.center = 0.7, .ci_low = 0.3, .ci_high = 1.4, .p_value = 0.001, .least = 0.2, .most = 1.6},
      {});
  decide_family(rows, {});
  EXPECT_EQ(rows[0].decision, Decision::slower);
}

TEST_F(ReportTest, PairsAgreeInEveryOtherAxis) {
  std::vector<Case> cases;
  for (const char* engine : {"iperf3", "blocking"})
    for (const char* streams : {"1", "4"})
      cases.push_back(samples.add_case("bulk", {{"engine", engine}, {"streams", streams}}));
  cases.push_back(samples.add_case("other", {{"engine", "blocking"}, {"streams", "1"}}));
  const auto pairs = pairs_along_axis("engine", "iperf3", any_case, cases);
  ASSERT_EQ(pairs.size(), 2u);
  EXPECT_EQ(pairs[0].candidate, "bulk/engine=blocking/streams=1");
  EXPECT_EQ(pairs[0].baseline, "bulk/engine=iperf3/streams=1");
}

TEST_F(ReportTest, WorkloadsAreComparedWhereTheirCommonAxesAgree) {
  const std::vector<Case> cases = {samples.add_case("idle", {{"engine", "a"}}),
                                   samples.add_case("idle", {{"engine", "b"}}),
                                   samples.add_case("loaded", {{"engine", "a"}, {"streams", "2"}})};
  const auto pairs = pairs_with_workload(
      "idle", [](const Case& c) { return c.workload == "loaded"; }, cases);
  ASSERT_EQ(pairs.size(), 1u);
  EXPECT_EQ(pairs[0].baseline, "idle/engine=a");
}

TEST_F(ReportTest, TablesFitEightyColumnsWhateverTheNames) {
  const Case& c = samples.add_case(std::string(60, 'w'), {{"engine", std::string(60, 'e')}});
  add(samples.transfer(c, 1, 123'456'789));
  add(samples.failed(c, 2));
  Verdict row;
  row.metric = "throughput_bps";
  row.case_name = row.baseline = c.name;
  row.value = 1.5;
  const std::vector<Verdict> rows = {row};
  const std::string text = results_table(table(), {c}, {false, 80});
  EXPECT_THAT(text, HasSubstr("988 Mbit/s"));
  EXPECT_THAT(text, HasSubstr("1/2"));
  EXPECT_THAT(warnings_text(table(), {}), HasSubstr(c.name));  // not cut
  for (const std::string& t : {text, comparisons_table(rows, {false, 80})}) {
    std::istringstream lines(t);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), 80u) << line;
  }
}

TEST_F(ReportTest, ErrorsThatTrialsShareAreOneLine) {
  const Case& c = samples.add_case("bulk");
  for (std::uint64_t block = 1; block <= 8; ++block) add(samples.failed(c, block));
  EXPECT_EQ(warnings_text(table(), {}), "8 of 8 trials: failed: client: it, \"broke\"\n");
}

TEST_F(ReportTest, ACaseWithoutAGoodTrialHasNoFigures) {
  const Case& c = samples.add_case("bulk");
  add(samples.failed(c, 1));
  EXPECT_THAT(results_table(table(), {c}, {}), HasSubstr("0/1"));
}

TEST_F(ReportTest, APartOfTheRoundTripThatNoCaseHasIsNoColumn) {
  const TrialTable trials(
      CsvTable::parse("run,experiment,workload,kind,case,block,status,connect_p50_ns,close_p50_ns,"
                      "handshake_p50_ns\nr,e,v1,connect,v1,1,ok,20000,4000,\n",
                      "trials.csv"));
  const std::string text = results_table(trials, {case_named("v1")}, {});
  EXPECT_THAT(text, HasSubstr("of the round trip, p50  connect  close\nv1"));
}

TEST_F(ReportTest, CasesStandInTheOrderOfTheExperimentAndWholeOffATerminal) {
  const Case second = samples.add_case("bulk", {{"message_size", "1400B"}}),
             first = samples.add_case("bulk", {{"message_size", std::string(90, '6')}});
  add(samples.transfer(second, 1, 1000));
  add(samples.transfer(first, 1, 1000));
  const std::string text = results_table(table(), {first, second}, {});
  ASSERT_NE(text.find(first.name), std::string::npos);
  EXPECT_LT(text.find(first.name), text.find(second.name));
}

TEST_F(ReportTest, WarningsThatTrialsShareAreOneLine) {
  const Case& c = samples.add_case("bulk");
  for (const auto& [block, quality] :
       {std::pair{1u, "others took 48% of the CPU time; short window: 1 ms"},
        {2u, "others took 54% of the CPU time"}}) {
    TrialRecord r = samples.transfer(c, block, 1000);
    r.quality = quality;
    add(r);
  }
  EXPECT_EQ(warnings_text(table(), {}),
            "2 of 2 trials: others took 48 to 54% of the CPU time\n"
            "bulk #1: short window: 1 ms\n");
}

TEST_F(ReportTest, SeriousFindingsOfTheDoctorAreWarnings) {
  const Json finding = {{"severity", "serious"}, {"what", "load of 80%"}, {"remedy", "top"}},
             note = {{"severity", "note"}, {"what", "2 CPUs"}, {"remedy", "more"}},
             session = {{"doctor", {{{"host", "both hosts"}, {"findings", {finding, note}}}}}};
  Json environment = session;
  environment["resumed"] = Json::array({session});
  add(samples.transfer(samples.add_case("bulk"), 1, 1000));
  EXPECT_EQ(warnings_text(table(), environment), "doctor: both hosts: load of 80%\n");
  EXPECT_EQ(warnings_text(table(), Json{{"doctor", 7}}), "");
}

TEST(Shorten, KeepsBothEnds) {
  EXPECT_EQ(shorten("short", 10), "short");
  EXPECT_EQ(display_width(shorten("a-very-long-name-indeed", 12)), 12u);
  EXPECT_EQ(shorten("abcdefghijklmnop", 7), "ab…mnop");
}

TEST(Shorten, CutsBetweenCharactersOfSeveralBytes) {
  EXPECT_EQ(shorten("éàüöñçßøåæéàüö", 7), "éà…éàüö");
  EXPECT_EQ(display_width(shorten("éàüöñçßøåæéàüö", 10)), 10u);
}

TEST(HumanMetric, TakesTheUnitFromTheName) {
  EXPECT_EQ(human_metric("throughput_bps", 12.34e9), "12.3 Gbit/s");
  EXPECT_EQ(human_metric("rtt_p50_ns", 14200), "14.2 µs");
  EXPECT_EQ(human_metric("loss_ratio", 0.0123), "1.23%");
  EXPECT_EQ(human_metric("loss_ratio", 0), "0.00%");
  EXPECT_EQ(human_metric("loss_ratio", 0.00004), "0.004%");
  EXPECT_EQ(human_metric("retransmits", 3), "3");
}

}  // namespace
}  // namespace pingperf
