#include "harness/experiment/plan.h"

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

TEST(Plan, ASearchGoesOnAfterTheBlocksOfTheOthers) {
  Experiment e = with_cases(3, 2);
  e.cases[1].search = Search{.trials = 5};
  const auto plan = plan_trials(e);
  std::map<std::size_t, std::set<std::uint64_t>> blocks;
  for (std::size_t i = 0; i < plan.size(); ++i) {
    EXPECT_EQ(plan[i].position, i + 1);
    blocks[plan[i].case_index].insert(plan[i].block);
  }
  EXPECT_EQ(blocks[0], (std::set<std::uint64_t>{1, 2}));
  EXPECT_EQ(blocks[1], (std::set<std::uint64_t>{1, 2, 3, 4, 5}));
  EXPECT_EQ(plan.size(), 9u);
  e.cases[1].search->trials = 1;
  EXPECT_EQ(plan_trials(e).size(), 5u);
}

// Returns an experiment of `bases` cases, each on `pairs` pairs of hosts. `at_once` pairs measure
// at the same time.
Experiment with_pairs(std::size_t bases, std::size_t pairs, std::size_t at_once) {
  Experiment e;
  e.hosts.resize(pairs);
  e.pairs_at_once = at_once;
  e.plan.repetitions = 3;
  for (std::size_t base = 0; base < bases; ++base)
    for (std::size_t pair = 0; pair < pairs; ++pair) {
      Case& c = e.cases.emplace_back();
      c.pair = pair;
      c.axes = {{"base", std::to_string(base)}, {"pair", std::to_string(pair + 1)}};
    }
  return e;
}

TEST(Plan, PairsThatMeasureAtOnceAreAWaveOfOneCase) {
  const Experiment e = with_pairs(2, 3, 2);
  std::map<std::uint64_t, std::vector<std::size_t>> rounds;
  for (const Trial& t : plan_trials(e)) rounds[t.round].push_back(t.case_index);
  ASSERT_EQ(rounds.size(), 12u);  // per block and case: pairs 1 and 2, then pair 3
  const std::set<std::vector<std::size_t>> expected = {{0, 1}, {2}, {3, 4}, {5}};
  for (std::uint64_t block = 0; block < 3; ++block) {
    std::set<std::vector<std::size_t>> seen;
    for (std::uint64_t i = 1; i <= 4; ++i) seen.insert(rounds[4 * block + i]);
    EXPECT_EQ(seen, expected);
  }
}

TEST(Plan, PairsOneAfterTheOtherHaveAWaveEach) {
  std::set<std::uint64_t> rounds;
  for (const Trial& t : plan_trials(with_pairs(2, 3, 1))) rounds.insert(t.round);
  EXPECT_EQ(rounds.size(), 18u);
}

TEST(Plan, AWaveTakesAsLongAsItsLongestTrial) {
  Experiment e = with_pairs(1, 3, 3);
  e.plan.repetitions = 1;
  e.plan.cooldown = 100 * kMillisecond;
  for (std::size_t i = 0; i < 3; ++i) {
    e.cases[i].options.edit().duration = (i + 1) * kSecond;
    e.cases[i].options.edit().engine = "blocking";
  }
  EXPECT_EQ(expected_length(e, plan_trials(e)), 3100 * kMillisecond);
}

TEST(Plan, EveryOrderOfThreeComesUpAboutEquallyOften) {
  std::map<std::vector<std::size_t>, int> seen;
  const auto order = order_of(plan_trials(with_cases(3, 6000)));
  for (std::size_t i = 0; i < order.size(); i += 3) ++seen[{order[i], order[i + 1], order[i + 2]}];
  ASSERT_EQ(seen.size(), 6u);
  for (const auto& [permutation, count] : seen) EXPECT_NEAR(count, 1000, 150);
}

// Returns an experiment of `bases` cases, each in `variants` variants.
Experiment in_variants(std::size_t bases, std::size_t variants, std::uint64_t repetitions) {
  Experiment e;
  e.plan.repetitions = repetitions;
  for (std::size_t i = 0; i < variants; ++i)
    e.variants.push_back(std::make_shared<Variant>(Variant{.name = std::to_string(i)}));
  for (std::size_t base = 0; base < bases; ++base)
    for (const auto& variant : e.variants) e.cases.emplace_back().variant = variant;
  return e;
}

TEST(Plan, ABlockSwitchesOncePerVariant) {
  const Experiment e = in_variants(4, 3, 50);
  std::set<std::vector<std::string>> orders;
  std::map<std::uint64_t, std::vector<std::string>> runs;  // by block: variants without repetitions
  std::map<std::uint64_t, std::set<std::size_t>> cases;
  for (const Trial& t : plan_trials(e)) {
    std::vector<std::string>& run = runs[t.block];
    const std::string& name = e.cases[t.case_index].variant->name;
    if (run.empty() || run.back() != name) run.push_back(name);
    cases[t.block].insert(t.case_index);
  }
  for (const auto& [block, run] : runs) {
    EXPECT_EQ(run.size(), 3u) << block;
    EXPECT_EQ(cases[block].size(), 12u);
    orders.insert(run);
  }
  EXPECT_EQ(orders.size(), 6u);
}

TEST(Plan, SequentialVariantsKeepTheOrderOfTheFile) {
  Experiment e = in_variants(2, 2, 1);
  e.plan.order = Order::sequential;
  EXPECT_EQ(order_of(plan_trials(e)), (std::vector<std::size_t>{0, 2, 1, 3}));
}

TEST(Plan, SwitchesAreAPartOfItsLength) {
  Experiment e = in_variants(1, 2, 2);
  const Nanoseconds without = expected_length(e, plan_trials(e));
  auto slow = std::make_shared<Variant>();
  slow->name = "slow";
  slow->settle = 3 * kSecond;
  e.cases[1].variant = e.variants[1] = slow;
  const Nanoseconds with = expected_length(e, plan_trials(e));
  EXPECT_GE(with - without, 3 * kSecond);
  EXPECT_LE(with - without, 6 * kSecond);
}

TEST(Plan, Iperf3TrialsTakeWholeSeconds) {
  Case c;
  Options& o = c.options.edit();
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
  c.options.edit().duration = 60 * kSecond;
  EXPECT_GT(trial_timeout(e, c), 60 * kSecond);
  e.plan.timeout = 90 * kSecond;
  EXPECT_EQ(trial_timeout(e, c), 90 * kSecond);
}

}  // namespace
}  // namespace pingperf
