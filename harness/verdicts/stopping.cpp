#include "harness/verdicts/stopping.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "harness/base/counted.h"
#include "harness/base/statistics.h"
#include "harness/results/run_set.h"
#include "harness/verdicts/comparison.h"
#include "harness/verdicts/gates.h"
#include "harness/verdicts/run_medians.h"

namespace pingperf {
namespace {

// Adds a line if the width of the interval is more than `wanted` or not known.
void add_if_wide(std::vector<std::string>& lines, const std::string& what,
                 const std::string& metric, std::optional<double> width, double wanted) {
  if (width && *width <= wanted) return;
  lines.push_back(width ? fmt::format("{} {} is known to ±{:.1f}%, not to ±{:g}%", what, metric,
                                      100 * *width, 100 * wanted)
                        : fmt::format("{} {} has no interval", what, metric));
}

void add_wide_cases(std::vector<std::string>& lines, const std::string& metric,
                    const Experiment& experiment, const Criteria& criteria,
                    const TrialTable& trials) {
  const double level = significance_of(criteria, blocks_of(trials)).level;
  for (const Case& c : experiment.cases) {
    const std::vector<double> values = values_of(trials, c.name, metric);
    if (values.empty()) continue;  // the case has no such metric, or all trials failed
    const auto interval = median_interval(values, level);
    const double center = median(values);
    std::optional<double> width;
    if (interval) width = (interval->second - interval->first) / 2;
    if (width && *width > 0) *width /= std::abs(center);  // infinite for a median of 0
    add_if_wide(lines, c.name, metric, width, criteria.until->relative_ci);
  }
}

void add_wide_pairs(std::vector<std::string>& lines, const std::string& metric,
                    const Criteria& criteria, const TrialTable& trials) {
  const Significance significance = significance_of(criteria, blocks_of(trials));
  for (const Compare& compare : criteria.compare) {
    if (compare.metric != metric) continue;
    for (const CasePair& pair : compare.pairs) {
      const Verdict row = compare_pair(metric, pair, trials, significance);
      if (row.n == 0) continue;
      add_if_wide(lines, fmt::format("{} to {}", pair.candidate, pair.baseline), metric,
                  half_width(row), criteria.until->relative_ci);
    }
  }
}

}  // namespace

std::vector<std::string> undecidable(const Criteria& criteria) {
  const std::uint64_t most = interim_analyses(criteria).back();
  const double level = significance_of(criteria, most).level;
  std::vector<std::string> lines;
  if (const std::size_t fewest = min_pairs(level); !criteria.gates.empty() && most < fewest)
    lines.push_back(
        fmt::format("with {} the gates have no interval and decide nothing: they require {}",
                    counted(most, "repetition"), fewest));
  for (const Compare& compare : criteria.compare)
    if (const std::size_t fewest = min_pairs_of_family(compare.pairs.size(), level); most < fewest)
      lines.push_back(fmt::format(
          "with {} no change of {} can be found in {}: that requires {}",
          counted(most, "repetition"), compare.metric,
          compare.pairs.size() == 1 ? "the compared pair"
                                    : fmt::format("any of {} compared pairs", compare.pairs.size()),
          fewest));
  for (const Gate& gate : criteria.gates)
    if (gate.stored && !gate.pairs.empty() && gate.pairs.front().baseline.empty() &&
        !are_enough_runs(gate.stored->runs().size(), 1))
      lines.push_back(
          fmt::format("the gate on {} against {} decides nothing: it requires relative_to, or a "
                      "folder of 5 runs",
                      gate.metric, gate.against));
  return lines;
}

std::vector<std::string> unresolved(const Experiment& experiment, const Criteria& criteria,
                                    const TrialTable& trials) {
  std::vector<std::string> lines;
  const Until until = criteria.until.value_or(Until{});
  for (const std::string& metric : until.metrics) {
    if (until.of_comparisons)
      add_wide_pairs(lines, metric, criteria, trials);
    else
      add_wide_cases(lines, metric, experiment, criteria, trials);
  }
  for (const Verdict& row : judge_gates(criteria, trials))
    if (may_repeat(*row.bound) && row.decision == Decision::undecided)
      lines.push_back(fmt::format("gate {}", describe(row)));
  return lines;
}

}  // namespace pingperf
