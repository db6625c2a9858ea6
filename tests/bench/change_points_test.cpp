// Change points: what is found, and where, in simulated series with fixed seeds. bench/calibration
// has the same scenarios with larger counts.
#include "harness/verdicts/change_points.h"

#include <gmock/gmock.h>

#include <cmath>

#include "bench/calibration/series.h"

namespace pingperf {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::size_t> firsts(const ChangePoints& found) {
  std::vector<std::size_t> places;
  for (const ChangePoint& change : found.changes) places.push_back(change.first);
  return places;
}

std::vector<double> repeated(std::initializer_list<std::pair<std::size_t, double>> parts) {
  std::vector<double> values;
  for (const auto& [count, level] : parts)
    for (std::size_t i = 0; i < count; ++i)
      values.push_back(level + 0.01 * std::sin(static_cast<double>(values.size()) * 12.9898));
  return values;
}

TEST(ChangePoints, AStepIsFoundAtItsPlace) {
  const ChangePoints found = find_change_points(repeated({{20, 1}, {20, 1.1}}), {});
  EXPECT_THAT(firsts(found), ElementsAre(20));
  EXPECT_LE(found.changes[0].p_value, 0.0002);
  EXPECT_EQ(found.changes[0].begin, 0u);
  EXPECT_EQ(found.changes[0].end, 40u);
}

TEST(ChangePoints, SeveralChangesDivideTheSeries) {
  const ChangePoints found =
      find_change_points(repeated({{20, 1}, {15, 1.1}, {30, 1}, {12, 1.2}}), {});
  ASSERT_THAT(firsts(found), ElementsAre(20, 35, 65));
  EXPECT_EQ(found.changes[1].begin, 20u);
  EXPECT_EQ(found.changes[1].end, 65u);
}

TEST(ChangePoints, OneRunThatIsFarOffIsFound) {
  EXPECT_THAT(firsts(find_change_points(repeated({{30, 1}, {1, 1.2}}), {})), ElementsAre(30));
}

TEST(ChangePoints, TwoOutliersAmongThreeRunsAreNoChange) {
  std::vector<double> values = repeated({{30, 1}});
  values.insert(values.end(), {1.2, 0.99, 1.2});
  for (std::size_t first : firsts(find_change_points(values, {}))) EXPECT_NE(first, 30u);
}

TEST(ChangePoints, ShortAndConstantSeriesHaveNone) {
  for (std::size_t size : {0, 1, 2, 3, 10})
    EXPECT_THAT(find_change_points(std::vector<double>(size, 5.0), {}).changes, IsEmpty());
  EXPECT_THAT(find_change_points(std::vector<double>{1, 2, 1}, {}).changes, IsEmpty());
}

TEST(ChangePoints, ResultsDependOnlyOnTheSeed) {
  const std::vector<double> values = simulated_series("session effects", 60, 0.1, 10, 3);
  const ChangePoints first = find_change_points(values, {}),
                     second = find_change_points(values, {});
  EXPECT_EQ(first.p_value, second.p_value);
  EXPECT_EQ(firsts(first), firsts(second));
}

// A neighbour that is removed leaves no stale range behind.
TEST(ChangePoints, RemovedNeighboursWidenTheRange) {
  const std::vector<double> values = repeated({{20, 1}, {15, 1.1}, {30, 1.2}});
  std::vector<ChangePoint> changes = find_change_points(values, {}).changes;
  ASSERT_EQ(changes.size(), 2u);
  changes.erase(changes.begin());
  test_changes_again(values, {}, changes);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].begin, 0u);
  EXPECT_EQ(changes[0].end, values.size());
}

// The bounds leave three standard deviations of the simulated share.
struct Expectation {
  const char* noise;
  double max_alarms;  // per 100 runs
  double min_found;   // share of 10 % steps after five runs
};

class ChangePointRates : public testing::TestWithParam<Expectation> {};

TEST_P(ChangePointRates, AreThoseOfTheTable) {
  const auto& [noise, max_alarms, min_found] = GetParam();
  EXPECT_LE(simulated_alarms(noise, 8, {}), max_alarms);
  EXPECT_GE(simulated_found(noise, 0.1, 5, 40, {}), min_found);
}

INSTANTIATE_TEST_SUITE_P(Noise, ChangePointRates,
                         testing::Values(Expectation{"session effects", 1.2, 0.9},
                                         Expectation{"heavy tails", 3.5, 0.8},
                                         Expectation{"outliers", 8, 0.4},
                                         Expectation{"changing variance", 7, 0.8}),
                         [](const auto& parameter) {
                           std::string name = parameter.param.noise;
                           std::erase(name, ' ');
                           return name;
                         });

// Otava finds 26, 88 and 98 % of them with 0.5 alarms in 100 runs.
TEST(ChangePoints, TenPercentStepsAreFoundAsSoonAsOtavaFindsThem) {
  constexpr std::size_t kCount = 100;
  EXPECT_GE(simulated_found("session effects", 0.1, 1, kCount, {}), 0.26);
  EXPECT_GE(simulated_found("session effects", 0.1, 3, kCount, {}), 0.88);
  EXPECT_GE(simulated_found("session effects", 0.1, 5, kCount, {}), 0.95);
}

}  // namespace
}  // namespace pingperf
