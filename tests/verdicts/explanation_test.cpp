// The counters that changed together with a compared figure.
#include "harness/verdicts/explanation.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <random>

#include "harness/report/verdict_table.h"
#include "harness/results/columns.h"
#include "harness/verdicts/comparison.h"
#include "harness/verdicts/verdict_columns.h"
#include "tests/results/record_samples.h"

namespace pingperf {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// The place of one trial in a written run.
struct Place {
  std::size_t case_index;  // 0: the baseline
  std::uint64_t block;
  double work;     // payload, relative to the median trial of the baseline
  double seconds;  // length of the trial
};

using Count = std::function<double(const Place&)>;

struct WrittenCounter {
  std::string source, name;
  Count count;
  std::string host = "both";
};

class ExplanationTest : public testing::Test {
 protected:
  ExplanationTest() : random_(1) {
    experiment_.cases = {samples_.add_case("bulk", {{"engine", "iperf3"}}),
                         samples_.add_case("bulk", {{"engine", "blocking"}})};
    criteria_.compare = {
        {"throughput_bps", {{experiment_.cases[1].name, experiment_.cases[0].name}}}};
  }
  ~ExplanationTest() override { fs::remove_all(folder_); }

  void add(const std::string& source, const std::string& name, Count count,
           const std::string& host = "both") {
    counters_.push_back({source, name, std::move(count), host});
  }

  double noisy(double mean) {
    return std::max(0.0, std::round(mean * (1 + 0.02 * std::normal_distribution<>()(random_))));
  }
  Count constant(double mean) {
    return [this, mean](const Place&) { return noisy(mean); };
  }
  // A count that differs in the second case, and neither with the payload nor with time.
  Count changed(double base, double candidate) {
    return [=, this](const Place& p) { return noisy(p.case_index == 0 ? base : candidate); };
  }
  Count by_payload(double mean, double factor = 1) {
    return [=, this](const Place& p) { return noisy(mean * p.work * (p.case_index ? factor : 1)); };
  }
  Count by_time(double mean) {
    return [=, this](const Place& p) { return noisy(mean * p.seconds); };
  }

  // Writes a run in which the second case is `speed` times as fast.
  fs::path write_run(const std::string& name, std::uint64_t blocks, double speed,
                     bool has_counters = true) {
    const fs::path run = folder_ / name;
    fs::create_directories(run);
    std::ofstream trials(run / "trials.csv");
    trials << trials_header();
    std::ofstream counters;
    if (has_counters) counters.open(run / "counters.csv");
    counters << "schema_version,run,case,block,host,source,name,delta\n";
    for (std::uint64_t block = 1; block <= blocks; ++block)
      for (std::size_t i = 0; i < experiment_.cases.size(); ++i)
        write_trial(trials, counters, i, block, speed);
    return run;
  }

  // Returns the verdict on a run with the second case `speed` times as fast.
  Verdict judge(double speed, std::uint64_t blocks = 12) {
    const fs::path run = write_run("run", blocks, speed);
    const TrialTable trials = TrialTable::read(run / "trials.csv");
    std::vector<Verdict> verdicts = compare_cases(criteria_, trials);
    explain_comparisons(verdicts, run, trials);
    return verdicts.at(0);
  }
  std::string explained(double speed, std::uint64_t blocks = 12) {
    return counters_text(judge(speed, blocks).counters, kMaxCounters);
  }

  // Returns the comparison of `runs` runs on each side, the new side `speed` times as fast.
  RunComparison compare(std::size_t runs, double speed, CompareOptions options = {}) {
    options.metrics = {"throughput_bps"};
    std::vector<std::string> base, new_runs;
    for (std::size_t k = 0; k < runs; ++k) {
      side_ = 0;
      base.push_back(write_run(fmt::format("base{}", k), 10, 1));
      side_ = 1;
      new_runs.push_back(write_run(fmt::format("new{}", k), 10, speed));
    }
    side_.reset();
    const RunSet before = RunSet::read(base), after = RunSet::read(new_runs);
    RunComparison comparison = compare_runs(before, after, options);
    explain_runs(comparison, before, after);
    return comparison;
  }

  Samples samples_;
  Experiment experiment_;
  Criteria criteria_;
  std::vector<WrittenCounter> counters_;
  double seconds_of_candidate_ = 1;
  std::mt19937_64 random_;
  const fs::path folder_ =
      fs::temp_directory_path() / ("pingperf-explanation-" + std::to_string(::getpid()));

