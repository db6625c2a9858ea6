#include "bench/calibration/families.h"

#include <cmath>

#include "harness/base/statistics.h"
#include "harness/results/trial_table.h"
#include "harness/verdicts/comparison.h"
#include "harness/verdicts/stopping.h"
#include "harness/verdicts/verdict.h"

namespace pingperf {
namespace {

std::vector<double> part(const std::vector<double>& values, std::size_t begin, std::size_t size) {
  const auto first = values.begin() + static_cast<std::ptrdiff_t>(begin);
  return {first, first + static_cast<std::ptrdiff_t>(size)};
}

// Judges as a run with only these blocks would.
Verdict judge_blocks(const LogRatios& ratios, const std::string& metric, std::size_t begin,
                     std::size_t size, const Significance& significance) {
  std::vector<Verdict> family(1);
  Verdict& verdict = family.front();
  verdict.metric = metric;
  set_ratio_estimate(verdict, estimate_paired(part(ratios.logs, begin, size), significance.level),
                     significance, 1);
  for (const auto* side : {&ratios.candidate, &ratios.baseline})
    if (verdict.warning.empty())
      verdict.warning = reliability_warning("", "", part(*side, begin, size), {});
  decide_family(family, significance);
  return family.front();
}

bool is_found(const Verdict& verdict) {
  return verdict.decision != Decision::same && verdict.decision != Decision::inconclusive;
}

bool is_found_naively(const LogRatios& ratios, std::size_t begin, std::size_t size) {
  const double ratio =
      mean(part(ratios.candidate, begin, size)) / mean(part(ratios.baseline, begin, size));
  return ratio > 1.1 || ratio < 1 / 1.1;
}

void describe_all(Calibration& c, const LogRatios& ratios) {
  if (ratios.logs.empty()) return;
  c.ratio = std::exp(median(ratios.logs));
  c.stddev = standard_deviation(ratios.logs).value_or(0);
}

}  // namespace

Calibration calibrate(const TrialTable& trials, const std::string& metric, const CasePair& pair,
                      std::uint64_t blocks) {
  const LogRatios ratios = log_ratios(trials, metric, pair);
  Calibration c;
  c.blocks = static_cast<double>(blocks);
  describe_all(c, ratios);
  for (std::size_t begin = 0; begin + blocks <= ratios.logs.size(); begin += blocks) {
    ++c.families;
    c.found += is_found(judge_blocks(ratios, metric, begin, blocks, {}));
    c.found_naively += is_found_naively(ratios, begin, blocks);
  }
  return c;
}

Calibration calibrate(const TrialTable& trials, const std::string& metric, const CasePair& pair,
                      std::uint64_t first, const Until& until) {
  Criteria criteria;
  criteria.repetitions = first;
  criteria.until = until;
  criteria.until->metrics = {metric};
  const std::vector<std::uint64_t> looks = interim_analyses(criteria);
  const Significance significance = significance_of(criteria);
  const LogRatios ratios = log_ratios(trials, metric, pair);
  Calibration c;
  describe_all(c, ratios);
  for (std::size_t begin = 0; begin + looks.back() <= ratios.logs.size(); begin += first) {
    ++c.families;
    for (std::uint64_t look : looks) {
      const Verdict verdict = judge_blocks(ratios, metric, begin, look, significance);
      const auto width = half_width(verdict);
      const bool is_narrow = width && *width <= until.relative_ci;
      if (!is_narrow && look != looks.back()) continue;
      c.found += is_found(verdict);
      c.found_naively += is_found_naively(ratios, begin, look);
      c.blocks += static_cast<double>(look);
      break;
    }
  }
  if (c.families > 0) c.blocks /= static_cast<double>(c.families);
  return c;
}

}  // namespace pingperf
