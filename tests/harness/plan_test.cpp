#include "harness/plan.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace pingperf {
namespace {

Experiment with_cases(std::size_t cases, std::uint64_t repetitions, std::uint64_t seed = 1) {
  Experiment e;
  e.cases.resize(cases);
  e.plan.repetitions = repetitions;
  e.plan.seed = seed;
  return e;
}

std::vector<std::size_t> order_of(const std::vector<Trial>& plan) {
  std::vector<std::size_t> order;
  for (const Trial& t : plan) order.push_back(t.case_index);
  return order;
}

TEST(Plan, EveryBlockRunsEveryCaseOnce) {
  const auto plan = plan_trials(with_cases(7, 4));
  ASSERT_EQ(plan.size(), 28u);
  for (std::uint64_t block = 1; block <= 4; ++block) {
    std::set<std::size_t> cases;
    for (std::size_t i = 7 * (block - 1); i < 7 * block; ++i) {
      EXPECT_EQ(plan[i].block, block);
      EXPECT_EQ(plan[i].position, i + 1);
      cases.insert(plan[i].case_index);
    }
    EXPECT_EQ(cases.size(), 7u);
  }
}

TEST(Plan, TheSameSeedGivesTheSameOrderAndAnotherSeedAnother) {
  EXPECT_EQ(order_of(plan_trials(with_cases(8, 3, 5))), order_of(plan_trials(with_cases(8, 3, 5))));
  EXPECT_NE(order_of(plan_trials(with_cases(8, 3, 5))), order_of(plan_trials(with_cases(8, 3, 6))));
}

TEST(Plan, IsTheSameOnEveryMachineAndForEver) {
  EXPECT_EQ(order_of(plan_trials(with_cases(5, 2, 1))),
            (std::vector<std::size_t>{1, 4, 0, 2, 3, 0, 3, 2, 1, 4}));
}

TEST(Plan, SequentialKeepsTheOrderOfTheFile) {
  Experiment e = with_cases(3, 2);
  e.plan.order = Order::sequential;
  EXPECT_EQ(order_of(plan_trials(e)), (std::vector<std::size_t>{0, 1, 2, 0, 1, 2}));
}

TEST(Plan, EveryOrderOfThreeComesUpAboutEquallyOften) {
  std::map<std::vector<std::size_t>, int> seen;
  const auto order = order_of(plan_trials(with_cases(3, 6000)));
  for (std::size_t i = 0; i < order.size(); i += 3) ++seen[{order[i], order[i + 1], order[i + 2]}];
  ASSERT_EQ(seen.size(), 6u);
  for (const auto& [permutation, count] : seen) EXPECT_NEAR(count, 1000, 150);
}

TEST(Plan, Iperf3TrialsTakeWholeSeconds) {
  Case c;
  Options& o = c.options;
  o.duration = kSecond;
  o.warmup = 200 * kMillisecond;
  EXPECT_EQ(expected_length(c, false), 1200 * kMillisecond);
  o.engine = "iperf3";
  EXPECT_EQ(expected_length(c, false), 2 * kSecond);
  o.duration = 800 * kMillisecond;
  EXPECT_EQ(expected_length(c, false), kSecond);
  EXPECT_EQ(expected_length(c, true), 2 * kSecond);
}

TEST(Plan, TheTimeoutIsTheUsersOrTheLengthAndAMargin) {
  Experiment e;
  Case c;
  c.options.duration = 60 * kSecond;
  EXPECT_GT(trial_timeout(e, c), 60 * kSecond);
  e.plan.timeout = 90 * kSecond;
  EXPECT_EQ(trial_timeout(e, c), 90 * kSecond);
}

}  // namespace
}  // namespace pingperf