 private:
  void write_trial(std::ofstream& trials, std::ofstream& counters, std::size_t case_index,
                   std::uint64_t block, double speed) {
    const Case& c = experiment_.cases[case_index];
    const double noise = 1 + 0.02 * std::normal_distribution<>()(random_);
    const double work = noise * (case_index == 1 ? speed : 1);
    TrialRecord r = samples_.transfer(c, block, static_cast<std::uint64_t>(1e9 * work));
    r.server.total_bytes_received = r.server.bytes_received;
    r.elapsed_s = case_index == 1 ? seconds_of_candidate_ : 1;
    trials << trial_row(r);
    // Across runs, the sides differ instead of the cases.
    const Place place{side_ ? (case_index == 1 ? *side_ : 0) : case_index, block, work,
                      r.elapsed_s};
    for (const WrittenCounter& counter : counters_)
      if (const double delta = counter.count(place); delta != 0)
        counters << csv_row({"1", "run", c.name, std::to_string(block), counter.host,
                             counter.source, counter.name, fmt::format("{}", delta)});
  }

  std::optional<std::size_t> side_;
};

TEST_F(ExplanationTest, NamesTheCountersThatChangedTheLargestChangeFirst) {
  add("softirqs", "NET_RX cpu1", by_payload(20'000, 1.6));
  add("snmp", "Tcp.RetransSegs", changed(100, 900));
  add("netstat", "TcpExt.TCPLostRetransmit", changed(0, 41));
  add("interrupts", "LOC cpu0", constant(1000));
  EXPECT_THAT(explained(0.5),
              testing::MatchesRegex(
                  "TcpExt.TCPLostRetransmit 0 → 41, Tcp.RetransSegs ×(9|8.9|9.1), NET_RX softirqs "
                  "on CPU 1 ×1.(59|6|61) per byte"));
}

// A case that is twice as fast sends twice as many segments, and its round of timer interrupts is
// the same. Both are without interest.
TEST_F(ExplanationTest, SaysNothingOfCountersThatFollowThePayloadOrTheTime) {
  add("snmp", "Tcp.OutSegs", by_payload(20'000));
  add("netstat", "TcpExt.TCPDelivered", by_payload(20'000));
  add("interrupts", "LOC cpu0", constant(1000));
  add("snmp", "Tcp.ActiveOpens", constant(1));
  add("stat", "ctxt", [this](const Place& p) { return noisy(2000 + 2000 * p.work); });
  for (const double speed : {0.5, 2.0, 8.0}) EXPECT_EQ(explained(speed), "") << speed;
  seconds_of_candidate_ = 3;  // the trials of iperf3 may be longer
  counters_.erase(counters_.begin() + 4);
  add("stat", "user", by_time(150));
  EXPECT_EQ(judge(3).decision, Decision::faster);
  counters_[2].count = by_time(1000);
  EXPECT_EQ(explained(3), "");
}

// Fewer and larger packets are what makes the case faster. Their number per second is the same.
TEST_F(ExplanationTest, ComparesPacketsPerByte) {
  add("snmp", "Ip.InReceives", constant(20'000));
  EXPECT_EQ(explained(4), "Ip.InReceives ×0.25 per byte");
}

TEST_F(ExplanationTest, OtherCountersAreReportedInTheUnitInWhichTheyChangedLess) {
  add("netstat", "TcpExt.TCPRcvCoalesce", by_payload(1000, 4));
  EXPECT_THAT(explained(2), HasSubstr("TcpExt.TCPRcvCoalesce ×4 per byte"));
  counters_.clear();
  add("netstat", "TcpExt.TCPRcvCoalesce", changed(1000, 4000));
  EXPECT_EQ(explained(0.5), "TcpExt.TCPRcvCoalesce ×4");
}

TEST_F(ExplanationTest, CountersThatChangeAlikeAreOne) {
  std::vector<double> counts;
  add("snmp", "Tcp.RetransSegs", [&](const Place& p) {
    counts.push_back(noisy(p.case_index == 0 ? 100 : 900));
    return counts.back();
  });
  add("tracepoint", "tcp:tcp_retransmit_skb", [&](const Place&) { return counts.back(); });
  add("netstat", "TcpExt.TCPFastRetrans", [&](const Place&) { return std::sqrt(counts.back()); });
  const Verdict v = judge(0.5);
  ASSERT_EQ(v.counters.size(), 2u);
  EXPECT_EQ(v.counters[0].counter.name, "Tcp.RetransSegs");
  EXPECT_THAT(v.counters[0].same,
              testing::ElementsAre(CounterId{"both", "tracepoint", "tcp:tcp_retransmit_skb"}));
  EXPECT_EQ(v.counters[1].counter.name, "TcpExt.TCPFastRetrans");
  const auto json = verdicts_json(VerdictList::comparisons, {v});
  EXPECT_EQ(json.at(0)["counters"].at(0)["same"].at(0)["name"], "tcp:tcp_retransmit_skb");
  EXPECT_THAT(json[0]["explanation"].get<std::string>(), HasSubstr("Tcp.RetransSegs ×"));
}

TEST_F(ExplanationTest, NamesTheEndUnlessBothShareTheCounter) {
  add("netstat", "TcpExt.TCPTimeouts", changed(0, 12), "server");
  add("softnet_stat", "time_squeeze cpu0", changed(4, 20), "client");
  EXPECT_THAT(explained(0.5), HasSubstr("TcpExt.TCPTimeouts (server) 0 → 12"));
  EXPECT_THAT(explained(0.5), HasSubstr("softnet_stat time_squeeze on CPU 0 (client) ×"));
}

TEST_F(ExplanationTest, ACountThatIsUsuallyZeroHasItsMean) {
  add("netstat", "TcpExt.TCPTimeouts",
      [](const Place& p) { return p.case_index == 1 && p.block % 5 < 2 ? 10 : 0; });
  EXPECT_EQ(explained(0.5, 50), "TcpExt.TCPTimeouts 0 → 4");
}

TEST_F(ExplanationTest, HasAtMostTenCounters) {
  for (int i = 0; i < 25; ++i)
    add("ethtool", fmt::format("veth0 drops_{}", i), changed(10, 100 + i));
  EXPECT_EQ(judge(0.5).counters.size(), 10u);
}

TEST_F(ExplanationTest, SaysNothingOfARowWithoutADifference) {
  add("netstat", "TcpExt.TCPLostRetransmit", changed(0, 41));
  EXPECT_EQ(judge(1.0).decision, Decision::same);
  EXPECT_EQ(explained(1.0), "");
  EXPECT_EQ(explained(0.5, 5), "");  // too few for a decision
}

TEST_F(ExplanationTest, ExplainsNothingWithoutCountersOrFromGauges) {
  const fs::path run = write_run("older", 12, 0.5, false);
  const TrialTable trials = TrialTable::read(run / "trials.csv");
  std::vector<Verdict> verdicts = compare_cases(criteria_, trials);
  explain_comparisons(verdicts, run, trials);
  EXPECT_EQ(verdicts.at(0).decision, Decision::slower);
  EXPECT_THAT(verdicts[0].counters, IsEmpty());
  add("snmp", "Tcp.CurrEstab", [](const Place& p) { return p.case_index == 0 ? 3 : -3; });
  EXPECT_EQ(explained(0.5), "");
}

TEST_F(ExplanationTest, OfTwoRunsComparesTheirTrials) {
  add("snmp", "Tcp.RetransSegs", changed(100, 900));
  add("snmp", "Tcp.OutSegs", by_payload(20'000));
  const RunComparison c = compare(1, 0.5, {.significance = {.session_sd = 0.01}});
  ASSERT_EQ(c.rows.at(1).decision, Decision::slower);
  ASSERT_EQ(c.rows[1].counters.size(), 1u);
  EXPECT_NEAR(*c.rows[1].counters[0].ratio, 9, 0.3);
  EXPECT_THAT(c.rows[0].counters, IsEmpty());
  const std::string table = run_comparison_table(c, {});
  EXPECT_THAT(table, HasSubstr("slower\n    changed with it: Tcp.RetransSegs ×"));
  EXPECT_THAT(
      run_comparison_markdown(c),
      HasSubstr("\n- bulk/engine=blocking throughput_bps: changed with it: Tcp.RetransSegs"));
  EXPECT_THAT(verdicts_csv(VerdictList::runs, c.rows), HasSubstr(",Tcp.RetransSegs ×"));
}

TEST_F(ExplanationTest, OfSeveralRunsComparesTheirMedians) {
  add("snmp", "Tcp.RetransSegs", changed(100, 900));
  add("netstat", "TcpExt.TCPLostRetransmit", changed(0, 41));
  add("snmp", "Tcp.OutSegs", by_payload(20'000));
  const RunComparison c = compare(3, 0.5);
  ASSERT_EQ(c.rows.at(1).decision, Decision::slower);
  EXPECT_THAT(
      counters_text(c.rows[1].counters, 10),
      testing::MatchesRegex("TcpExt.TCPLostRetransmit 0 → 41, Tcp.RetransSegs ×(8.[89]|9)"));
}

// On a host with ten times as many interrupts, those of the reference have changed too.
TEST_F(ExplanationTest, WithAReferenceItsOwnChangeCancels) {
  double of_machine = 1;
  add("interrupts", "RES cpu0", [&](const Place&) { return noisy(1000 * of_machine); });
  add("snmp", "Tcp.RetransSegs", changed(100, 900));
  const CompareOptions options{.metrics = {"throughput_bps"}, .relative_to = "engine=iperf3"};
  const std::vector<std::string> base{write_run("base", 10, 1)};
  of_machine = 10;
  counters_[1].count = [this](const Place& p) { return noisy(p.case_index == 1 ? 8100 : 100); };
  const std::vector<std::string> new_runs{write_run("new", 10, 0.5)};
  const RunSet before = RunSet::read(base), after = RunSet::read(new_runs);
  RunComparison c = compare_runs(before, after, options);
  explain_runs(c, before, after);
  ASSERT_EQ(c.rows.at(0).decision, Decision::slower);
  EXPECT_THAT(counters_text(c.rows[0].counters, 10),
              testing::MatchesRegex("Tcp.RetransSegs ×(8.9|9|9.1)"));
  EXPECT_EQ(c.rows[0].counters.size(), 1u);
}

TEST_F(ExplanationTest, ADamagedFileIsAnErrorWithItsLine) {
  const fs::path run = write_run("run", 12, 0.5);
  std::ofstream(run / "counters.csv", std::ios::app)
      << "1,run,bulk/engine=blocking,1,both,snmp,Tcp.InSegs,x\n";
  const TrialTable trials = TrialTable::read(run / "trials.csv");
  std::vector<Verdict> verdicts = compare_cases(criteria_, trials);
  try {
    explain_comparisons(verdicts, run, trials);
    FAIL();
  } catch (const CsvError& e) {
    EXPECT_THAT(e.what(), HasSubstr("counters.csv:2: 'x' in column delta is not a number"));
  }
}

// Returns a count with this mean: small ones by Poisson, large ones with noise of their own.
double drawn(std::mt19937_64& random, double mean) {
  if (mean < 30) return std::poisson_distribution<>(mean)(random);
  return std::round(mean * std::exp(0.1 * std::normal_distribution<>()(random)));
}

// 200 counters, rare and frequent ones, that follow the payload, the time, or both. The case is
// twice as fast, and no counter has to do with it.
class FalseExplanations : public ExplanationTest {
 protected:
  FalseExplanations() {
    for (int i = 0; i < 200; ++i) {
      const double mean = std::pow(10, -1 + 5 * (i / 199.0));
      const int kind = i % 4;
      const std::string name =
          fmt::format("{}_{}", kind == 0 ? "rx_packets" : "counter", i);  // kind 0: traffic
      add("ethtool", name, [=, this](const Place& p) {
        const double work = kind == 0   ? p.work
                            : kind == 1 ? 1
                            : kind == 2 ? p.work
                                        : (1 + p.work) / 2;
        return drawn(random_, mean * work);
      });
    }
  }
};

constexpr int kSimulated = 40;  // comparisons
constexpr int kMaxFalse = 4;    // 5 %, and two standard errors

TEST_F(FalseExplanations, WithinARunAppearInAtMostFivePercent) {
  int alarms = 0;
  for (int i = 0; i < kSimulated; ++i) {
    const Verdict v = judge(i % 2 == 0 ? 2.0 : 0.5, i % 3 == 0 ? 30 : 15);
    EXPECT_NE(v.decision, Decision::inconclusive);
    alarms += !v.counters.empty();
  }
  std::printf("false explanations within a run: %d of %d\n", alarms, kSimulated);
  EXPECT_LE(alarms, kMaxFalse);
}

TEST_F(FalseExplanations, AcrossRunsAppearInAtMostFivePercent) {
  int alarms = 0, of_two = 0;
  for (int i = 0; i < kSimulated; ++i) {
    const RunComparison c = compare(3, 0.5);
    EXPECT_EQ(c.rows.at(1).decision, Decision::slower);
    alarms += !c.rows[1].counters.empty();
    const RunComparison two = compare(1, 0.5, {.significance = {.session_sd = 0.01}});
    EXPECT_EQ(two.rows.at(1).decision, Decision::slower);
    of_two += !two.rows[1].counters.empty();
  }
  std::printf("false explanations across runs: %d, and %d with one run a side, of %d\n", alarms,
              of_two, kSimulated);
  EXPECT_LE(alarms, kMaxFalse);
  EXPECT_LE(of_two, kMaxFalse);
}

}  // namespace
}  // namespace pingperf
