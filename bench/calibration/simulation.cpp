#include "bench/calibration/simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numbers>
#include <stdexcept>

#include "harness/base/statistics.h"
#include "harness/results/run_set.h"
#include "harness/results/trial_table.h"
#include "harness/verdicts/comparison.h"
#include "harness/verdicts/gates.h"
#include "harness/verdicts/run_comparison.h"

namespace pingperf {
namespace {

const std::string kMetric = "throughput_bps";
const CasePair kPair{"bulk/engine=candidate", "bulk/engine=baseline"};

using Random = std::mt19937_64;

double normal(Random& random) {
  return std::normal_distribution<>()(random);
}

bool happens(Random& random, double probability) {
  return std::bernoulli_distribution(probability)(random);
}

// Returns the noise of one trial.
double noise_of(const Setting& setting, double factor, Random& random) {
  const double sd = setting.noise * factor;
  switch (setting.shape) {
    case Shape::heavy_tails:
      return sd / std::numbers::sqrt3 * std::student_t_distribution<>(3)(random);
    case Shape::skewed:
      return sd * (1 - std::exponential_distribution<>()(random));
    case Shape::two_modes:
      return sd * normal(random) - (happens(random, 0.3) ? std::log(setting.mode_ratio) : 0);
    default:
      return sd * normal(random);
  }
}

// The state of the machine from trial to trial of one run.
class Machine {
 public:
  Machine(const Setting& setting, std::size_t trials, Random& random)
      : setting_(setting),
        slope_(setting.drift * normal(random) / static_cast<double>(trials)),
        level_(setting.session_sd * normal(random) - slope_ * static_cast<double>(trials) / 2),
        series_(setting.noise * normal(random)),
        is_slow_(happens(random, 0.5)) {}

  double next(Random& random) {
    level_ += slope_;
    if (setting_.sticky_ratio > 1 && happens(random, 0.05)) is_slow_ = !is_slow_;
    double log = level_ - (is_slow_ ? std::log(setting_.sticky_ratio) : 0);
    if (setting_.correlation > 0) {
      const double r = std::sqrt(setting_.correlation);  // two trials per block
      series_ = r * series_ + std::sqrt(1 - r * r) * setting_.noise * normal(random);
      log += series_;
    }
    return log;
  }

