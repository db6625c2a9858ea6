#include "harness/stopping.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/comparison.h"
#include "harness/gates.h"
#include "harness/statistics.h"

namespace pingperf {
namespace {

bool may_repeat(const Gate& gate) {
  return gate.inconclusive == Inconclusive::repeat;
}

// "bulk/engine=iperf3 throughput_bps ±3.1 %", when that is more than `wanted` or not known.
void add_if_wide(std::vector<std::string>& lines, const std::string& what,
                 const std::string& metric, std::optional<double> half_width, double wanted) {
  if (half_width && *half_width <= wanted) return;
  lines.push_back(half_width ? fmt::format("{} {} is known to ±{:.1f}%, not to ±{:g}%", what,
                                           metric, 100 * *half_width, 100 * wanted)
                             : fmt::format("{} {} has no interval", what, metric));
}

void add_wide_cases(std::vector<std::string>& lines, const std::string& metric,
                    const Experiment& experiment, const TrialTable& trials) {
  for (const Case& c : experiment.cases) {
    const std::vector<double> values = values_of(trials, c.name, metric);
    if (values.empty()) continue;  // a metric that its kind does not have, or only failures
    const auto interval = median_interval(values, strictness_of(experiment).level);
    const double center = median(values);
    std::optional<double> half_width;
    if (interval && center != 0)
      half_width = (interval->second - interval->first) / 2 / std::abs(center);
    add_if_wide(lines, c.name, metric, half_width, experiment.plan.until->relative_ci);
  }
}

void add_wide_pairs(std::vector<std::string>& lines, const std::string& metric,
                    const Experiment& experiment, const TrialTable& trials) {
  for (const Compare& compare : experiment.compare) {
    if (compare.metric != metric) continue;
    for (const CasePair& pair : compare.pairs) {
      const ComparisonRow row = compare_pair(metric, pair, trials, strictness_of(experiment));
      if (row.n == 0) continue;
      std::optional<double> half_width;
      if (row.ci_low) half_width = (*row.ci_high - *row.ci_low) / 2 / *row.ratio;
      add_if_wide(lines, fmt::format("{} to {}", pair.candidate, pair.baseline), metric, half_width,
                  experiment.plan.until->relative_ci);
    }
  }
}

}  // namespace

std::vector<std::uint64_t> looks_of(const Experiment& experiment) {
  const auto& until = experiment.plan.until;
  std::vector<std::uint64_t> looks{experiment.plan.repetitions};
  const bool is_open =
      until && (!until->metrics.empty() ||
                std::any_of(experiment.gates.begin(), experiment.gates.end(), may_repeat));
  while (is_open && looks.back() < until->at_most)
    looks.push_back(std::min(2 * looks.back(), until->at_most));
  return looks;
}

Strictness strictness_of(const Experiment& experiment) {
  return {.level = kLevel / static_cast<double>(looks_of(experiment).size())};
}

std::vector<std::string> unsettled(const Experiment& experiment, const TrialTable& trials) {
  std::vector<std::string> lines;
  if (const auto& until = experiment.plan.until)
    for (const std::string& metric : until->metrics)
      (until->of_comparisons ? add_wide_pairs : add_wide_cases)(lines, metric, experiment, trials);
  for (const GateRow& row : judge_gates(experiment, trials))
    if (may_repeat(*row.gate) && row.state == GateState::undecided)
      lines.push_back(fmt::format("gate {}", describe(row)));
  return lines;
}

}  // namespace pingperf
