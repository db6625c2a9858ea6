// Sequence numbers of datagrams: what was lost, reordered and duplicated, and the jitter.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bitset>
#include <cstdint>

#include "sockets/core/clock.h"

namespace pingperf {

// Follows one flow of datagrams numbered from 0. One thread calls received(); the counts may be
// read from another: they are relaxed atomics with one writer, so that the hot path pays plain
// moves.
class SequenceTracker {
 public:
  // Every datagram's number, its sender's time stamp and its arrival, each on its host's own clock.
  // Returns false for a duplicate.
  bool received(std::uint64_t number, Nanoseconds sent, Nanoseconds arrived) noexcept;

  // The sender says how many it sent: those missing at the end are lost too.
  void expect(std::uint64_t count) noexcept {
    if (count > expected()) expected_.store(count, std::memory_order_relaxed);
  }

  std::uint64_t expected() const noexcept { return expected_.load(std::memory_order_relaxed); }
  // Distinct datagrams; duplicates do not count.
  std::uint64_t distinct() const noexcept { return distinct_.load(std::memory_order_relaxed); }
  std::uint64_t lost() const noexcept {
    const std::uint64_t all = expected(), here = distinct();
    return all > here ? all - here : 0;
  }
  // Arrived after one with a higher number (RFC 4737 §3, type-P-reordered).
  std::uint64_t out_of_order() const noexcept {
    return out_of_order_.load(std::memory_order_relaxed);
  }
  std::uint64_t duplicates() const noexcept { return duplicates_.load(std::memory_order_relaxed); }
  // Interarrival jitter, RFC 3550 §6.4.1: J += (|D| - J) / 16.
  double jitter_ns() const noexcept { return jitter_.load(std::memory_order_relaxed); }

 private:
  // Numbers this far behind the highest are told apart from duplicates.
  static constexpr std::uint64_t kWindow = 1 << 16;

  bool seen(std::uint64_t number) noexcept;
  void advance(std::uint64_t number) noexcept;
  static void add(std::atomic<std::uint64_t>& counter) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  std::atomic<std::uint64_t> expected_{0};  // one past the highest number
  std::atomic<std::uint64_t> distinct_{0};
  std::atomic<std::uint64_t> out_of_order_{0};
  std::atomic<std::uint64_t> duplicates_{0};
  std::atomic<double> jitter_{0};
  Nanoseconds transit_ = 0;
  bool has_transit_ = false;
  std::uint64_t next_ = 0;  // as expected_, but not moved by expect()
  std::bitset<kWindow> window_;
};

inline bool SequenceTracker::received(std::uint64_t number, Nanoseconds sent,
                                      Nanoseconds arrived) noexcept {
  if (number >= next_) {
    advance(number);
  } else {
    if (seen(number)) {
      add(duplicates_);
      return false;
    }
    add(out_of_order_);
  }
  add(distinct_);
  const Nanoseconds transit = difference(arrived, sent);
  if (has_transit_) {
    const auto d = static_cast<double>(transit > transit_ ? difference(transit, transit_)
                                                          : difference(transit_, transit));
    const double j = jitter_.load(std::memory_order_relaxed);
    jitter_.store(j + (d - j) / 16, std::memory_order_relaxed);
  }
  transit_ = transit;
  has_transit_ = true;
  return true;
}

// A number behind the window cannot be told from a duplicate: it counts as late, not as seen.
inline bool SequenceTracker::seen(std::uint64_t number) noexcept {
  if (next_ - number > kWindow) return false;
  if (window_[number % kWindow]) return true;
  window_[number % kWindow] = true;
  return false;
}

inline void SequenceTracker::advance(std::uint64_t number) noexcept {
  if (number - next_ >= kWindow)
    window_.reset();
  else
    for (std::uint64_t skipped = next_; skipped < number; ++skipped)
      window_[skipped % kWindow] = false;
  window_[number % kWindow] = true;
  next_ = number + 1;
  expect(next_);
}

}  // namespace pingperf
