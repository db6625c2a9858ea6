#include "harness/verdicts/verdict.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "harness/base/statistics.h"
#include "harness/results/columns.h"
#include "harness/results/metrics.h"
#include "harness/results/warnings.h"

namespace pingperf {
namespace {

Decision direction(const std::string& metric, bool up) {
  switch (find_metric(metric)->better) {
    case Better::higher:
      return up ? Decision::faster : Decision::slower;
    case Better::lower:
      return up ? Decision::slower : Decision::faster;
    default:
      return up ? Decision::higher : Decision::lower;
  }
}

Decision decide(const Verdict& v, double threshold) {
  if (!v.value) return v.warning.empty() ? Decision::none : Decision::inconclusive;
  if (!v.ci_low || !v.ci_high) return Decision::inconclusive;
  const double up = 1 + threshold, down = 1 / up;
  const bool unanimous = v.least > up || v.most < down;
  if (!v.warning.empty() && !unanimous) return Decision::inconclusive;
  const bool apart = *v.ci_low > 1 || *v.ci_high < 1;
  const bool large = *v.value > up || *v.value < down;
  if (apart && large && v.q_value.value_or(1) <= kLevel) return direction(v.metric, *v.value > 1);
  return *v.ci_low >= down && *v.ci_high <= up ? Decision::same : Decision::inconclusive;
}

// Returns the decision on values that lie between `low` and `high`.
Decision decide_between(const Bound& bound, double low, double high) {
  if ((bound.at_least && high < *bound.at_least) || (bound.at_most && low > *bound.at_most))
    return Decision::failed;
  const bool keeps =
      (!bound.at_least || low >= *bound.at_least) && (!bound.at_most || high <= *bound.at_most);
  return keeps ? Decision::passed : Decision::undecided;
}

// Returns a number of a gate: a ratio, or in the metric's unit.
std::string number(const Verdict& gate, double value) {
  return gate.baseline.empty() ? human_metric(gate.metric, value) : fmt::format("{:.4g}", value);
}

std::string describe_comparison(const Verdict& v) {
  std::string text = fmt::format("{} {}:", v.case_name, v.metric);
  if (v.value) text += fmt::format(" {:.3f}", *v.value);
  if (v.ci_low) text += fmt::format(" [{:.3f}, {:.3f}]", *v.ci_low, *v.ci_high);
  if (v.value) text += " of the base:";
  text += fmt::format(" {}", name(v.decision));
  if (!v.warning.empty()) text += fmt::format(" ({})", v.warning);
  return text;
}

}  // namespace

std::string_view name(Decision decision) {
  switch (decision) {
    case Decision::none:
      break;
    case Decision::faster:
      return "faster";
    case Decision::slower:
      return "slower";
    case Decision::higher:
      return "higher";
    case Decision::lower:
      return "lower";
    case Decision::same:
      return "same";
    case Decision::inconclusive:
      return "inconclusive";
    case Decision::passed:
      return "passed";
    case Decision::failed:
      return "failed";
    case Decision::undecided:
      return "undecided";
  }
  return "";
}

void set_ratio_estimate(Verdict& verdict, const ShiftEstimate& logs,
                        const Significance& significance, std::size_t trials) {
  verdict.value = std::exp(logs.center);
  verdict.least = std::exp(logs.least);
  verdict.most = std::exp(logs.most);
  if (logs.ci_low) verdict.ci_low = std::exp(*logs.ci_low);
  if (logs.ci_high) verdict.ci_high = std::exp(*logs.ci_high);
  // Of several moments at which the run may stop, any may be the lucky one (Bonferroni).
  verdict.p_value = std::min(1.0, logs.p_value * kLevel / significance.level);
  if (logs.stddev <= 0) return;
  verdict.detectable_ratio = std::exp(detectable_shift(
      logs.stddev, logs.weight, std::log1p(significance.threshold), significance.level));
  const double wanted = std::max(
      static_cast<double>(fewest_pairs(significance.level)),
      weight_to_detect(logs.stddev, std::log1p(significance.threshold), significance.level));
  const double more = wanted > logs.weight ? wanted - logs.weight : logs.weight;  // as many again
  verdict.more_repetitions = trials * static_cast<std::size_t>(std::ceil(more - 1e-9));
}

void decide_family(std::vector<Verdict>& family, const Significance& significance) {
  std::vector<double> p_values;
  for (const Verdict& v : family)
    if (v.p_value) p_values.push_back(*v.p_value);
  const std::vector<double> q = q_values(p_values);
  std::size_t next = 0;
  for (Verdict& v : family) {
    if (v.p_value) v.q_value = q[next++];
    v.decision = decide(v, significance.threshold);
    if (v.decision != Decision::inconclusive || !v.warning.empty()) v.more_repetitions.reset();
  }
}

void decide_gate(Verdict& gate) {
  if (gate.n == 0 && gate.warning.empty()) {
    gate.decision = Decision::failed;
    gate.warning = "nothing was measured";
  } else if (!gate.ci_low) {
    gate.decision = Decision::undecided;
    if (gate.warning.empty()) gate.warning = fmt::format("{} values make no interval", gate.n);
  } else if (gate.warning.empty()) {
    gate.decision = decide_between(*gate.bound, *gate.ci_low, *gate.ci_high);
  } else {  // the interval is unreliable, but all trials may agree
    gate.decision = decide_between(*gate.bound, gate.least, gate.most);
  }
}

bool fails(const Verdict& gate) {
  return gate.decision == Decision::failed ||
         (gate.decision == Decision::undecided && gate.bound->inconclusive == Inconclusive::fail);
}

std::optional<double> half_width(const Verdict& verdict) {
  if (!verdict.ci_low || !verdict.ci_high) return std::nullopt;
  return (*verdict.ci_high - *verdict.ci_low) / 2 / *verdict.value;
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

std::string value_text(const Verdict& gate) {
  return gate.value ? number(gate, *gate.value) : "-";
}

std::string interval_text(const Verdict& gate) {
  if (!gate.ci_low) return "-";
  return fmt::format("[{}, {}]", number(gate, *gate.ci_low), number(gate, *gate.ci_high));
}

std::string bound_text(const Verdict& gate) {
  std::string text;
  if (const auto& least = gate.bound->at_least) text = "at least " + number(gate, *least);
  if (const auto& most = gate.bound->at_most)
    text += fmt::format("{}at most {}", text.empty() ? "" : ", ", number(gate, *most));
  return text;
}

std::string describe(const Verdict& verdict) {
  if (!verdict.bound) return describe_comparison(verdict);
  std::string text = fmt::format("{} {}: {} {}", verdict.case_name, verdict.metric,
                                 value_text(verdict), interval_text(verdict));
  if (!verdict.baseline.empty()) text += " of " + verdict.baseline;
  text += ", " + bound_text(verdict);
  if (!verdict.warning.empty()) text += fmt::format(" ({})", verdict.warning);
  return text;
}

}  // namespace pingperf
