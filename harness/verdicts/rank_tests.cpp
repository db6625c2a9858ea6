#include "harness/verdicts/rank_tests.h"

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <cmath>
#include <numeric>

#include "harness/base/statistics.h"
#include "harness/verdicts/pairwise_sums.h"

namespace pingperf {
namespace {

constexpr std::size_t kMaxExact = 50;  // values in all

double normal_quantile(double p) {
  return boost::math::quantile(boost::math::normal(), p);
}

// Ranks of the values, doubled so that the halves of ties are whole.
std::vector<std::size_t> doubled_midranks(const std::vector<double>& values) {
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

std::vector<std::size_t> ranks_to(std::size_t n) {
  std::vector<std::size_t> ranks(n);
  std::iota(ranks.begin(), ranks.end(), std::size_t{1});
  return ranks;
}

// P(T = t) of the sum of those ranks whose sign is positive, each with probability 1/2.
std::vector<double> signed_rank_distribution(const std::vector<std::size_t>& ranks) {
  std::vector<double> probability{1};
  for (std::size_t rank : ranks) {
    std::vector<double> next(probability.size() + rank);
    for (std::size_t t = 0; t < probability.size(); ++t) {
      next[t] += probability[t] / 2;
      next[t + rank] += probability[t] / 2;
    }
    probability = std::move(next);
  }
  return probability;
}

// P(T = t) of the sum of `size` of the ranks, each choice of them alike.
std::vector<double> rank_sum_distribution(const std::vector<std::size_t>& ranks, std::size_t size) {
  const std::size_t all = std::accumulate(ranks.begin(), ranks.end(), std::size_t{0});
  // ways[k][t]: choices of k of the ranks so far, whose sum is t. Below 2^53: exact in doubles.
  std::vector<std::vector<double>> ways(size + 1, std::vector<double>(all + 1));
  ways[0][0] = 1;
  for (std::size_t i = 0; i < ranks.size(); ++i)
    for (std::size_t k = std::min(i + 1, size); k > 0; --k)
      for (std::size_t t = all; t >= ranks[i]; --t) ways[k][t] += ways[k - 1][t - ranks[i]];
  std::vector<double> probability = std::move(ways[size]);
  const double total = std::accumulate(probability.begin(), probability.end(), 0.0);
  for (double& p : probability) p /= total;
  return probability;
}

// The smaller of P(T <= t) and P(T >= t), doubled for both sides.
double both_tails(const std::vector<double>& probability, std::size_t t) {
  const auto at = probability.begin() + static_cast<std::ptrdiff_t>(t);
  const double below = std::accumulate(probability.begin(), at + 1, 0.0);
  const double above = std::accumulate(at, probability.end(), 0.0);
  return std::min(1.0, 2 * std::min(below, above));
}

double both_normal_tails(double z) {
  return std::min(1.0, 2 * boost::math::cdf(boost::math::normal(), std::min(0.0, z)));
}

// The largest k for which the k-th smallest and the k-th largest average, or difference, cover
// 1 - level, when the count of those below the shift has this distribution; 0: none.
std::size_t exact_rank(const std::vector<double>& probability, double level) {
  double tail = 0;
  std::size_t k = 0;
  while (k < probability.size() && 2 * (tail += probability[k]) <= level) ++k;
  return k;
}

std::size_t normal_rank(double center, double spread, double level) {
  return static_cast<std::size_t>(std::max(0.0, center + normal_quantile(level / 2) * spread));
}

double signed_rank_p(const std::vector<double>& differences) {
  std::vector<double> sizes;
  std::vector<bool> is_positive;
  for (double d : differences)
    if (d != 0) {  // no difference has no sign (Wilcoxon's own treatment)
      sizes.push_back(std::abs(d));
      is_positive.push_back(d > 0);
    }
  if (sizes.empty()) return 1;
  const std::vector<std::size_t> ranks = doubled_midranks(sizes);
  std::size_t positive = 0, all = 0;
  double squares = 0;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    all += ranks[i];
    squares += static_cast<double>(ranks[i] * ranks[i]);
    if (is_positive[i]) positive += ranks[i];
  }
  const std::size_t smaller = std::min(positive, all - positive);
  if (ranks.size() <= kMaxExact) return both_tails(signed_rank_distribution(ranks), smaller);
  // The variance of a sum of signed ranks, ties and all, is Σr²/4; half a rank of continuity,
  // doubled as the ranks are.
  return both_normal_tails((static_cast<double>(smaller) + 1 - static_cast<double>(all) / 2) /
                           std::sqrt(squares / 4));
}

std::size_t signed_rank_interval(std::size_t n, double level) {
  if (n <= kMaxExact) return exact_rank(signed_rank_distribution(ranks_to(n)), level);
  const auto count = static_cast<double>(n);
  return normal_rank(count * (count + 1) / 4, std::sqrt(count * (count + 1) * (2 * count + 1) / 24),
                     level);
}

double rank_sum_p(const std::vector<double>& before, const std::vector<double>& after) {
  std::vector<double> pooled = after;
  pooled.insert(pooled.end(), before.begin(), before.end());
  const std::vector<std::size_t> ranks = doubled_midranks(pooled);
  const auto n = static_cast<double>(after.size()), all = static_cast<double>(pooled.size());
  std::size_t sum = 0;
  for (std::size_t i = 0; i < after.size(); ++i) sum += ranks[i];
  if (pooled.size() <= kMaxExact)  // with ties not symmetric, unless the samples are as large
    return both_tails(rank_sum_distribution(ranks, after.size()), sum);
  double squares = 0;  // Σ(r - mean)²
  for (std::size_t rank : ranks)
    squares += (static_cast<double>(rank) - all - 1) * (static_cast<double>(rank) - all - 1);
  const double variance = n * (all - n) / (all * (all - 1)) * squares;
  if (variance == 0) return 1;  // all alike
  const double distance = std::abs(static_cast<double>(sum) - n * (all + 1));
  return both_normal_tails((1 - distance) / std::sqrt(variance));
}

std::size_t rank_sum_interval(std::size_t n, std::size_t m, double level) {
  const auto count = static_cast<double>(n), other = static_cast<double>(m);
  if (n + m > kMaxExact)
    return normal_rank(count * other / 2, std::sqrt(count * other * (count + other + 1) / 12),
                       level);
  // U is the rank sum less its least value.
  std::vector<double> probability = rank_sum_distribution(ranks_to(n + m), n);
  probability.erase(probability.begin(),
                    probability.begin() + static_cast<std::ptrdiff_t>(n * (n + 1) / 2));
  return exact_rank(probability, level);
}

void set_center(ShiftEstimate& estimate, const PairwiseSums& sums, std::size_t rank) {
  estimate.center = sums.median();
  if (rank == 0) return;
  estimate.ci_low = sums.kth(rank);
  estimate.ci_high = sums.kth(sums.count() + 1 - rank);
}

// Of the deviations from each sample's own mean.
double pooled_deviation(const std::vector<double>& a, const std::vector<double>& b) {
  double squares = 0;
  for (const std::vector<double>* sample : {&a, &b}) {
    const double center = mean(*sample);
    for (double value : *sample) squares += (value - center) * (value - center);
  }
  const std::size_t freedom = a.size() + b.size() - 2;
  return freedom == 0 ? 0 : std::sqrt(squares / static_cast<double>(freedom));
}

}  // namespace

ShiftEstimate estimate_paired(const std::vector<double>& differences, double level) {
  ShiftEstimate estimate;
  set_center(estimate, PairwiseSums::walsh_averages(differences),
             signed_rank_interval(differences.size(), level));
  estimate.p_value = signed_rank_p(differences);
  estimate.stddev = standard_deviation(differences).value_or(0);
  estimate.weight = static_cast<double>(differences.size());
  const auto [least, most] = std::minmax_element(differences.begin(), differences.end());
  estimate.least = *least;
  estimate.most = *most;
  return estimate;
}

ShiftEstimate estimate_shift(const std::vector<double>& before, const std::vector<double>& after,
                             double level) {
  ShiftEstimate estimate;
  set_center(estimate, PairwiseSums::differences(before, after),
             rank_sum_interval(before.size(), after.size(), level));
  estimate.p_value = rank_sum_p(before, after);
  estimate.stddev = pooled_deviation(before, after);
  const auto n = static_cast<double>(before.size()), m = static_cast<double>(after.size());
  estimate.weight = n * m / (n + m);
  const auto [old_least, old_most] = std::minmax_element(before.begin(), before.end());
  const auto [new_least, new_most] = std::minmax_element(after.begin(), after.end());
  estimate.least = *new_least - *old_most;
  estimate.most = *new_most - *old_least;
  return estimate;
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

double detectable_shift(double stddev, double weight, double least, double level) {
  const double error = stddev / std::sqrt(weight);
  return std::max((normal_quantile(1 - level / 2) + normal_quantile(0.95)) * error,
                  least + normal_quantile(0.95) * error);
}

std::size_t fewest_pairs(double level) {
  return static_cast<std::size_t>(std::ceil(std::log2(2 / level)));
}

double weight_to_detect(double stddev, double shift, double level) {
  const double root = (normal_quantile(1 - level / 2) + normal_quantile(0.95)) * stddev / shift;
  return root * root;
}

}  // namespace pingperf
