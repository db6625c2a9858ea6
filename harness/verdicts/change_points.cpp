#include "harness/verdicts/change_points.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <optional>
#include <utility>

#include "harness/base/statistics.h"

namespace pingperf {
namespace {

using Values = std::span<const double>;

// SplitMix64 (Steele, Lea & Flood 2014): fast, and the same everywhere.
class ChangeRandom {
 public:
  explicit ChangeRandom(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }
  // Returns a number below `bound`, which is less than 2^32.
  std::size_t below(std::size_t bound) { return (next() >> 32) * bound >> 32; }
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  // Marsaglia's polar method.
  double normal() {
    for (;;) {
      const double x = 2 * uniform() - 1, y = 2 * uniform() - 1, s = x * x + y * y;
      if (s < 1 && s > 0) return x * std::sqrt(-2 * std::log(s) / s);
    }
  }

 private:
  std::uint64_t state_;
};

double mean_of(Values values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// The statistic of each place of series of one length: the share of the sum of squares that the
// difference of the two means explains. It orders places as the energy statistic does.
class Places {
 public:
  explicit Places(std::size_t size) : weights_(size) {
    const auto n = static_cast<double>(size);
    for (std::size_t k = 1; k < size; ++k) {
      const auto left = static_cast<double>(k);
      weights_[k] = n / (left * (n - left));
    }
  }

  // Returns the statistics of all places; that of place 0 is 0.
  std::vector<double> all(Values values) const {
    std::vector<double> statistics(values.size());
    visit(values, [&](std::size_t k, double statistic) { statistics[k] = statistic; });
    return statistics;
  }
  double largest(Values values) const {
    double largest = 0;
    visit(values, [&](std::size_t, double statistic) { largest = std::max(largest, statistic); });
    return largest;
  }

 private:
  template <typename Visitor>
  void visit(Values values, Visitor visitor) const {
    const double center = mean_of(values);
    double squares = 0;
    for (double value : values) squares += (value - center) * (value - center);
    if (squares <= 0) return;
    double sum = 0;
    for (std::size_t k = 1; k < values.size(); ++k) {
      sum += values[k - 1] - center;
      visitor(k, sum * sum * weights_[k] / squares);
    }
  }

  std::vector<double> weights_;  // n / (k (n - k))
};

std::vector<double> copy_of(Values values) {
  return {values.begin(), values.end()};
}

// Returns true if more than two thirds of the shorter part are beyond the median of the longer one.
bool parts_agree(Values values, std::size_t place) {
  Values shorter = values.first(place), longer = values.subspan(place);
  if (shorter.size() > longer.size()) std::swap(shorter, longer);
  const double level = median(copy_of(longer));
  const bool is_higher = mean_of(shorter) > mean_of(longer);
  const auto beyond = static_cast<std::size_t>(std::ranges::count_if(
      shorter, [&](double value) { return is_higher ? value > level : value < level; }));
  return 3 * beyond > 2 * shorter.size();
}

// A candidate for a change in a part of a series.
struct CandidatePlace {
  std::size_t place = 0;
  double statistic = 0;
};

// Returns the places of a part, the largest statistic first.
std::vector<CandidatePlace> ordered_places(Values values, const Places& places) {
  const std::vector<double> statistics = places.all(values);
  std::vector<CandidatePlace> order;
  for (std::size_t place = 1; place < values.size(); ++place)
    order.push_back({place, statistics[place]});
  std::ranges::stable_sort(order, std::ranges::greater{}, &CandidatePlace::statistic);
  return order;
}

// Returns the p value of the candidate: how often a series without a change has such a statistic.
double p_of(Values values, const CandidatePlace& candidate, const Places& places,
            const ChangeSearch& search) {
  constexpr std::size_t kEnough = 20;  // as many as end the test
  constexpr double kRounding = 1e-9;   // a permutation sums in another order
  const bool is_permuted =
      std::min(candidate.place, values.size() - candidate.place) >= kMinPermutedPart;
  ChangeRandom random(search.seed + values.size());
  std::vector<double> sample = copy_of(values);
  std::size_t as_large = 0;
  for (std::size_t i = 1; i <= search.permutations; ++i) {
    if (is_permuted)
      for (std::size_t k = sample.size(); k > 1; --k)
        std::swap(sample[k - 1], sample[random.below(k)]);
    else
      for (double& value : sample) value = random.normal();
    as_large += places.largest(sample) >= candidate.statistic * (1 - kRounding);
    if (as_large == kEnough) return static_cast<double>(kEnough) / static_cast<double>(i);
  }
  return static_cast<double>(as_large + 1) / static_cast<double>(search.permutations + 1);
}

// Tests for one change in [begin, end). Returns nothing if there is no candidate. If the largest
// statistic is not significant, no other is, and whether its parts agree does not matter.
std::optional<ChangePoint> test_part(Values values, std::size_t begin, std::size_t end,
                                     const ChangeSearch& search) {
  if (end - begin < 3) return std::nullopt;
  const Values part = values.subspan(begin, end - begin);
  const Places places(part.size());
  const std::vector<CandidatePlace> order = ordered_places(part, places);
  const double largest_p = p_of(part, order.front(), places, search);
  if (largest_p > search.level)
    return ChangePoint{begin, begin + order.front().place, end, largest_p};
  const auto candidate = std::ranges::find_if(
      order, [&](const CandidatePlace& c) { return parts_agree(part, c.place); });
  if (candidate == order.end() || candidate->statistic <= 0) return std::nullopt;
  const double p = candidate == order.begin() ? largest_p : p_of(part, *candidate, places, search);
  return ChangePoint{begin, begin + candidate->place, end, p};
}

// Adds the changes in [begin, end) in order. Returns the p value of the first test.
double divide(Values values, std::size_t begin, std::size_t end, const ChangeSearch& search,
              std::vector<ChangePoint>& changes) {
  const auto change = test_part(values, begin, end, search);
  if (!change) return 1;
  if (change->p_value <= search.level) {
    divide(values, begin, change->first, search, changes);
    changes.push_back(*change);
    divide(values, change->first, end, search, changes);
  }
  return change->p_value;
}

// Tests the change at `index` again between its neighbours. Returns true if anything changed.
bool test_again(Values values, const ChangeSearch& search, std::vector<ChangePoint>& changes,
                std::size_t index) {
  const ChangePoint before = changes[index];
  const std::size_t begin = index == 0 ? 0 : changes[index - 1].first;
  const std::size_t end = index + 1 == changes.size() ? values.size() : changes[index + 1].first;
  if (before.begin == begin && before.end == end) return false;
  changes[index] =
      test_part(values, begin, end, search).value_or(ChangePoint{begin, before.first, end, 1});
  return true;
}

}  // namespace

void test_changes_again(Values values, const ChangeSearch& search,
                        std::vector<ChangePoint>& changes) {
  constexpr int kMaxRounds = 50;  // places could move in a circle
  for (int round = 0; round < kMaxRounds; ++round) {
    bool moved = false;
    for (std::size_t i = 0; i < changes.size(); ++i)
      moved = test_again(values, search, changes, i) || moved;
    const auto worst = std::ranges::max_element(changes, {}, &ChangePoint::p_value);
    if (worst != changes.end() && worst->p_value > search.level)
      changes.erase(worst);
    else if (!moved)
      return;
  }
}

ChangePoints find_change_points(Values values, const ChangeSearch& search) {
  ChangePoints found;
  found.p_value = divide(values, 0, values.size(), search, found.changes);
  test_changes_again(values, search, found.changes);
  return found;
}

}  // namespace pingperf
