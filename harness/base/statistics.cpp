#include "harness/base/statistics.h"

#include <algorithm>
#include <boost/math/distributions/binomial.hpp>
#include <cmath>
#include <numeric>

namespace pingperf {

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return std::midpoint(*std::max_element(values.begin(), middle), *middle);
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::optional<double> standard_deviation(const std::vector<double>& values) {
  if (values.size() < 2) return std::nullopt;
  return std::sqrt(pooled_variance({values}));
}

double pooled_variance(const std::vector<std::vector<double>>& samples) {
  double squares = 0;
  std::size_t freedom = 0;
  for (const std::vector<double>& sample : samples) {
    if (sample.empty()) continue;
    const double center = mean(sample);
    for (double value : sample) squares += (value - center) * (value - center);
    freedom += sample.size() - 1;
  }
  return freedom == 0 ? 0 : squares / static_cast<double>(freedom);
}

std::optional<std::pair<double, double>> median_interval(std::vector<double> values, double level) {
  if (values.empty()) return std::nullopt;
  std::sort(values.begin(), values.end());
  // The interval from the k-th smallest to the k-th largest misses the median with probability
  // 2 P(B <= k - 1), B ~ Binomial(n, 1/2). k is the largest for which that is at most the level.
  const boost::math::binomial_distribution<> heads(static_cast<double>(values.size()), 0.5);
  const auto misses = [&](std::size_t rank) {
    return 2 * boost::math::cdf(heads, static_cast<double>(rank) - 1);
  };
  auto k = static_cast<std::size_t>(boost::math::quantile(heads, level / 2));
  while (misses(k + 1) <= level) ++k;
  while (k > 0 && misses(k) > level) --k;
  if (k == 0) return std::nullopt;
  return std::pair{values[k - 1], values[values.size() - k]};
}

std::optional<Modes> find_modes(std::vector<double> values) {
  constexpr double kMinModeRatio = 1.5;  // of the medians of the two modes
  constexpr double kMinGapFactor = 9;    // of the gap between the modes to the usual gap
  constexpr double kGapQuantile = 0.6;   // of all gaps: the usual gap
  const std::size_t n = values.size(), min_size = std::max<std::size_t>(2, (n + 4) / 5);
  std::sort(values.begin(), values.end());
  if (n < 2 * min_size || values.front() <= 0) return std::nullopt;
  const auto gap = [&](std::size_t i) { return std::log(values[i] / values[i - 1]); };
  std::vector<double> gaps;
  for (std::size_t i = 1; i < n; ++i) gaps.push_back(gap(i));
  const auto usual = gaps.begin() + static_cast<std::ptrdiff_t>(
                                        kGapQuantile * static_cast<double>(gaps.size() - 1));
  std::nth_element(gaps.begin(), usual, gaps.end());
  std::size_t split = min_size;  // index of the first value above the gap
  for (std::size_t i = min_size; i <= n - min_size; ++i)
    if (gap(i) > gap(split)) split = i;
  if (gap(split) < kMinGapFactor * *usual) return std::nullopt;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(split);
  const Modes modes{split, n - split, median({values.begin(), middle}),
                    median({middle, values.end()})};
  return modes.high / modes.low >= kMinModeRatio ? std::optional(modes) : std::nullopt;
}

}  // namespace pingperf
