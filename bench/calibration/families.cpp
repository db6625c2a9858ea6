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
Verdict judge_blocks(const Pairs& pairs, const std::string& metric, std::size_t begin,
                     std::size_t size, const Significance& significance) {
  std::vector<Verdict> family(1);
  Verdict& verdict = family.front();
  verdict.metric = metric;
  verdict.n = size;
  set_estimate(verdict, estimate_paired(part(pairs.shifts(false), begin, size), significance.level),
               significance);
  for (const auto* side : {&pairs.candidate, &pairs.baseline})
    warn(verdict, Trust::unanimous_only, reliability_warning("", "", part(*side, begin, size), {}));
  decide_family(family, significance);
  return family.front();
}

bool is_found(const Verdict& verdict) {
  return verdict.decision != Decision::same && verdict.decision != Decision::inconclusive;
}

bool is_found_by_means(const Pairs& pairs, std::size_t begin, std::size_t size) {
  const double ratio =
      mean(part(pairs.candidate, begin, size)) / mean(part(pairs.baseline, begin, size));
  return ratio > 1.1 || ratio < 1 / 1.1;
}

void describe_all(Calibration& c, const Pairs& pairs) {
  const std::vector<double> logs = pairs.shifts(false);
  if (logs.empty()) return;
  c.ratio = std::exp(median(logs));
  c.stddev = standard_deviation(logs).value_or(0);
}

}  // namespace

Calibration calibrate(const TrialTable& trials, const std::string& metric, const CasePair& pair,
                      std::uint64_t blocks) {
  const Pairs pairs = pairs_of(trials, metric, pair);
  Calibration c;
  c.blocks = static_cast<double>(blocks);
  describe_all(c, pairs);
  for (std::size_t begin = 0; begin + blocks <= pairs.candidate.size(); begin += blocks) {
    ++c.families;
    c.found += is_found(judge_blocks(pairs, metric, begin, blocks, {}));
    c.found_by_means += is_found_by_means(pairs, begin, blocks);
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
  const Pairs pairs = pairs_of(trials, metric, pair);
  Calibration c;
  describe_all(c, pairs);
  for (std::size_t begin = 0; begin + looks.back() <= pairs.candidate.size(); begin += first) {
    ++c.families;
    for (std::uint64_t look : looks) {
      const Verdict verdict =
          judge_blocks(pairs, metric, begin, look, significance_of(criteria, look));
      const auto width = half_width(verdict);
      const bool is_narrow = width && *width <= until.relative_ci;
      if (!is_narrow && look != looks.back()) continue;
      c.found += is_found(verdict);
      c.found_by_means += is_found_by_means(pairs, begin, look);
      c.blocks += static_cast<double>(look);
      break;
    }
  }
  if (c.families > 0) c.blocks /= static_cast<double>(c.families);
  return c;
}

}  // namespace pingperf
