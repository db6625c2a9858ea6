#include "harness/verdicts/run_medians.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>

#include "harness/base/statistics.h"

namespace pingperf {
namespace {

constexpr double kWantedPower = 0.95;

double t_quantile(double p, double freedom) {
  return boost::math::quantile(boost::math::students_t(freedom), p);
}

std::vector<double> medians_of(const RunValues& runs) {
  std::vector<double> medians;
  for (const std::vector<double>& run : runs) medians.push_back(median(run));
  return medians;
}

// Returns the two-sided p of a shift.
double t_p(double shift, double error, std::size_t freedom) {
  if (error <= 0) return shift == 0 ? 1 : 0;
  if (!std::isfinite(shift / error)) return 1;  // figures near the limits of a double
  const boost::math::students_t t(static_cast<double>(freedom));
  return 2 * boost::math::cdf(t, -std::abs(shift) / error);
}

double square(double x) {
  return x * x;
}

struct Deviations {
  double squares = 0;
  std::size_t freedom = 0;

  void add(const std::vector<double>& values) {
    if (values.empty()) return;
    const double center = mean(values);
    for (double value : values) squares += (value - center) * (value - center);
    freedom += values.size() - 1;
  }
  double variance() const { return freedom == 0 ? 0 : squares / static_cast<double>(freedom); }
};

// Returns the variance that the mean of the medians of a side has from its trials alone.
double variance_within(const RunValues& side) {
  Deviations within;
  std::size_t trials = 0;
  for (const std::vector<double>& run : side) {
    within.add(finite_values(run));
    trials += run.size();
  }
  return within.variance() / static_cast<double>(trials);
}

double t_of(std::size_t base, std::size_t now, double p) {
  return t_quantile(p, static_cast<double>(base + now - 2));
}

double error_of(std::size_t base, std::size_t now) {
  return std::sqrt(1 / static_cast<double>(base) + 1 / static_cast<double>(now));
}

}  // namespace

bool are_enough_runs(std::size_t base, std::size_t now) {
  return std::min(base, now) >= 3 || (std::min(base, now) >= 1 && std::max(base, now) >= 5);
}

std::optional<ShiftEstimate> estimate_run_shift(const RunValues& base, const RunValues& now,
                                                double level) {
  if (base.empty() || now.empty() || base.size() + now.size() < 3) return std::nullopt;
  const std::vector<double> before = medians_of(base), after = medians_of(now);
  Deviations between;
  between.add(before);
  between.add(after);
  ShiftEstimate estimate;
  estimate.center = mean(after) - mean(before);
  const double error =
      std::sqrt(std::max(between.variance() * square(error_of(before.size(), after.size())),
                         variance_within(base) + variance_within(now)));
  estimate.stddev = error / error_of(before.size(), after.size());
  const double half = t_of(before.size(), after.size(), 1 - level / 2) * error;
  const double same_half = t_of(before.size(), after.size(), 1 - level) * error;
  estimate.ci_low = estimate.center - half;
  estimate.ci_high = estimate.center + half;
  estimate.same_low = estimate.center - same_half;
  estimate.same_high = estimate.center + same_half;
  const auto [old_least, old_most] = std::minmax_element(before.begin(), before.end());
  const auto [new_least, new_most] = std::minmax_element(after.begin(), after.end());
  estimate.least = *new_least - *old_most;
  estimate.most = *new_most - *old_least;
  estimate.p_value = t_p(estimate.center, error, before.size() + after.size() - 2);
  return estimate;
}

double detectable_by_runs(std::size_t base, std::size_t now, double level) {
  return (t_of(base, now, 1 - level / 2) + t_of(base, now, kWantedPower)) * error_of(base, now);
}

std::optional<std::size_t> runs_to_detect(double shift, double level) {
  constexpr std::size_t kMaxRuns = 100;
  for (std::size_t runs = 3; runs <= kMaxRuns; ++runs)
    if (detectable_by_runs(runs, runs, level) <= shift) return runs;
  return std::nullopt;
}

}  // namespace pingperf
