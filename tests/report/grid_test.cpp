// Grids of sweeps: which workloads have one, and where each figure is.
#include "harness/report/grid.h"

#include <fmt/core.h>
#include <gmock/gmock.h>

#include "harness/report/results_table.h"
#include "harness/report/verdict_table.h"
#include "harness/results/columns.h"
#include "tests/results/record_samples.h"

namespace pingperf {
namespace {

using testing::HasSubstr;

class GridTest : public testing::Test {
 protected:
  // Adds a case of the axes with one trial.
  void measure(const std::vector<std::pair<std::string, std::string>>& axes, std::uint64_t bytes) {
    cases_.push_back(samples_.add_case("bulk", axes));
    csv_ += trial_row(samples_.transfer(cases_.back(), 1, bytes));
  }

  TrialTable table() const { return TrialTable(CsvTable::parse(csv_, "trials.csv")); }
  std::vector<Grid> grids() const { return result_grids(table(), cases_, "throughput_bps"); }

  Samples samples_;
  std::vector<Case> cases_;
  std::string csv_ = trials_header();
};

TEST_F(GridTest, HasOneAxisDownAndTheOneWithFewerValuesAcross) {
  std::uint64_t bytes = 100'000'000;
  for (const char* const engine : {"iperf3", "blocking"})
    for (const char* const size : {"4KiB", "64KiB", "1MiB"})
      if (engine != std::string("blocking") || size != std::string("1MiB"))
        measure({{"engine", engine}, {"message_size", size}, {"streams", "1"}},
                bytes += 25'000'000);
  ASSERT_EQ(grids().size(), 1u);
  EXPECT_EQ(grids()[0].title, "bulk: goodput by message_size and engine");
  EXPECT_EQ(grids()[0].table.to_string({}),
            "message_size       iperf3     blocking\n"
            "4KiB             1 Gbit/s  1.60 Gbit/s\n"
            "64KiB         1.20 Gbit/s  1.80 Gbit/s\n"
            "1MiB          1.40 Gbit/s            -\n");
  const std::string text = results_table(table(), cases_, {});
  EXPECT_LT(text.find(grids()[0].title), text.find("throughput"));  // above the long table
  EXPECT_THAT(results_markdown(table(), cases_),
              HasSubstr("| message\\_size | iperf3 | blocking |"));
}

TEST_F(GridTest, NeedsTwoAxes) {
  measure({{"engine", "iperf3"}, {"streams", "1"}}, 1000);
  measure({{"engine", "blocking"}, {"streams", "1"}}, 1000);
  EXPECT_TRUE(grids().empty());
}

TEST_F(GridTest, HasTheEngineAcrossIfBothAxesHaveAsManyValues) {
  for (const char* const engine : {"iperf3", "blocking"})
    for (const char* const streams : {"1", "2"})
      measure({{"engine", engine}, {"streams", streams}}, 1000);
  EXPECT_EQ(grids().at(0).title, "bulk: goodput by streams and engine");
}

TEST_F(GridTest, HasAxesForThePage) {
  for (const char* const engine : {"iperf3", "blocking"})
    for (const char* const streams : {"1", "2"})
      measure({{"engine", engine}, {"streams", streams}}, 1000);
  measure({{"engine", "epoll"}}, 1000);  // has no streams, so it is in no cell
  const std::vector<GridAxes> axes = result_grid_axes(table(), cases_);
  ASSERT_EQ(axes.size(), 1u);
  EXPECT_EQ(axes[0].down, "engine");  // has three values
  EXPECT_EQ(axes[0].across, "streams");
}

Verdict ratio_of(const std::string& engine, const std::string& size, double value) {
  Verdict row;
  row.metric = "throughput_bps";
  row.case_name = fmt::format("bulk/engine={}/message_size={}", engine, size);
  row.baseline = "bulk/engine=iperf3/message_size=" + size;
  row.value = value;
  row.decision = Decision::faster;
  return row;
}

TEST(Comparisons, ToOneValueOfAnAxisAreOneTableBelowAGrid) {
  std::vector<Verdict> rows;
  for (const char* const engine : {"blocking", "epoll"})
    for (const char* const size : {"4KiB", "64KiB"}) rows.push_back(ratio_of(engine, size, 1.5));
  const std::string text = comparisons_table(rows, {});
  EXPECT_THAT(text, HasSubstr("bulk: goodput to engine=iperf3 by message_size and engine\n"
                              "message_size     blocking        epoll\n"
                              "4KiB          1.50 faster  1.50 faster\n"));
  EXPECT_THAT(text, HasSubstr("\nto engine=iperf3 "));
  EXPECT_EQ(text.find("\nto ", text.find("\nto ") + 1), std::string::npos);
}

TEST(Comparisons, OfTwoMetricsToOneBaselineAreOneTable) {
  std::vector<Verdict> rows = {ratio_of("epoll", "4KiB", 2), ratio_of("epoll", "4KiB", 3)};
  rows[1].metric = "cpu_s_per_gb";
  const std::string text = comparisons_table(rows, {});
  const std::string heading = "to bulk/engine=iperf3/message_size=4KiB ";
  EXPECT_THAT(text, testing::StartsWith(heading));
  EXPECT_EQ(text.rfind(heading), 0u);
}

TEST(Comparisons, ToOneCaseNameTheWholeCase) {
  EXPECT_THAT(
      comparisons_table({ratio_of("epoll", "4KiB", 2), ratio_of("blocking", "4KiB", 2)}, {}),
      testing::StartsWith("to bulk/engine=iperf3/message_size=4KiB "));
}

}  // namespace
}  // namespace pingperf
