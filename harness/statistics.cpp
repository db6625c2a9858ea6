#include "harness/statistics.h"

#include <algorithm>
#include <boost/math/distributions/binomial.hpp>
#include <boost/math/distributions/normal.hpp>
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

namespace {

constexpr double kLevel = 0.05;
constexpr std::size_t kLargestExact = 50;

double normal_quantile(double p) {
  return boost::math::quantile(boost::math::normal(), p);
}

// All n(n+1)/2 means of two differences, each with itself too, sorted.
std::vector<double> walsh_averages(const std::vector<double>& d) {
  std::vector<double> averages;
  averages.reserve(d.size() * (d.size() + 1) / 2);
  for (std::size_t i = 0; i < d.size(); ++i)
    for (std::size_t j = i; j < d.size(); ++j) averages.push_back(std::midpoint(d[i], d[j]));
  std::sort(averages.begin(), averages.end());
  return averages;
}

// P(T = t) of the sum of those ranks whose sign is positive, each with probability 1/2. The ranks
// are doubled, so that the halves of ties are whole.
std::vector<double> rank_sum_distribution(const std::vector<std::size_t>& doubled_ranks) {
  std::vector<double> probability{1};
  for (std::size_t rank : doubled_ranks) {
    std::vector<double> next(probability.size() + rank);
    for (std::size_t t = 0; t < probability.size(); ++t) {
      next[t] += probability[t] / 2;
      next[t + rank] += probability[t] / 2;
    }
    probability = std::move(next);
  }
  return probability;
}

// Of the absolute values; tied ones share the mean of their ranks. Doubled.
std::vector<std::size_t> doubled_midranks(std::vector<double> values) {
  for (double& v : values) v = std::abs(v);
  std::vector<std::size_t> order(values.size()), ranks(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return values[a] < values[b]; });
  for (std::size_t first = 0; first < order.size();) {
    std::size_t last = first;
    while (last + 1 < order.size() && values[order[last + 1]] == values[order[first]]) ++last;
    for (std::size_t i = first; i <= last; ++i) ranks[order[i]] = first + last + 2;
    first = last + 1;
  }
  return ranks;
}

double signed_rank_p(std::vector<double> d) {
  std::erase(d, 0.0);  // no difference has no sign (Wilcoxon's own treatment)
  if (d.empty()) return 1;
  const std::vector<std::size_t> ranks = doubled_midranks(d);
  std::size_t positive = 0, all = 0;
  double squares = 0;
  for (std::size_t i = 0; i < d.size(); ++i) {
    all += ranks[i];
    squares += static_cast<double>(ranks[i] * ranks[i]);
    if (d[i] > 0) positive += ranks[i];
  }
  const std::size_t smaller = std::min(positive, all - positive);
  if (d.size() > kLargestExact) {  // the variance of a sum of signed ranks, ties and all: Σr²/4
    const double z = (static_cast<double>(smaller) + 1 - static_cast<double>(all) / 2) /
                     std::sqrt(squares / 4);  // half a rank of continuity, doubled as the ranks are
    return std::min(1.0, 2 * boost::math::cdf(boost::math::normal(), std::min(0.0, z)));
  }
  const std::vector<double> probability = rank_sum_distribution(ranks);
  double tail = 0;
  for (std::size_t t = 0; t <= smaller; ++t) tail += probability[t];
  return std::min(1.0, 2 * tail);
}

// The largest k for which the k-th smallest and k-th largest Walsh averages cover 95 %; 0: none.
std::size_t interval_rank(std::size_t n) {
  const auto count = static_cast<double>(n);
  if (n > kLargestExact) {
    const double spread = std::sqrt(count * (count + 1) * (2 * count + 1) / 24);
    return static_cast<std::size_t>(count * (count + 1) / 4 + normal_quantile(kLevel / 2) * spread);
  }
  std::vector<std::size_t> ranks(n);
  std::iota(ranks.begin(), ranks.end(), std::size_t{1});
  const std::vector<double> probability = rank_sum_distribution(ranks);
  double tail = 0;
  std::size_t k = 0;
  while (k < probability.size() && 2 * (tail += probability[k]) <= kLevel) ++k;
  return k;
}

}  // namespace

PairedEstimate estimate_paired(const std::vector<double>& differences) {
  PairedEstimate estimate;
  const std::vector<double> averages = walsh_averages(differences);
  estimate.center = median(averages);
  if (const std::size_t k = interval_rank(differences.size()); k > 0) {
    estimate.ci_low = averages[k - 1];
    estimate.ci_high = averages[averages.size() - k];
  }
  estimate.p_value = signed_rank_p(differences);
  estimate.stddev = standard_deviation(differences).value_or(0);
  return estimate;
}

std::optional<Modes> find_modes(std::vector<double> values) {
  constexpr double kApart = 1.5, kSmallestShare = 0.2;
  std::sort(values.begin(), values.end());
  if (values.size() < 4 || values.front() <= 0) return std::nullopt;
  std::size_t split = 1;  // index of the first value above the widest gap
  const auto gap = [&](std::size_t i) { return values[i] / values[i - 1]; };
  for (std::size_t i = 2; i < values.size(); ++i)
    if (gap(i) > gap(split)) split = i;
  const std::size_t fewest = std::min(split, values.size() - split);
  if (fewest < 2 ||
      static_cast<double>(fewest) < kSmallestShare * static_cast<double>(values.size()))
    return std::nullopt;
  const std::vector<double> low(values.begin(),
                                values.begin() + static_cast<std::ptrdiff_t>(split));
  const std::vector<double> high(values.begin() + static_cast<std::ptrdiff_t>(split), values.end());
  const double wider = std::max(low.back() / low.front(), high.back() / high.front());
  if (std::log(gap(split)) <= 1.5 * std::log(wider)) return std::nullopt;
  const Modes modes{low.size(), high.size(), median(low), median(high)};
  return modes.high / modes.low >= kApart ? std::optional(modes) : std::nullopt;
}

std::vector<double> q_values(const std::vector<double>& p_values) {
  std::vector<std::size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return p_values[a] < p_values[b]; });
  std::vector<double> q(p_values.size());
  double least = 1;
  for (std::size_t i = order.size(); i > 0; --i) {
    const auto m = static_cast<double>(order.size());
    least = std::min(least, p_values[order[i - 1]] * m / static_cast<double>(i));
    q[order[i - 1]] = least;
  }
  return q;
}

double detectable_shift(double stddev, std::size_t n) {
  return (normal_quantile(1 - kLevel / 2) + normal_quantile(0.95)) * stddev /
         std::sqrt(static_cast<double>(n));
}

std::size_t pairs_to_detect(double stddev, double shift) {
  const double root = (normal_quantile(1 - kLevel / 2) + normal_quantile(0.95)) * stddev / shift;
  return std::max<std::size_t>(6, static_cast<std::size_t>(std::ceil(root * root - 1e-9)));
}

}  // namespace pingperf
