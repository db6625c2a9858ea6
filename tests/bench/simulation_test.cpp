// The fast version of tools/calibrate --simulate: the error rates that docs/statistics.md promises.
// Seeded. Each bound leaves three standard deviations of the simulated share.
#include "bench/calibration/simulation.h"

#include <gtest/gtest.h>

#include <cmath>

namespace pingperf {
namespace {

constexpr std::size_t kCount = 200;
constexpr double kAlarms = 0.065, kWronglySame = 0.05, kPower = 0.92, kGateSide = 0.032;

double margin(double share, std::size_t count = kCount) {
  return 3 * std::sqrt(share * (1 - share) / static_cast<double>(count));
}

Rates simulate(const std::string& setting, const std::string& design, double change,
               std::size_t trials = 10, std::size_t count = kCount) {
  return simulate_comparisons(simulated_setting(setting), simulated_design(design),
                              {count, trials, change});
}

// Designs whose verdicts must also be right for other sessions.
const char* const kAcrossSessions[] = {"3 + 3", "5 + 1", "5 + 5"};

TEST(Simulation, NoChangeRaisesFewAlarmsAcrossSessions) {
  for (const Setting& setting : simulated_settings())
    for (const char* design : kAcrossSessions)
      EXPECT_LE(simulate(setting.name, design, 1).found(), kAlarms + margin(kAlarms))
          << setting.name << ", " << design;
}

TEST(Simulation, NoChangeRaisesFewAlarmsWithinASession) {
  for (const Setting& setting : simulated_settings())
    for (const char* design : {"within a run", "1 + 1, reference"}) {
      if (setting.engine_session_sd > 0) continue;
      EXPECT_LE(simulate(setting.name, design, 1).found(), kAlarms + margin(kAlarms))
          << setting.name << ", " << design;
    }
}

TEST(Simulation, OneRunPerSideHasNoVerdictWithoutMore) {
  for (double change : {1.0, 0.8}) {
    const Rates rates = simulate("sessions, sd 3 %", "1 + 1", change);
    EXPECT_EQ(rates.found() + rates.share(rates.same), 0);
  }
}

TEST(Simulation, ASessionSpreadMakesAVerdictOfOneRunPerSide) {
  const Rates same = simulate("sessions, sd 3 %", "1 + 1, sd 3 %", 1);
  EXPECT_LE(same.found(), kAlarms + margin(kAlarms));
  const Rates slower = simulate("sessions, sd 3 %", "1 + 1, sd 3 %", 1 / 1.25);
  EXPECT_GE(slower.share(slower.slower), 0.95 - margin(0.95));
  const Rates relative = simulate("engine × session, sd 3 %", "1 + 1, reference", 1);
  EXPECT_LE(relative.found(), kAlarms + margin(kAlarms));
}

TEST(Simulation, ATenthIsFoundWithFiveRunsPerSide) {
  const Rates rates = simulate("sessions, sd 3 %", "5 + 5", 1 / 1.1);
  EXPECT_GE(rates.share(rates.slower), 0.95 - margin(0.95));
}

TEST(Simulation, MoreRunsFindMore) {
  for (const char* setting : {"normal, sd 15 %", "sessions, sd 3 %", "sessions, sd 6 %"}) {
    const auto found = [&](const char* design) {
      return simulate(setting, design, 1 / 1.1).found();
    };
    EXPECT_GE(found("5 + 5"), found("3 + 3")) << setting;
    EXPECT_GE(found("5 + 5"), found("5 + 1")) << setting;
    EXPECT_GE(found("10 + 1"), found("5 + 1")) << setting;
  }
}

TEST(Simulation, SixPercentSlowerIsRarelyTheSame) {
  for (const char* setting : {"normal, sd 5 %", "sessions, sd 3 %"})
    for (const Design& design : simulated_designs()) {
      const Rates rates = simulate(setting, design.name, 1 / 1.06);
      EXPECT_LE(rates.share(rates.same), kWronglySame + margin(kWronglySame))
          << setting << ", " << design.name;
    }
}

TEST(Simulation, TheDetectableRatioIsFound) {
  for (const char* setting : {"normal, sd 15 %", "sessions, sd 3 %"})
    for (const Design& design : simulated_designs()) {
      if (design.name == "1 + 1") continue;  // no verdict
      const double change = true_detectable_ratio(simulated_setting(setting), design, 10);
      const Rates rates = simulate(setting, design.name, 1 / change);
      EXPECT_GE(rates.share(rates.slower), kPower - margin(kPower))
          << setting << ", " << design.name;
    }
}

TEST(Simulation, GatesOnTheirBoundAreRarelyDecided) {
  const Experiments e{.count = kCount};
  for (const char* setting : {"normal, sd 5 %", "heavy tails (t3)", "skewed"})
    for (const Rates& rates : {simulate_ratio_gates(simulated_setting(setting), e),
                               simulate_ratio_gates(simulated_setting(setting), e, 4),
                               simulate_absolute_gates(simulated_setting(setting), e)}) {
      EXPECT_LE(rates.share(rates.failed), kGateSide + margin(kGateSide)) << setting;
      EXPECT_LE(rates.share(rates.passed), kGateSide + margin(kGateSide)) << setting;
    }
}

TEST(Simulation, RowsWithoutAVerdictDoNotLoosenTheirFamily) {
  const Experiments e{.count = 100};
  for (const char* design : {"within a run", "5 + 1"}) {
    const Rates rates =
        simulate_families(simulated_setting("sessions, sd 3 %"), simulated_design(design), e);
    EXPECT_LE(rates.found(), kAlarms + margin(kAlarms, e.count)) << design;
  }
}

TEST(Simulation, ATenfoldChangeIsFoundInAFamilyOfTen) {
  for (const char* design : {"within a run", "3 + 3", "5 + 1", "5 + 5", "10 + 1"})
    EXPECT_EQ(simulate_one_of_family(simulated_setting("sessions, sd 3 %"),
                                     simulated_design(design), 9, {.count = 10})
                  .found(),
              1)
        << design;
}

}  // namespace
}  // namespace pingperf
