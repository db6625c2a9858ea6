#include "harness/verdicts/rank_tests.h"

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <random>

#include "harness/base/statistics.h"
#include "harness/verdicts/pairwise_sums.h"

namespace pingperf {
namespace {

// Returns false for a shift made from kLogOfZero. A Walsh average halves it and adds a number.
bool is_finite_shift(double shift) {
  return std::abs(shift) < -kLogOfZero / 5;
}

constexpr std::size_t kMaxExact = 50;  // values in all

double normal_quantile(double p) {
  return boost::math::quantile(boost::math::normal(), p);
}

// Returns the ranks of the values, doubled so that the ranks of ties are integers.
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

// Returns P(T = t) for the sum T of the ranks with a positive sign. Each sign is positive with
// probability 1/2.
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

// Returns P(T = t) for the sum T of `size` of the ranks. All choices are equally likely.
std::vector<double> rank_sum_distribution(const std::vector<std::size_t>& ranks, std::size_t size) {
  const std::size_t all = std::accumulate(ranks.begin(), ranks.end(), std::size_t{0});
  // ways[k][t] counts the choices of k of the ranks so far with the sum t. Doubles are exact here,
  // because the counts are below 2^53.
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

// Returns the smaller of P(T <= t) and P(T >= t), doubled for a two-sided test.
double both_tails(const std::vector<double>& probability, std::size_t t) {
  const auto at = probability.begin() + static_cast<std::ptrdiff_t>(t);
  const double below = std::accumulate(probability.begin(), at + 1, 0.0);
  const double above = std::accumulate(at, probability.end(), 0.0);
  return std::min(1.0, 2 * std::min(below, above));
}

double both_normal_tails(double z) {
  return std::min(1.0, 2 * boost::math::cdf(boost::math::normal(), std::min(0.0, z)));
}

// Returns the largest k for which the interval from the k-th smallest to the k-th largest average
// or difference covers 1 - level, or 0 if there is none. `probability` is the distribution of the
// number of averages or differences below the shift.
std::size_t exact_rank(const std::vector<double>& probability, double level) {
  double tail = 0;
  std::size_t k = 0;
  while (k < probability.size() && 2 * (tail += probability[k]) <= level) ++k;
  return k;
}

std::size_t normal_rank(double center, double spread, double level) {
  return static_cast<std::size_t>(std::max(0.0, center + normal_quantile(level / 2) * spread));
}

std::size_t signed_rank_interval(std::size_t n, double level) {
  if (n <= kMaxExact) return exact_rank(signed_rank_distribution(ranks_to(n)), level);
  const auto count = static_cast<double>(n);
  return normal_rank(count * (count + 1) / 4, std::sqrt(count * (count + 1) * (2 * count + 1) / 24),
                     level);
}

std::size_t rank_sum_interval(std::size_t n, std::size_t m, double level) {
  const auto count = static_cast<double>(n), other = static_cast<double>(m);
  if (n + m > kMaxExact)
    return normal_rank(count * other / 2, std::sqrt(count * other * (count + other + 1) / 12),
                       level);
  // U is the rank sum minus its least value.
  std::vector<double> probability = rank_sum_distribution(ranks_to(n + m), n);
  probability.erase(probability.begin(),
                    probability.begin() + static_cast<std::ptrdiff_t>(n * (n + 1) / 2));
  return exact_rank(probability, level);
}

// Sets center and intervals. `rank_at` returns the rank of the ends of an interval at a level.
template <typename RankAt>
void set_intervals(ShiftEstimate& estimate, const PairwiseSums& sums, double level,
                   RankAt rank_at) {
  estimate.center = sums.median();
  const auto set = [&](double at, std::optional<double>& low, std::optional<double>& high) {
    const std::size_t rank = rank_at(at);
    if (rank == 0) return;
    low = sums.kth(rank);
    high = sums.kth(sums.count() + 1 - rank);
  };
  set(level, estimate.ci_low, estimate.ci_high);
  set(2 * level, estimate.same_low, estimate.same_high);
}

constexpr double kPower = 0.95;
constexpr int kSimulations = 4000;

// Returns the quantile kPower of `needed`, the shift that is found in one simulated experiment.
template <typename Needed>
double simulate_detectable(Needed needed) {
  std::vector<double> shifts(kSimulations);
  for (double& shift : shifts) shift = needed();
  const auto at = shifts.begin() + static_cast<std::ptrdiff_t>(kPower * kSimulations);
  std::nth_element(shifts.begin(), at, shifts.end());
  return *at;
}

std::vector<double> normal_sample(std::mt19937_64& random, std::size_t n) {
  std::normal_distribution<> normal;
  std::vector<double> values(n);
  for (double& value : values) value = normal(random);
  return values;
}

// Returns the detectable shift for many values. Hodges–Lehmann estimates have 3/π of the mean's
// efficiency.
double asymptotic_detectable(double weight, double level) {
  return (normal_quantile(1 - level / 2) + normal_quantile(kPower)) /
         std::sqrt(weight * 3 / std::numbers::pi);
}

}  // namespace

double log_of(double value) {
  return value > 0 ? std::log(value) : kLogOfZero;
}

std::vector<double> finite_values(std::vector<double> values) {
  std::erase_if(values, [](double value) { return !is_finite_shift(value); });
  return values;
}

double ratio_of(double shift) {
  if (is_finite_shift(shift)) return std::exp(shift);
  return shift < 0 ? 0 : std::numeric_limits<double>::infinity();
}

void set_extremes(ShiftEstimate& estimate, const std::vector<double>& before,
                  const std::vector<double>& after) {
  const auto [old_least, old_most] = std::minmax_element(before.begin(), before.end());
  const auto [new_least, new_most] = std::minmax_element(after.begin(), after.end());
  estimate.least = *new_least - *old_most;
  estimate.most = *new_most - *old_least;
}

double paired_p_value(const std::vector<double>& differences) {
  std::vector<double> sizes;
  std::vector<bool> is_positive;
  for (double d : differences)
    if (d != 0) {  // Wilcoxon leaves out zeros, which have no sign
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
  // The variance of a sum of signed ranks is Σr²/4, also with ties. The correction for continuity
  // is half a rank, doubled as the ranks are.
  return both_normal_tails((static_cast<double>(smaller) + 1 - static_cast<double>(all) / 2) /
                           std::sqrt(squares / 4));
}

double shift_p_value(const std::vector<double>& before, const std::vector<double>& after) {
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
  if (variance == 0) return 1;  // all values are equal
  const double distance = std::abs(static_cast<double>(sum) - n * (all + 1));
  return both_normal_tails((1 - distance) / std::sqrt(variance));
}

ShiftEstimate estimate_paired(const std::vector<double>& differences, double level) {
  ShiftEstimate estimate;
  set_intervals(estimate, PairwiseSums::walsh_averages(differences), level,
                [&](double at) { return signed_rank_interval(differences.size(), at); });
  estimate.p_value = paired_p_value(differences);
  estimate.stddev = standard_deviation(finite_values(differences)).value_or(0);
  const auto [least, most] = std::minmax_element(differences.begin(), differences.end());
  estimate.least = *least;
  estimate.most = *most;
  return estimate;
}

ShiftEstimate estimate_shift(const std::vector<double>& before, const std::vector<double>& after,
                             double level) {
  ShiftEstimate estimate;
  set_intervals(estimate, PairwiseSums::differences(before, after), level,
                [&](double at) { return rank_sum_interval(before.size(), after.size(), at); });
  estimate.p_value = shift_p_value(before, after);
  estimate.stddev = std::sqrt(pooled_variance({finite_values(before), finite_values(after)}));
  set_extremes(estimate, before, after);
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

std::optional<double> detectable_by_pairs(std::size_t n, double level) {
  if (n >= kMaxExact) return asymptotic_detectable(static_cast<double>(n), level);
  const std::size_t rank = signed_rank_interval(n, level);
  if (rank == 0) return std::nullopt;
  std::mt19937_64 random(n);
  return simulate_detectable(
      [&] { return -PairwiseSums::walsh_averages(normal_sample(random, n)).kth(rank); });
}

std::optional<double> detectable_by_samples(std::size_t n, std::size_t m, double level) {
  const auto count = static_cast<double>(n), other = static_cast<double>(m);
  if (n + m >= kMaxExact) return asymptotic_detectable(count * other / (count + other), level);
  const std::size_t rank = rank_sum_interval(n, m, level);
  if (rank == 0) return std::nullopt;
  std::mt19937_64 random(n * kMaxExact + m);
  return simulate_detectable([&] {
    const std::vector<double> before = normal_sample(random, n);
    return -PairwiseSums::differences(before, normal_sample(random, m)).kth(rank);
  });
}

double pairs_to_detect(double shift, double level) {
  const double root = asymptotic_detectable(1, level) / shift;
  return root * root;
}

std::size_t min_pairs(double level) {
  return static_cast<std::size_t>(std::ceil(std::log2(2 / level)));
}

}  // namespace pingperf
