#include "sockets/measure/histogram.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace pingperf {

Histogram::Histogram() : counts_(index_of(kMaxValue) + 1) {}

void Histogram::record(Nanoseconds value, std::uint64_t count) noexcept {
  if (count == 0) return;
  record(value);
  count_ += count - 1;
  sum_ += static_cast<double>(count - 1) * static_cast<double>(std::max<Nanoseconds>(value, 0));
  (value <= kMaxValue ? counts_[index_of(std::max<Nanoseconds>(value, 0))] : overflow_) +=
      count - 1;
}

void Histogram::merge(const Histogram& other) {
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  overflow_ += other.overflow_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
}

double Histogram::mean() const noexcept {
  return count_ == 0 ? 0 : sum_ / static_cast<double>(count_);
}

double Histogram::stddev() const noexcept {
  const std::uint64_t inside = count_ - overflow_;
  if (inside == 0) return 0;
  const auto middle = [](std::size_t i) {
    return 0.5 * static_cast<double>(lowest(i) + highest(i));
  };
  double center = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i)
    if (counts_[i] != 0) center += static_cast<double>(counts_[i]) * middle(i);
  center /= static_cast<double>(inside);
  double squares = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i)
    if (counts_[i] != 0)
      squares += static_cast<double>(counts_[i]) * (middle(i) - center) * (middle(i) - center);
  return std::sqrt(squares / static_cast<double>(inside));
}

Nanoseconds Histogram::quantile(double quantile) const noexcept {
  if (count_ == 0) return 0;
  const double exact = std::clamp(quantile, 0.0, 1.0) * static_cast<double>(count_);
  const auto rank = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(exact)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= rank) return std::min(highest(i), max_);
  }
  return max_;
}

std::vector<std::pair<std::size_t, std::uint64_t>> Histogram::buckets() const {
  std::vector<std::pair<std::size_t, std::uint64_t>> filled;
  for (std::size_t i = 0; i < counts_.size(); ++i)
    if (counts_[i] != 0) filled.emplace_back(i, counts_[i]);
  return filled;
}

Histogram Histogram::from_buckets(const std::vector<std::pair<std::size_t, std::uint64_t>>& buckets,
                                  Nanoseconds min, Nanoseconds max, double sum,
                                  std::uint64_t overflow) {
  Histogram h;
  h.count_ = h.overflow_ = overflow;
  for (const auto& [index, count] : buckets) {
    if (index >= h.counts_.size()) throw std::out_of_range("histogram bucket does not exist");
    h.counts_[index] += count;
    h.count_ += count;
  }
  if (h.count_ != 0) h.min_ = min;
  h.max_ = max;
  h.sum_ = sum;
  return h;
}

Nanoseconds Histogram::lowest(std::size_t index) noexcept {
  const std::size_t octave = index >> kSubBits;
  if (octave < 2) return static_cast<Nanoseconds>(index);
  const std::size_t shift = octave - 1;
  return static_cast<Nanoseconds>((index - (shift << kSubBits)) << shift);
}

}  // namespace pingperf
