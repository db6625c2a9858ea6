// Simulation: trials with a known change, and the rates of the verdicts on them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "harness/verdicts/verdict.h"

namespace pingperf {

enum class Shape { normal, heavy_tails, skewed, two_modes };

// How the logarithms of the values scatter. What a block or a session changes is of the machine and
// thus of both engines, except for engine_session_sd.
struct Setting {
  std::string name;
  double noise = 0.05;  // standard deviation of a trial; of the larger group of two_modes
  Shape shape = Shape::normal;
  double mode_ratio = 1;         // of two_modes: three trials of ten are slower by this factor
  double new_noise = 1;          // factor of the noise of the new side, or of the candidate
  double step = 0;               // values are multiples of it, as a share
  double drift = 0;              // standard deviation of the change from first to last trial
  double correlation = 0;        // of a trial with the case's next one; all noise is of the machine
  double sticky_ratio = 1;       // the machine is slower by this factor, or not, for 20 trials
  double session_sd = 0;         // between runs
  double engine_session_sd = 0;  // between runs, of each engine by itself
};

std::vector<Setting> simulated_settings();
// Returns the setting of that name. Throws std::out_of_range.
const Setting& simulated_setting(const std::string& name);

// The numbers of runs on both sides, and how they are compared.
struct Design {
  std::string name;
  std::size_t base_runs = 0;  // 0: two engines within one run
  std::size_t new_runs = 1;
  bool has_reference = false;          // as with --relative-to
  std::optional<double> session_sd{};  // as with --session-sd
};

std::vector<Design> simulated_designs();
const Design& simulated_design(const std::string& name);

// The verdicts on many simulated experiments.
struct Rates {
  std::size_t all = 0;
  std::size_t faster = 0, slower = 0, same = 0;  // of comparisons
  std::size_t passed = 0, failed = 0;            // of gates

  void add(Decision decision);
  double share(std::size_t part) const;
  double found() const { return share(faster + slower); }
};

// The experiments of one cell of a table. `change` is the true ratio of the new side to the base,
// or of the candidate to the baseline.
struct Experiments {
  std::size_t count = 2000;
  std::size_t trials = 10;  // per run
  double change = 1;
  std::uint64_t seed = 1;
};

// Returns the verdicts on so many comparisons.
Rates simulate_comparisons(const Setting& setting, const Design& design, const Experiments& e);

// Returns the verdicts on gates whose bound is the truth. `looks`: the gates repeat, and the run
// looks at its data so many times, at doubling numbers of blocks.
Rates simulate_ratio_gates(const Setting& setting, const Experiments& e, std::size_t looks = 1);
Rates simulate_absolute_gates(const Setting& setting, const Experiments& e);

// Returns in how many families of ten comparisons without a change, beside ten that have a tenfold
// change and a warning that forbids a verdict, one of the ten is found.
Rates simulate_families(const Setting& setting, const Design& design, const Experiments& e);

// Returns how many comparisons with a tenfold change are found beside `others` without a change.
Rates simulate_one_of_family(const Setting& setting, const Design& design, std::size_t others,
                             const Experiments& e);

// Returns detectable_ratio for the true standard deviation of the setting, which must be normal.
double true_detectable_ratio(const Setting& setting, const Design& design, std::size_t trials);

}  // namespace pingperf
