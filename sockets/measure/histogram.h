// A log-linear histogram of times, after HdrHistogram (Tene, hdrhistogram.org).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "sockets/core/clock.h"

namespace pingperf {

// Counts values from 0 ns to 60 s with a relative error of at most 0.1 %. Larger values count as
// overflow and are never dropped. record() takes a few instructions and allocates nothing. Not
// thread-safe: each loop has its own histogram, and they are merged afterwards.
class Histogram {
 public:
  // 1024 linear buckets per power of two: a bucket is at most 1/1024 of its value wide.
  static constexpr int kSubBits = 10;
  static constexpr Nanoseconds kMaxValue = 60 * kSecond;

  Histogram();

  // Counts a value; a negative one counts as 0.
  void record(Nanoseconds value) noexcept;
  // Counts a value `count` times.
  void record(Nanoseconds value, std::uint64_t count) noexcept;
  // Adds all values of `other`.
  void merge(const Histogram& other);

  // Returns the number of all values, with overflow.
  std::uint64_t count() const noexcept { return count_; }
  // Returns the number of values above kMaxValue.
  std::uint64_t overflow() const noexcept { return overflow_; }
  // Minimum, maximum and mean are exact, and 0 if the histogram is empty.
  Nanoseconds min() const noexcept { return count_ == 0 ? 0 : min_; }
  Nanoseconds max() const noexcept { return max_; }
  double mean() const noexcept;
  // Returns the standard deviation of the population, computed from the buckets in two passes.
  double stddev() const noexcept;
  // Finds the smallest bucket that at least a share of `quantile` (0 … 1) of the values do not
  // exceed. Returns its highest value, as HdrHistogram does, but never more than max().
  Nanoseconds quantile(double quantile) const noexcept;
  // Returns true if at least one value is expected beyond the quantile. With fewer values the
  // quantile would be the maximum.
  bool has_quantile(double quantile) const noexcept {
    return static_cast<double>(count()) * (1 - quantile) >= 1 - 1e-9;
  }

  // Returns (index, count) of each bucket that is not empty, by ascending index. Messages and files
  // contain this form.
  std::vector<std::pair<std::size_t, std::uint64_t>> buckets() const;
  // Rebuilds a histogram from buckets(). Throws std::out_of_range for an index that does not exist.
  static Histogram from_buckets(const std::vector<std::pair<std::size_t, std::uint64_t>>& buckets,
                                Nanoseconds min, Nanoseconds max, double sum,
                                std::uint64_t overflow);
  // Returns the sum of all values in ns.
  double sum() const noexcept { return sum_; }

  // Return the index of the bucket of `value`, and the lowest and highest value of a bucket.
  static std::size_t index_of(Nanoseconds value) noexcept;
  static Nanoseconds lowest(std::size_t index) noexcept;
  static Nanoseconds highest(std::size_t index) noexcept { return lowest(index + 1) - 1; }

 private:
  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;  // with overflow
  std::uint64_t overflow_ = 0;
  Nanoseconds min_ = INT64_MAX;
  Nanoseconds max_ = 0;
  double sum_ = 0;
};

inline std::size_t Histogram::index_of(Nanoseconds value) noexcept {
  const auto v = static_cast<std::uint64_t>(value);
  const auto shift = static_cast<int>(std::bit_width(v >> (kSubBits + 1)));
  // Below 2^11 a bucket is one nanosecond wide. Above, each octave has 1024 buckets.
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
