// Trends over stored runs: what is judged, beside which changes of the environment, and what fails.
#include "harness/verdicts/trend.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <map>

namespace pingperf {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class TrendTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(folder);
    fs::create_directories(folder);
  }
  void TearDown() override { fs::remove_all(folder); }

  // Stores the run of the next day: the goodput by case. Values differ by up to 0.04 %.
  void add(const std::map<std::string, double>& goodput,
           const std::map<std::string, std::string>& parameters = {}) {
    History history(folder / "history.db", History::Access::write);
    HistoryEntry entry;
    entry.identity = entry.run.name = fmt::format("run-{}", runs);
    entry.run.experiment = "nightly";
    entry.run.machine = "here";
    entry.run.started_at = start_of(runs);
    std::size_t step = 7;
    for (const auto& [name, value] : goodput) {
      const double noise = 1 + 1e-4 * static_cast<double>(runs * step % 5);
      entry.medians.push_back({name, "throughput_bps",
                               parameters.contains(name) ? parameters.at(name) : "streams=1",
                               value * noise, 1});
      step += 4;
    }
    history.add(entry);
    ++runs;
  }

  static std::string start_of(std::size_t run) {
    return fmt::format("2026-{:02}-{:02}T03:00:00Z", 1 + run / 28, 1 + run % 28);
  }

  Trend trend(const std::string& relative_to = "") const {
    History history(folder / "history.db", History::Access::read);
    return find_trend(history, history.runs({}),
                      {.metrics = {"throughput_bps"}, .relative_to = relative_to});
  }

  std::size_t runs = 0;
  const fs::path folder =
      fs::path(testing::TempDir()) / ("pingperf-trend-" + std::to_string(::getpid()));
};

TEST_F(TrendTest, AChangeOfTheReferenceIsNotBlamedOnTheCode) {
  for (int day = 0; day < 30; ++day)
    add({{"bulk/engine=epoll", 1e9}, {"bulk/engine=iperf3", day < 15 ? 1e9 : 2e9}},
        {{"bulk/engine=iperf3", day < 15 ? "streams=1" : "streams=2"}});
  const Trend found = trend("engine=iperf3");
  ASSERT_THAT(found.series, SizeIs(1));
  ASSERT_THAT(found.series[0].changes, SizeIs(1));
  EXPECT_TRUE(found.series[0].changes[0].is_worse);
  EXPECT_THAT(found.series[0].changes[0].environment,
              ElementsAre("parameters of the reference: streams=1, now streams=2"));
}

TEST_F(TrendTest, OnlyTheParametersThatDifferAreNamed) {
  for (int day = 0; day < 30; ++day)
    add({{"bulk", day < 15 ? 1e9 : 5e8}},
        {{"bulk", day < 15 ? "engine=epoll rate_bps=2000000000 nodelay=false"
                           : "engine=epoll nodelay=false"}});
  const Trend found = trend();
  ASSERT_THAT(found.series[0].changes, SizeIs(1));
  EXPECT_THAT(found.series[0].changes[0].environment,
              ElementsAre("parameters: rate_bps=2000000000, now none"));
}

TEST_F(TrendTest, AParameterWithBlanksInItsValueIsNamedWhole) {
  for (int day = 0; day < 30; ++day)
    add({{"bulk", day < 15 ? 1e9 : 5e8}},
        {{"bulk", day < 15 ? "engine=iperf3 size_mix=64:1 1400:3 iperf3_options=-w 1M -N"
                           : "engine=iperf3 size_mix=64:1 1400:2 iperf3_options=-w 1M -N"}});
  const Trend found = trend();
  ASSERT_THAT(found.series[0].changes, SizeIs(1));
  EXPECT_THAT(found.series[0].changes[0].environment,
              ElementsAre("parameters: size_mix=64:1 1400:3, now size_mix=64:1 1400:2"));
}

TEST_F(TrendTest, ACaseWithoutAReferenceIsNotJudged) {
  for (int day = 0; day < 30; ++day)
    add({{"bulk/engine=epoll", 1e9},
         {"bulk/engine=iperf3", 1e9},
         {"other/engine=epoll", day < 15 ? 1e9 : 5e8},
         {day < 15 ? "late/engine=epoll" : "late/engine=iperf3", 1e9}});
  std::map<std::string, std::string> unjudged;
  for (const TrendSeries& series : trend("engine=iperf3").series) {
    unjudged[series.case_name] = series.unjudged;
    EXPECT_THAT(series.changes, IsEmpty());
  }
  const std::string why = "no case to relate it to";
  EXPECT_THAT(unjudged,
              ElementsAre(std::pair("bulk/engine=epoll", ""), std::pair("late/engine=epoll", why),
                          std::pair("other/engine=epoll", why)));
}

TEST_F(TrendTest, TheFirstLevelIsThatBeforeTheFirstChangeThatIsKept) {
  for (int day = 0; day < 45; ++day)
    add({{"bulk/engine=epoll", day < 15 ? 1e9 : day < 30 ? 2e9 : 3e9}});
  const Trend whole = trend();
  ASSERT_THAT(whole.series[0].changes, SizeIs(2));
  const struct {
    std::size_t since, begin, changes;
    double level;
  } expected[] = {{0, 0, 2, 1e9}, {15, 0, 2, 1e9}, {16, 15, 1, 2e9}, {31, 30, 0, 3e9}};
  for (const auto& [since, begin, changes, level] : expected) {
    Trend kept = whole;
    keep_changes_since(kept, start_of(since));
    const TrendSeries& series = kept.series[0];
    EXPECT_THAT(series.changes, SizeIs(changes));
    EXPECT_EQ(series.first_begin, begin);
    EXPECT_EQ(series.first_level.runs, 15u);
    EXPECT_NEAR(series.first_level.median, level, 1e-3 * level);
  }
}

TEST_F(TrendTest, ARemovedCaseFailsTheGateOnlyWhileItsChangeIsNew) {
  for (int day = 0; day < 30; ++day)
    add({{"removed/engine=epoll", day < 25 ? 1e9 : 5e8}, {"bulk/engine=epoll", 1e9}});
  const auto fails = [&](std::size_t newest) {
    const Trend found = trend();
    const TrendSeries& removed = found.series.back();
    EXPECT_EQ(removed.case_name, "removed/engine=epoll");
    EXPECT_THAT(removed.changes, SizeIs(1));
    return !removed.changes.empty() && is_failure(found, removed, removed.changes.front(), newest);
  };
  EXPECT_TRUE(fails(5));
  EXPECT_FALSE(fails(4));
  for (int day = 0; day < 2; ++day) add({{"bulk/engine=epoll", 1e9}});
  EXPECT_FALSE(fails(5));
  EXPECT_TRUE(fails(7));
}

// Two of the 252 ways to choose five of ten runs are as extreme: p is about 0.01 in each series.
TEST_F(TrendTest, ChangesBelowTheThresholdDoNotMakeOthersSignificant) {
  for (int day = 0; day < 10; ++day) {
    std::map<std::string, double> goodput = {{"bulk/engine=epoll", day < 5 ? 1e9 : 2e9}};
    for (int i = 0; i < 9; ++i) goodput[fmt::format("bulk/engine=e{}", i)] = day < 5 ? 1e9 : 1.01e9;
    add(goodput);
  }
  const Trend found = trend();
  ASSERT_THAT(found.series, SizeIs(10));
  for (const TrendSeries& series : found.series) {
    EXPECT_THAT(series.changes, IsEmpty()) << series.case_name;
    EXPECT_LT(series.p_value, 0.02) << series.case_name;
  }
}

}  // namespace
}  // namespace pingperf