 private:
  const Setting& setting_;
  double slope_, level_, series_;
  bool is_slow_;
};

// How the two engines of a run are to be.
struct Truth {
  double candidate = 0, baseline = 0;  // logarithms
  double noise = 1;                    // factor of the candidate's noise
};

void add_row(std::string& text, const std::string& case_name, std::size_t block, double log,
             double step) {
  double value = std::exp(log);
  if (step > 0) value = std::max(1.0, std::round(value / step)) * step;
  fmt::format_to(std::back_inserter(text), "1,simulation,bulk,{},{},ok,{}\n", case_name, block,
                 1e9 * value);
}

// Appends the trials of one run of two cases, or of the candidate alone.
void add_trials(std::string& text, bool has_baseline, const Setting& setting, const Truth& truth,
                std::size_t blocks, Random& random) {
  Machine machine(setting, 2 * blocks, random);
  const double candidate = truth.candidate + setting.engine_session_sd * normal(random);
  const double baseline = truth.baseline + setting.engine_session_sd * normal(random);
  const bool is_of_machine = setting.correlation > 0;
  for (std::size_t block = 1; block <= blocks; ++block) {
    const bool is_swapped = happens(random, 0.5);
    for (bool is_first : {true, false}) {
      const bool is_candidate = is_first != is_swapped;
      const double of_machine = machine.next(random);
      if (!is_candidate && !has_baseline) continue;
      const double own =
          is_of_machine ? 0 : noise_of(setting, is_candidate ? truth.noise : 1, random);
      add_row(text, is_candidate ? kPair.candidate : kPair.baseline, block,
              of_machine + own + (is_candidate ? candidate : baseline), setting.step);
    }
  }
}

TrialTable table_of(const std::string& rows) {
  return TrialTable(CsvTable::parse(
      "run,experiment,workload,case,block,status," + kMetric + "\n" + rows, "simulation"));
}

TrialTable simulate_run(const Setting& setting, const Truth& truth, std::size_t blocks,
                        Random& random, bool has_baseline = true) {
  std::string rows;
  add_trials(rows, has_baseline, setting, truth, blocks, random);
  return table_of(rows);
}

// Returns the runs of one side, with the baseline only if it is the reference.
RunSet simulate_side(const Setting& setting, const Design& design, std::size_t runs,
                     const Truth& truth, std::size_t trials, Random& random) {
  RunSet set;
  for (std::size_t i = 0; i < runs; ++i)
    set.add(simulate_run(setting, truth, trials, random, design.has_reference));
  return set;
}

Significance significance_of(const Design& design) {
  return {.session_sd = design.session_sd};
}

// Returns one comparison, not decided.
Verdict compare(const Setting& setting, const Design& design, double change, std::size_t trials,
                Random& random) {
  const Truth changed{std::log(change), 0, setting.new_noise};
  if (design.base_runs == 0)
    return compare_pair(kMetric, kPair, simulate_run(setting, changed, trials, random), {});
  const RunSet base = simulate_side(setting, design, design.base_runs, {}, trials, random);
  const RunSet now = simulate_side(setting, design, design.new_runs, changed, trials, random);
  return compare_case(kMetric, kPair.candidate, base, now,
                      design.has_reference ? kPair.baseline : "", significance_of(design));
}

bool has_found(const Verdict& v) {
  return v.decision == Decision::faster || v.decision == Decision::slower;
}

Gate gate_of(const std::string& baseline, double at_least) {
  Gate gate;
  gate.metric = kMetric;
  gate.pairs = {{kPair.candidate, baseline}};
  gate.bound.at_least = at_least;
  return gate;
}

// Returns the standard deviation of a run's median, or of its relative median.
double deviation_of_run(const Setting& setting, const Design& design, std::size_t trials) {
  constexpr std::size_t kRuns = 4000;
  Random random(7);
  std::vector<double> medians;
  for (std::size_t run = 0; run < kRuns; ++run) {
    std::vector<double> logs(trials);
    for (double& log : logs)
      log =
          noise_of(setting, 1, random) - (design.has_reference ? noise_of(setting, 1, random) : 0);
    medians.push_back(median(logs));
  }
  return std::hypot(
      standard_deviation(medians).value(),
      design.has_reference ? setting.engine_session_sd * std::numbers::sqrt2 : setting.session_sd);
}

// Returns the standard deviation that detectable_ratio of the design is about.
double true_deviation(const Setting& setting, const Design& design, std::size_t trials) {
  if (design.base_runs + design.new_runs > 2) return deviation_of_run(setting, design, trials);
  const bool is_of_two = design.base_runs == 0 || design.has_reference;
  return setting.noise * (is_of_two ? std::numbers::sqrt2 : 1);
}

template <typename Item>
const Item& named(const std::vector<Item>& items, const std::string& name) {
  for (const Item& item : items)
    if (item.name == name) return item;
  throw std::out_of_range("no simulation of " + name);
}

}  // namespace

std::vector<Setting> simulated_settings() {
  return {
      {.name = "normal, sd 1 %", .noise = 0.01},
      {.name = "normal, sd 5 %"},
      {.name = "normal, sd 15 %", .noise = 0.15},
      {.name = "heavy tails (t3)", .shape = Shape::heavy_tails},
      {.name = "skewed", .shape = Shape::skewed},
      {.name = "two modes, 1.3", .noise = 0.03, .shape = Shape::two_modes, .mode_ratio = 1.3},
      {.name = "two modes, 1.8", .noise = 0.03, .shape = Shape::two_modes, .mode_ratio = 1.8},
      {.name = "three times the noise on one side", .new_noise = 3},
      {.name = "values in steps of 5 %", .step = 0.05},
      {.name = "drift, sd 10 % per run", .drift = 0.1},
      {.name = "AR(1), 0.6", .correlation = 0.6},
      {.name = "sticky modes of the machine, 1.3", .sticky_ratio = 1.3},
      {.name = "sessions, sd 3 %", .session_sd = 0.03},
      {.name = "sessions, sd 6 %", .session_sd = 0.06},
      {.name = "engine × session, sd 1 %", .engine_session_sd = 0.01},
      {.name = "engine × session, sd 2 %", .engine_session_sd = 0.02},
      {.name = "engine × session, sd 3 %", .engine_session_sd = 0.03},
  };
}

const Setting& simulated_setting(const std::string& name) {
  static const std::vector<Setting> settings = simulated_settings();
  return named(settings, name);
}

std::vector<Design> simulated_designs() {
  return {
      {.name = "within a run"},
      {.name = "1 + 1", .base_runs = 1},
      {.name = "1 + 1, sd 3 %", .base_runs = 1, .session_sd = 0.03},
      {.name = "1 + 1, reference",
       .base_runs = 1,
       .has_reference = true,
       .session_sd = kReferenceSessionSd},
      {.name = "3 + 3", .base_runs = 3, .new_runs = 3},
      {.name = "5 + 1", .base_runs = 5},
      {.name = "5 + 1, reference", .base_runs = 5, .has_reference = true},
      {.name = "5 + 5", .base_runs = 5, .new_runs = 5},
      {.name = "10 + 1", .base_runs = 10},
  };
}

const Design& simulated_design(const std::string& name) {
  static const std::vector<Design> designs = simulated_designs();
  return named(designs, name);
}

void Rates::add(Decision decision) {
  ++all;
  faster += decision == Decision::faster;
  slower += decision == Decision::slower;
  same += decision == Decision::same;
  passed += decision == Decision::passed;
  failed += decision == Decision::failed;
}

double Rates::share(std::size_t part) const {
  return static_cast<double>(part) / static_cast<double>(all);
}

Rates simulate_comparisons(const Setting& setting, const Design& design, const Experiments& e) {
  Random random(e.seed);
  Rates rates;
  for (std::size_t i = 0; i < e.count; ++i) {
    std::vector<Verdict> family{compare(setting, design, e.change, e.trials, random)};
    decide_family(family, significance_of(design));
    rates.add(family.front().decision);
  }
  return rates;
}

Rates simulate_ratio_gates(const Setting& setting, const Experiments& e, std::size_t looks) {
  Random random(e.seed);
  Criteria criteria;
  criteria.repetitions = e.trials;
  criteria.gates = {gate_of(kPair.baseline, 1)};
  criteria.gates.front().bound.inconclusive = Inconclusive::repeat;
  criteria.until = Until{};
  criteria.until->at_most = e.trials << (looks - 1);
  Rates rates;
  for (std::size_t i = 0; i < e.count; ++i) {
    const Truth truth{.noise = setting.new_noise};
    const TrialTable trials = simulate_run(setting, truth, criteria.until->at_most, random);
    Decision decision = Decision::undecided;
    for (std::uint64_t look : interim_analyses(criteria)) {
      decision = judge_gates(criteria, trials.first(look)).front().decision;
      if (decision != Decision::undecided) break;
    }
    rates.add(decision);
  }
  return rates;
}

Rates simulate_absolute_gates(const Setting& setting, const Experiments& e) {
  Random random(e.seed);
  std::vector<double> logs(200'001);
  for (double& log : logs) log = noise_of(setting, 1, random);
  Criteria criteria;
  criteria.repetitions = e.trials;
  criteria.gates = {gate_of("", 1e9 * std::exp(median(logs)))};
  Rates rates;
  for (std::size_t i = 0; i < e.count; ++i)
    rates.add(judge_gates(criteria, simulate_run(setting, {}, e.trials, random)).front().decision);
  return rates;
}

Rates simulate_families(const Setting& setting, const Design& design, const Experiments& e) {
  constexpr std::size_t kRows = 10;
  Random random(e.seed);
  Rates rates;
  for (std::size_t i = 0; i < e.count; ++i) {
    std::vector<Verdict> family;
    for (std::size_t row = 0; row < kRows; ++row) {
      family.push_back(compare(setting, design, 1, e.trials, random));
      Verdict& v = family.emplace_back(compare(setting, design, 0.1, e.trials, random));
      warn(v, Trust::none, "not the same case");
    }
    decide_family(family, significance_of(design));
    bool is_alarm = false;
    for (std::size_t row = 0; row < family.size(); row += 2)
      is_alarm = is_alarm || has_found(family[row]);
    rates.add(is_alarm ? Decision::slower : Decision::inconclusive);
  }
  return rates;
}

Rates simulate_one_of_family(const Setting& setting, const Design& design, std::size_t others,
                             const Experiments& e) {
  Random random(e.seed);
  Rates rates;
  for (std::size_t i = 0; i < e.count; ++i) {
    std::vector<Verdict> family{compare(setting, design, 0.1, e.trials, random)};
    for (std::size_t row = 0; row < others; ++row)
      family.push_back(compare(setting, design, 1, e.trials, random));
    decide_family(family, significance_of(design));
    rates.add(family.front().decision);
  }
  return rates;
}

double true_detectable_ratio(const Setting& setting, const Design& design, std::size_t trials) {
  Random random(1);  // for the counts; the deviation is set
  Verdict v = compare(setting, design, 1, trials, random);
  v.trust = Trust::full;
  v.shift->stddev = true_deviation(setting, design, trials);
  std::vector<Verdict> family{v};
  add_power(family, significance_of(design));
  return family.front().detectable_ratio.value();
}

}  // namespace pingperf
