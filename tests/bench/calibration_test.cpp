// The fast version of tools/calibrate: verdicts on simulated trials, whose noise is that of
// measured trials.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "bench/calibration/families.h"
#include "harness/results/columns.h"
#include "harness/results/trial_table.h"
#include "tests/results/record_samples.h"

namespace pingperf {
namespace {

constexpr std::uint64_t kBlocks = 3000;

// Simulates trials of two cases with the true ratio `ratio`. Both share a slow drift of the
// machine, each trial has its own noise, and one trial in two hundred is disturbed.
TrialTable simulate(Samples& samples, double ratio, double noise, std::uint64_t seed) {
  const Case& even = samples.add_case("bulk", {{"engine", "even"}});
  const Case& other = samples.add_case("bulk", {{"engine", "other"}});
  std::mt19937_64 random(seed);
  std::normal_distribution<> normal;
  std::bernoulli_distribution is_disturbed(0.005);
  std::string text = trials_header();
  double drift = 0;
  for (std::uint64_t block = 1; block <= kBlocks; ++block) {
    drift = 0.95 * drift + 0.05 * normal(random);
    const auto trial = [&](const Case& c, double speed) {
      const double log = drift + noise * normal(random) - (is_disturbed(random) ? 0.7 : 0);
      text += trial_row(
          samples.transfer(c, block, static_cast<std::uint64_t>(1e9 * speed * std::exp(log))));
    };
    trial(even, 1);
    trial(other, ratio);
  }
  return TrialTable(CsvTable::parse(text, "trials.csv"));
}

const CasePair kPair{"bulk/engine=other", "bulk/engine=even"};
const Until kUntil{{}, 0.04, true, 80};
constexpr double kNoise = 0.09 / 1.414;  // per case; 0.09 for the ratio (one CPU, 1 s)

double share(std::size_t part, std::size_t whole) {
  return static_cast<double>(part) / static_cast<double>(whole);
}

TEST(Calibration, NoChangeRaisesAtMostOneAlarmInTwenty) {
  Samples samples;
  const TrialTable trials = simulate(samples, 1, kNoise, 1);
  const Calibration fixed = calibrate(trials, "throughput_bps", kPair, 10);
  EXPECT_EQ(fixed.families, 300u);
  EXPECT_LE(share(fixed.found, fixed.families), 0.05 + 3 * 0.0126);  // three standard deviations
  const Calibration until = calibrate(trials, "throughput_bps", kPair, 10, kUntil);
  EXPECT_LE(share(until.found, until.families), 0.05 + 3 * 0.0126);
}

TEST(Calibration, ASlowdownOfAQuarterIsFoundAtTheDefaultRepetitions) {
  Samples samples;
  const Calibration c =
      calibrate(simulate(samples, 1 / 1.25, kNoise, 2), "throughput_bps", kPair, 10);
  EXPECT_GE(share(c.found, c.families), 0.95);
}

TEST(Calibration, ASlowdownOfATenthIsFoundWithinUntil) {
  Samples samples;
  const TrialTable trials = simulate(samples, 1 / 1.10, kNoise, 3);
  const Calibration c = calibrate(trials, "throughput_bps", kPair, 10, kUntil);
  EXPECT_GE(share(c.found, c.families), 0.95);
  EXPECT_GT(c.blocks, 10);
  EXPECT_LE(c.blocks, 80);
}

// The naive rule of docs/statistics.md: means that differ by 10 % are different.
TEST(Calibration, TheNaiveRuleFindsLess) {
  Samples samples;
  const TrialTable trials = simulate(samples, 1 / 1.10, kNoise, 4);
  const Calibration c = calibrate(trials, "throughput_bps", kPair, 20);
  EXPECT_LT(c.found_by_means, c.found);
}

}  // namespace
}  // namespace pingperf
