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

// Returns the two-sided p of a shift by Student's t.
double t_p(double shift, double error, std::size_t freedom) {
  if (error <= 0) return shift == 0 ? 1 : 0;
  if (!std::isfinite(shift / error)) return 1;  // values near the limits of a double
  const boost::math::students_t t(static_cast<double>(freedom));
  return 2 * boost::math::cdf(t, -std::abs(shift) / error);
}

double square(double x) {
  return x * x;
}

// Returns the variance of the mean of a side's medians that its trials alone cause.
double variance_within(const RunValues& side) {
  RunValues finite;
  std::size_t trials = 0;
  for (const std::vector<double>& run : side) {
    finite.push_back(finite_values(run));
    trials += run.size();
  }
  return pooled_variance(finite) / static_cast<double>(trials);
}

double t_of(std::size_t base_runs, std::size_t new_runs, double p) {
  return t_quantile(p, static_cast<double>(base_runs + new_runs - 2));
}

double error_of(std::size_t base_runs, std::size_t new_runs) {
  return std::sqrt(1 / static_cast<double>(base_runs) + 1 / static_cast<double>(new_runs));
}

}  // namespace

bool are_enough_runs(std::size_t base_runs, std::size_t new_runs) {
  return std::min(base_runs, new_runs) >= 3 ||
         (std::min(base_runs, new_runs) >= 1 && std::max(base_runs, new_runs) >= 5);
}

std::optional<ShiftEstimate> estimate_run_shift(const RunValues& base, const RunValues& new_runs,
                                                double level) {
  if (base.empty() || new_runs.empty() || base.size() + new_runs.size() < 3) return std::nullopt;
  const std::vector<double> before = medians_of(base), after = medians_of(new_runs);
  ShiftEstimate estimate;
  estimate.center = mean(after) - mean(before);
  const double error = std::sqrt(
      std::max(pooled_variance({before, after}) * square(error_of(before.size(), after.size())),
               variance_within(base) + variance_within(new_runs)));
  estimate.stddev = error / error_of(before.size(), after.size());
  const double half = t_of(before.size(), after.size(), 1 - level / 2) * error;
  const double same_half = t_of(before.size(), after.size(), 1 - level) * error;
  estimate.ci_low = estimate.center - half;
  estimate.ci_high = estimate.center + half;
  estimate.same_low = estimate.center - same_half;
  estimate.same_high = estimate.center + same_half;
  set_extremes(estimate, before, after);
  estimate.p_value = t_p(estimate.center, error, before.size() + after.size() - 2);
  return estimate;
}

double detectable_by_runs(std::size_t base_runs, std::size_t new_runs, double level) {
  return (t_of(base_runs, new_runs, 1 - level / 2) + t_of(base_runs, new_runs, kWantedPower)) *
         error_of(base_runs, new_runs);
}

std::optional<std::size_t> runs_to_detect(double shift, double level) {
  constexpr std::size_t kMaxRuns = 100;
  for (std::size_t runs = 3; runs <= kMaxRuns; ++runs)
    if (detectable_by_runs(runs, runs, level) <= shift) return runs;
  return std::nullopt;
}

}  // namespace pingperf
