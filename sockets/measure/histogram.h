// A log-linear histogram of times, after HdrHistogram (Tene, hdrhistogram.org).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "sockets/core/clock.h"

namespace pingperf {

// Counts values from 0 ns to 60 s with at most 0.1 % relative error; larger ones are counted as
// overflow, never dropped. record() costs a few instructions and touches one counter and a few
// words of bookkeeping: no allocation. Not thread-safe: one histogram per loop, merged afterwards.
class Histogram {
 public:
  // 1024 linear buckets per power of two: a bucket is at most 1/1024 of its value wide.
  static constexpr int kSubBits = 10;
  static constexpr Nanoseconds kMaxValue = 60 * kSecond;

  Histogram();

  void record(Nanoseconds value) noexcept;
  void merge(const Histogram& other);

  std::uint64_t count() const noexcept { return count_; }
  std::uint64_t overflow() const noexcept { return overflow_; }
  // Exact, and 0 when the histogram is empty.
  Nanoseconds min() const noexcept { return count_ == 0 ? 0 : min_; }
  Nanoseconds max() const noexcept { return max_; }
  double mean() const noexcept;
  double stddev() const noexcept;  // of the population, two-pass over the buckets
  // The smallest bucket that at least `quantile` (0 … 1) of the values do not exceed, given as its
  // highest value, as HdrHistogram does; at most max().
  Nanoseconds quantile(double quantile) const noexcept;
  // True when at least one value lies beyond it: of fewer, a quantile would be the maximum.
  bool has_quantile(double quantile) const noexcept {
    return static_cast<double>(count()) * (1 - quantile) >= 1 - 1e-9;
  }

  // The buckets that are not empty: (index, count), ascending. The form that travels and is stored.
  std::vector<std::pair<std::size_t, std::uint64_t>> buckets() const;
  // Rebuilds from buckets(); throws std::out_of_range on an index that does not exist.
  static Histogram from_buckets(const std::vector<std::pair<std::size_t, std::uint64_t>>& buckets,
                                Nanoseconds min, Nanoseconds max, double sum,
                                std::uint64_t overflow);
  double sum() const noexcept { return sum_; }

  // The bucket of `value`, and the lowest and highest value of a bucket.
  static std::size_t index_of(Nanoseconds value) noexcept;
  static Nanoseconds lowest(std::size_t index) noexcept;
  static Nanoseconds highest(std::size_t index) noexcept { return lowest(index + 1) - 1; }

 private:
  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;  // overflow included
  std::uint64_t overflow_ = 0;
  Nanoseconds min_ = INT64_MAX;
  Nanoseconds max_ = 0;
  double sum_ = 0;
};

inline std::size_t Histogram::index_of(Nanoseconds value) noexcept {
  const auto v = static_cast<std::uint64_t>(value);
  const auto shift = static_cast<int>(std::bit_width(v >> (kSubBits + 1)));
  // Above 2^11 each octave adds 1024 buckets; below, a bucket is one nanosecond.
  return (static_cast<std::size_t>(shift) << kSubBits) + static_cast<std::size_t>(v >> shift);
}

inline void Histogram::record(Nanoseconds value) noexcept {
  if (value < 0) value = 0;
  ++count_;
  sum_ += static_cast<double>(value);
  if (value < min_) min_ = value;
  if (value > max_) max_ = value;
  if (value <= kMaxValue)
    ++counts_[index_of(value)];
  else
    ++overflow_;
}

}  // namespace pingperf
