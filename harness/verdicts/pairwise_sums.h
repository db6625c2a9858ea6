// PairwiseSums: order statistics of all sums of two numbers, without making them all.
#pragma once

#include <cstddef>
#include <vector>

namespace pingperf {

// The sums a[i] + b[j] of two sets: of all pairs, or of one set with itself, each pair once.
class PairwiseSums {
 public:
  // (d[i] + d[j]) / 2 of i <= j.
  static PairwiseSums walsh_averages(std::vector<double> d);
  // after[j] - before[i].
  static PairwiseSums differences(std::vector<double> before, std::vector<double> after);

  std::size_t count() const noexcept;
  // The k-th smallest, from 1. Takes O(n log n) time, whatever k.
  double kth(std::size_t k) const;
  double median() const;

 private:
  PairwiseSums(std::vector<double> a, std::vector<double> b, bool once);
  // The j for which row i has sums up to `x`: from first(i) on, before end.
  std::size_t first(std::size_t i) const noexcept { return once_ ? i : 0; }
  std::size_t end(std::size_t i, double x) const;
  std::size_t count_to(double x) const;  // sums <= x

  std::vector<double> a_, b_;  // sorted
  bool once_;                  // pairs with j >= i only
};

}  // namespace pingperf
