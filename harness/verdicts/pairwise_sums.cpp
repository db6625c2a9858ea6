#include "harness/verdicts/pairwise_sums.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace pingperf {

PairwiseSums::PairwiseSums(std::vector<double> a, std::vector<double> b, bool of_one_set)
    : a_(std::move(a)), b_(std::move(b)), of_one_set_(of_one_set) {
  std::sort(a_.begin(), a_.end());
  std::sort(b_.begin(), b_.end());
}

PairwiseSums PairwiseSums::walsh_averages(std::vector<double> d) {
  for (double& value : d) value /= 2;
  return {d, d, true};
}

PairwiseSums PairwiseSums::differences(std::vector<double> before, std::vector<double> after) {
  for (double& value : before) value = -value;
  return {std::move(before), std::move(after), false};
}

std::size_t PairwiseSums::count() const noexcept {
  return of_one_set_ ? a_.size() * (a_.size() + 1) / 2 : a_.size() * b_.size();
}

// Computes the same sums as kth(), so that rounding cannot make the two disagree.
std::size_t PairwiseSums::end(std::size_t i, double x) const {
  const auto begin = b_.begin() + static_cast<std::ptrdiff_t>(first(i));
  const auto above =
      std::partition_point(begin, b_.end(), [&](double b) { return a_[i] + b <= x; });
  return static_cast<std::size_t>(above - b_.begin());
}

std::size_t PairwiseSums::count_to(double x) const {
  std::size_t count = 0;
  for (std::size_t i = 0; i < a_.size(); ++i) count += end(i, x) - first(i);
  return count;
}

// Halves the range of values around the k-th sum until it contains few sums, then selects among
// these.
double PairwiseSums::kth(std::size_t k) const {
  constexpr std::size_t kFew = 1 << 14;
  constexpr int kMaxHalvings = 100;
  double low = -std::numeric_limits<double>::infinity();  // fewer than k sums are <= low
  double high = a_.back() + b_.back();                    // at least k are <= high
  std::size_t below = 0, up_to = count();
  double least = a_.front() + (of_one_set_ ? a_.front() : b_.front());
  for (int i = 0; i < kMaxHalvings && up_to - below > kFew; ++i) {
    const double middle = std::midpoint(std::max(low, least), high);
    const std::size_t n = count_to(middle);
    if (n >= k) {
      high = middle;
      up_to = n;
    } else {
      low = middle;
      below = n;
    }
  }
  if (up_to - below > kFew) return high;  // the sums left are equal
  std::vector<double> sums;
  sums.reserve(up_to - below);
  for (std::size_t i = 0; i < a_.size(); ++i)
    for (std::size_t j = std::max(first(i), end(i, low)), last = end(i, high); j < last; ++j)
      sums.push_back(a_[i] + b_[j]);
  const auto wanted = sums.begin() + static_cast<std::ptrdiff_t>(k - below - 1);
  std::nth_element(sums.begin(), wanted, sums.end());
  return *wanted;
}

double PairwiseSums::median() const {
  const std::size_t n = count();
  return n % 2 == 1 ? kth(n / 2 + 1) : std::midpoint(kth(n / 2), kth(n / 2 + 1));
}

}  // namespace pingperf
