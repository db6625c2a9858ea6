#include "harness/statistics.h"

#include <algorithm>
#include <boost/math/distributions/binomial.hpp>
#include <cmath>
#include <numeric>

namespace pingperf {

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle]
                                : std::midpoint(values[middle - 1], values[middle]);
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::optional<double> standard_deviation(const std::vector<double>& values) {
  if (values.size() < 2) return std::nullopt;
  const double center = mean(values);
  double squares = 0;
  for (double v : values) squares += (v - center) * (v - center);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

std::optional<std::pair<double, double>> median_interval(std::vector<double> values) {
  if (values.empty()) return std::nullopt;
  std::sort(values.begin(), values.end());
  // The interval from the k-th smallest to the k-th largest misses the median with probability
  // 2 P(B <= k - 1), B ~ Binomial(n, 1/2): take the largest k for which that is at most 5 %.
  const boost::math::binomial_distribution<> heads(static_cast<double>(values.size()), 0.5);
  std::size_t k = 0;
  while (2 * k < values.size() && 2 * boost::math::cdf(heads, static_cast<double>(k)) <= 0.05) ++k;
  if (k == 0) return std::nullopt;
  return std::pair{values[k - 1], values[values.size() - k]};
}

}  // namespace pingperf
