// The estimate of a run's length.
#include "harness/run/estimate.h"

#include <gtest/gtest.h>

#include <string>

#include "harness/agent/agents.h"
#include "harness/experiment/experiment_reader.h"

namespace pingperf {
namespace {

Experiment with_pairs(std::size_t count, const std::string& more = "") {
  std::string text = "name: x\nhosts:\n  at_once: " + std::to_string(count) + "\n  pairs:\n";
  for (std::size_t i = 0; i < count; ++i)
    text += "    - {client: {ssh: a" + std::to_string(i) + "}, server: {ssh: b, address: b}}\n";
  return parse_experiment(
      text + more +
          "plan: {repetitions: 2, cooldown: 0s}\n"
          "workloads: {w: {kind: latency, engine: blocking, duration: 1s, warmup: 0s}}\n",
      "x.yaml");
}

TEST(Estimate, CountsTheAgentOfEachHostAndEndOnce) {
  EXPECT_EQ(count_agents(with_pairs(50)), 51);
  EXPECT_EQ(count_agents(with_pairs(1)), 2);
  EXPECT_EQ(count_agents(with_pairs(3, "variants: {plain: {}}\n")), 6);
  Experiment copied = with_pairs(3);
  copied.hosts[1].server.edit().copy = true;
  EXPECT_EQ(count_agents(copied), 5);
  Experiment routed = with_pairs(1);
  routed.hosts[0].router = Host();
  EXPECT_EQ(count_agents(routed), 3);
}

TEST(Estimate, HasTheStartOfTheAgents) {
  const Experiment e = with_pairs(50);
  const Estimate estimate = estimate_run(e, plan_trials(e));
  EXPECT_EQ(estimate.start, 51 * 50 * kMillisecond);
  EXPECT_EQ(estimate_run(e, plan_trials(e), 7 * kSecond).start, 7 * kSecond);
  EXPECT_EQ(estimate.all(), estimate.start + estimate.trials);
}

TEST(Estimate, HasWhatEachTrialTakesBeyondItsLength) {
  const Experiment one = with_pairs(1), many = with_pairs(50);
  EXPECT_EQ(estimate_run(one, plan_trials(one)).trials, 2 * 1030 * kMillisecond);
  EXPECT_EQ(estimate_run(many, plan_trials(many)).trials, 2 * (1030 + 49 * 10) * kMillisecond);
}

TEST(Estimate, ASlowStartOfManyAgentsShowsASlowMachine) {
  const Experiment many = with_pairs(50), one = with_pairs(1);
  const Nanoseconds usual = estimate_run(many, plan_trials(many)).trials;
  EXPECT_EQ(estimate_run(many, plan_trials(many), kSecond).trials, usual);
  EXPECT_EQ(estimate_run(many, plan_trials(many), 2 * 51 * 50 * kMillisecond).trials,
            2 * kSecond + 2 * (usual - 2 * kSecond));
  EXPECT_EQ(estimate_run(one, plan_trials(one), 10 * kSecond).trials,
            estimate_run(one, plan_trials(one)).trials);
}

}  // namespace
}  // namespace pingperf
