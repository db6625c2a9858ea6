#include "harness/verdicts/verdict.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <boost/math/distributions/normal.hpp>
#include <cmath>
#include <map>

#include "harness/base/counted.h"
#include "harness/base/statistics.h"
#include "harness/results/columns.h"
#include "harness/results/metric_text.h"
#include "harness/results/metrics.h"
#include "harness/results/warnings.h"
#include "harness/verdicts/run_medians.h"

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

// Returns the smallest shift that matters.
double min_shift(const Verdict& v, const Significance& significance) {
  return v.is_difference ? *find_metric(v.metric)->min_difference
                         : std::log1p(significance.threshold);
}

bool is_unanimous(const Verdict& v, double threshold) {
  return v.shift->least > threshold || v.shift->most < -threshold;
}

// Returns true if the comparison can have a decision. Then it counts in its family.
bool is_decidable(const Verdict& v, const Significance& significance) {
  if (!v.shift || !v.shift->ci_low || v.trust == Trust::none) return false;
  return v.trust != Trust::unanimous_only || is_unanimous(v, min_shift(v, significance));
}

Decision decide(const Verdict& v, const Significance& significance) {
  if (!v.shift) return v.warning.empty() ? Decision::none : Decision::inconclusive;
  if (!is_decidable(v, significance)) return Decision::inconclusive;
  const ShiftEstimate& shift = *v.shift;
  const double threshold = min_shift(v, significance);
  const bool apart = *shift.ci_low > 0 || *shift.ci_high < 0;
  if (apart && std::abs(shift.center) > threshold && v.q_value.value_or(1) <= kLevel) {
    const Decision found = direction(v.metric, shift.center > 0);
    const bool is_hidden = v.trust == Trust::not_better && found == Decision::faster;
    return is_hidden ? Decision::inconclusive : found;
  }
  const bool is_same = shift.same_low && *shift.same_low >= -threshold &&
                       *shift.same_high <= threshold && v.trust != Trust::not_better;
  return is_same ? Decision::same : Decision::inconclusive;
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
std::string number(const Verdict& gate, double value, int more_digits) {
  if (!gate.baseline.empty()) return fmt::format("{:.{}g}", value, 4 + more_digits);
  return with_unit(gate.metric, value, more_digits)
      .value_or(fmt::format("{:.{}g}", value, 6 + more_digits));
}

// Returns a number as text without the zeros that end its decimals: "1.00 ms" is "1 ms".
std::string without_zeros(std::string text) {
  const std::size_t point = text.find('.'), unit = text.find_first_of(" %");
  if (point == std::string::npos || text.find('e') != std::string::npos) return text;
  const std::size_t end = std::min(unit, text.size());
  std::size_t last = end;
  while (last > point && (text[last - 1] == '0' || text[last - 1] == '.')) --last;
  return text.erase(last, end - last);
}

// Returns true if the figures of a gate that differ from a bound have another text, because "0.999,
// at least 0.999: failed" would hide why.
bool shows_differences(const Verdict& gate, int more_digits) {
  const auto is_told_apart = [&](const std::optional<double>& figure,
                                 const std::optional<double>& bound) {
    return !figure || !bound || *figure == *bound ||
           without_zeros(number(gate, *figure, more_digits)) !=
               without_zeros(number(gate, *bound, more_digits));
  };
  for (const auto& bound : {gate.bound->at_least, gate.bound->at_most})
    for (const auto& figure : {gate.value, gate.ci_low, gate.ci_high})
      if (!is_told_apart(figure, bound)) return false;
  return true;
}

// Returns a number of a gate with as many digits as tell its figures and its bounds apart.
std::string number(const Verdict& gate, double value) {
  constexpr int kMaxMore = 10;
  int more_digits = 0;
  while (more_digits < kMaxMore && !shows_differences(gate, more_digits)) ++more_digits;
  return number(gate, value, more_digits);
}

// Returns the standard error of the verdict's estimate, in standard deviations.
double error_sds(const Verdict& v) {
  const auto share = [](std::size_t n) { return 1 / static_cast<double>(n); };
  if (v.base_runs + v.runs > 2) return std::sqrt(share(v.base_runs) + share(v.runs));
  return std::sqrt(v.base_n == 0 ? share(v.n) : share(v.base_n) + share(v.n));
}

// Returns the standard deviations that the trials, or the runs, of the verdict find.
std::optional<double> detectable_sds(const Verdict& v, double level) {
  if (v.base_runs + v.runs > 2) return detectable_by_runs(v.base_runs, v.runs, level);
  if (v.base_n == 0) return detectable_by_pairs(v.n, level);
  return detectable_by_samples(v.base_n, v.n, level);
}

// Returns how many trials of each case or side find a shift of so many standard deviations.
std::size_t trials_to_detect(const Verdict& v, double sds, double level) {
  const double pairs = std::max(pairs_to_detect(sds, level), static_cast<double>(min_pairs(level)));
  return static_cast<std::size_t>(std::ceil(v.base_n == 0 ? pairs : 2 * pairs));
}

// Sets the change that the verdict could have found at the level, and the trials or runs that would
// decide it.
void set_power(Verdict& v, double detectable_sds, const Significance& significance, double level) {
  constexpr double kQuantileOfPower = 1.645;  // the estimate must be beyond the threshold, too
  constexpr std::size_t kMaxTrials = 2000;    // more trials than this are not advised
  const double threshold = min_shift(v, significance);
  const double spread = v.shift->stddev;
  if (spread <= 0 || (!v.is_difference && !ratio_of(v))) return;
  const bool has_two_sessions = v.base_runs + v.runs == 2 && !v.is_difference;
  const double sessions =
      has_two_sessions ? error_of_sessions(significance.session_sd.value_or(0)) : 0;
  const double quantile = boost::math::quantile(boost::math::normal(), 1 - level / 2);
  const double found_between_sessions = (quantile + kQuantileOfPower) * sessions;
  if (!v.is_difference)
    v.detectable_ratio = std::exp(
        std::max(std::hypot(detectable_sds * spread, found_between_sessions),
                 threshold + kQuantileOfPower * std::hypot(error_sds(v) * spread, sessions)));
  if (v.decision != Decision::inconclusive || v.trust != Trust::full) return;
  if (found_between_sessions >= threshold) return;  // for any number of trials
  const double wanted_sds =
      std::sqrt(threshold * threshold - found_between_sessions * found_between_sessions) / spread;
  const std::size_t runs = std::min(v.base_runs, v.runs);
  if (v.base_runs + v.runs > 2) {
    const auto wanted = runs_to_detect(wanted_sds, level);
    if (wanted) v.more_runs = *wanted > runs ? *wanted - runs : runs;
  } else if (const auto wanted = trials_to_detect(v, wanted_sds, level); wanted <= kMaxTrials) {
    const std::size_t trials = v.base_n == 0 ? v.n : std::min(v.base_n, v.n);
    v.more_repetitions = wanted > trials ? wanted - trials : trials;  // as many again
  }
}

std::string describe_comparison(const Verdict& v) {
  std::string text = fmt::format("{} {}:", v.case_name, v.metric);
  if (v.is_difference && v.value)
    text += fmt::format(" {} more than the base:", human_metric(v.metric, *v.value));
  else if (const auto ratio = ratio_of(v); ratio && v.ci_low && std::isfinite(*v.ci_high))
    text += fmt::format(" {:.3f} [{:.3f}, {:.3f}] of the base:", *ratio, *v.ci_low, *v.ci_high);
  else if (ratio)
    text += fmt::format(" {:.3f} of the base:", *ratio);
  else if (v.base_median && v.new_median)
    text += fmt::format(" {}, base {}:", human_metric(v.metric, *v.new_median),
                        human_metric(v.metric, *v.base_median));
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

void set_estimate(Verdict& verdict, const ShiftEstimate& shift, const Significance& significance) {
  const auto figure = [&](double of) { return verdict.is_difference ? of : ratio_of(of); };
  verdict.shift = shift;
  verdict.value = figure(shift.center);
  verdict.least = figure(shift.least);
  verdict.most = figure(shift.most);
  if (shift.ci_low) verdict.ci_low = figure(*shift.ci_low);
  if (shift.ci_high) verdict.ci_high = figure(*shift.ci_high);
  // Scaled so that 5 % is the limit at every look.
  verdict.p_value = std::min(1.0, shift.p_value * kLevel / significance.level);
}

void warn(Verdict& verdict, Trust trust, const std::string& warning) {
  if (warning.empty() || (!verdict.warning.empty() && verdict.trust >= trust)) return;
  verdict.trust = trust;
  verdict.warning = warning;
}

void warn_of_missing(Verdict& verdict, std::size_t missing, std::size_t all,
                     std::string_view what) {
  constexpr double kMaxMissing = 0.1;
  if (kMaxMissing * static_cast<double>(all) < static_cast<double>(missing))
    warn(verdict, Trust::not_better, fmt::format("{} of {} {}", missing, all, what));
}

std::optional<double> ratio_of(const Verdict& v) {
  const bool has_zero = v.base_median.value_or(1) <= 0 || v.new_median.value_or(1) <= 0;
  const bool is_ratio = !v.is_difference && !has_zero && v.value && *v.value > 0;
  return is_ratio && std::isfinite(*v.value) ? v.value : std::nullopt;
}

bool is_too_noisy(const Verdict& v) {
  return v.decision == Decision::inconclusive && v.trust == Trust::full && v.detectable_ratio &&
         !v.more_repetitions && !v.more_runs;
}

std::size_t min_pairs_of_family(std::size_t size, double level) {
  return min_pairs(level / static_cast<double>(std::max<std::size_t>(1, size)));
}

void decide_family(std::vector<Verdict>& family, const Significance& significance) {
  std::vector<double> p_values;
  for (const Verdict& v : family)
    if (is_decidable(v, significance)) p_values.push_back(*v.p_value);
  const std::vector<double> q = q_values(p_values);
  std::size_t next = 0;
  for (Verdict& v : family) {
    if (is_decidable(v, significance)) v.q_value = q[next++];
    v.decision = decide(v, significance);
  }
}

void add_power(std::vector<Verdict>& family, const Significance& significance) {
  const auto size = std::ranges::count_if(
      family, [&](const Verdict& v) { return is_decidable(v, significance); });
  const double level = significance.level / static_cast<double>(std::max<std::ptrdiff_t>(1, size));
  std::map<std::array<std::size_t, 4>, std::optional<double>> known;  // simulated once
  for (Verdict& v : family) {
    if (!is_decidable(v, significance)) continue;
    const auto [entry, is_new] = known.try_emplace({v.base_n, v.n, v.base_runs, v.runs});
    if (is_new) entry->second = detectable_sds(v, level);
    if (entry->second) set_power(v, *entry->second, significance, level);
  }
}

void decide_gate(Verdict& gate) {
  if (gate.n == 0 && gate.warning.empty()) {
    gate.decision = Decision::failed;
    gate.warning = "nothing was measured";
  } else if (gate.new_median == 0.0 && find_metric(gate.metric)->better == Better::higher) {
    gate.decision = Decision::failed;
    gate.warning = "more than half of the values are 0";
  } else if (!gate.ci_low) {
    gate.decision = Decision::undecided;
    if (gate.warning.empty())
      gate.warning = fmt::format("{} {} no interval", counted(gate.n, "value"),
                                 gate.n == 1 ? "makes" : "make");
  } else if (gate.trust == Trust::none) {
    gate.decision = Decision::undecided;
  } else if (gate.trust == Trust::unanimous_only) {
    gate.decision = decide_between(*gate.bound, gate.least, gate.most);
  } else {
    gate.decision = decide_between(*gate.bound, *gate.ci_low, *gate.ci_high);
    if (gate.trust == Trust::not_better && gate.decision == Decision::passed)
      gate.decision = Decision::undecided;
  }
}

bool fails(const Verdict& gate) {
  return gate.decision == Decision::failed ||
         (gate.decision == Decision::undecided && gate.bound->inconclusive == Inconclusive::fail);
}

std::optional<double> half_width(const Verdict& verdict) {
  if (!verdict.ci_low || !verdict.ci_high || !ratio_of(verdict)) return std::nullopt;
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
    return fmt::format("CPU time was stolen in {} of {} of {}", disturbed,
                       counted(values.size(), "trial"), case_name);
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
