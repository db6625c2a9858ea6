#include "harness/verdicts/effect.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "harness/base/statistics.h"
#include "harness/results/columns.h"
#include "harness/results/metrics.h"
#include "harness/results/warnings.h"

namespace pingperf {
namespace {

std::string direction(const std::string& metric, bool up) {
  switch (find_metric(metric)->better) {
    case Better::higher:
      return up ? "faster" : "slower";
    case Better::lower:
      return up ? "slower" : "faster";
    default:
      return up ? "higher" : "lower";
  }
}

std::string verdict_on(const Effect& effect, double threshold) {
  if (!effect.ratio) return effect.remark.empty() ? "" : "inconclusive";
  if (!effect.ci_low || !effect.ci_high) return "inconclusive";
  const double up = 1 + threshold, down = 1 / up;
  const bool unanimous = effect.least > up || effect.most < down;
  if (!effect.remark.empty() && !unanimous) return "inconclusive";
  const bool apart = *effect.ci_low > 1 || *effect.ci_high < 1;
  const bool large = *effect.ratio > up || *effect.ratio < down;
  if (apart && large && effect.q_value.value_or(1) <= kLevel)
    return direction(effect.metric, *effect.ratio > 1);
  return *effect.ci_low >= down && *effect.ci_high <= up ? "same" : "inconclusive";
}

}  // namespace

void set_ratio_estimate(Effect& effect, const ShiftEstimate& logs, const Significance& significance,
                        std::size_t trials) {
  effect.ratio = std::exp(logs.center);
  effect.least = std::exp(logs.least);
  effect.most = std::exp(logs.most);
  if (logs.ci_low) effect.ci_low = std::exp(*logs.ci_low);
  if (logs.ci_high) effect.ci_high = std::exp(*logs.ci_high);
  // Of several moments at which the run may stop, any may be the lucky one (Bonferroni).
  effect.p_value = std::min(1.0, logs.p_value * kLevel / significance.level);
  if (logs.stddev <= 0) return;
  effect.detectable_ratio = std::exp(detectable_shift(
      logs.stddev, logs.weight, std::log1p(significance.threshold), significance.level));
  const double wanted = std::max(
      static_cast<double>(fewest_pairs(significance.level)),
      weight_to_detect(logs.stddev, std::log1p(significance.threshold), significance.level));
  const double more = wanted > logs.weight ? wanted - logs.weight : logs.weight;  // as many again
  effect.more_repetitions = trials * static_cast<std::size_t>(std::ceil(more - 1e-9));
}

void judge(const std::vector<Effect*>& family, const Significance& significance) {
  std::vector<double> p_values;
  for (const Effect* effect : family)
    if (effect->p_value) p_values.push_back(*effect->p_value);
  const std::vector<double> q = q_values(p_values);
  std::size_t next = 0;
  for (Effect* const effect : family) {
    if (effect->p_value) effect->q_value = q[next++];
    effect->verdict = verdict_on(*effect, significance.threshold);
    if (effect->verdict != "inconclusive" || !effect->remark.empty())
      effect->more_repetitions.reset();
  }
}

std::optional<double> half_width(const Effect& effect) {
  if (!effect.ci_low || !effect.ci_high) return std::nullopt;
  return (*effect.ci_high - *effect.ci_low) / 2 / *effect.ratio;
}

std::string reliability_warning(const std::string& case_name, std::string_view metric,
                                const std::vector<double>& values,
                                const std::vector<double>& steal_ratios) {
  if (const auto modes = find_modes(values))
    return fmt::format("{} is bimodal: {} trials near {}, {} near {}", case_name, modes->low_count,
                       human_metric(metric, modes->low), modes->high_count,
                       human_metric(metric, modes->high));
  const auto disturbed = static_cast<std::size_t>(std::count_if(
      steal_ratios.begin(), steal_ratios.end(), [](double steal) { return steal > kHighSteal; }));
  if (3 * disturbed > values.size())
    return fmt::format("CPU time was stolen in {} of {} trials of {}", disturbed, values.size(),
                       case_name);
  return "";
}

}  // namespace pingperf
