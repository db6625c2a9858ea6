// PairwiseSums: order statistics of all sums of two numbers, without computing all of them.
#pragma once

#include <cstddef>
#include <vector>

namespace pingperf {

// The sums a[i] + b[j] of all pairs of two sets. For one set, each pair counts once.
class PairwiseSums {
 public:
  // Returns (d[i] + d[j]) / 2 for all i <= j.
  static PairwiseSums walsh_averages(std::vector<double> d);
  // Returns after[j] - before[i] for all i and j.
  static PairwiseSums differences(std::vector<double> before, std::vector<double> after);

  std::size_t count() const noexcept;
  // Returns the k-th smallest sum. k begins at 1. Takes O(n log n) time for every k.
  double kth(std::size_t k) const;
  double median() const;

 private:
  PairwiseSums(std::vector<double> a, std::vector<double> b, bool of_one_set);
  // In row i, the sums up to `x` are those with first(i) <= j < end(i, x).
  std::size_t first(std::size_t i) const noexcept { return of_one_set_ ? i : 0; }
  std::size_t end(std::size_t i, double x) const;
  std::size_t count_to(double x) const;  // sums <= x

  std::vector<double> a_, b_;  // sorted
  bool of_one_set_;            // only pairs with j >= i count
};

}  // namespace pingperf
