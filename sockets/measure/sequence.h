// SequenceTracker: counts lost, reordered and duplicate datagrams and estimates their jitter.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bitset>
#include <cstdint>

#include "sockets/core/clock.h"

namespace pingperf {

// Tracks one flow of datagrams, which are numbered from 0. One thread calls received() and
// expect(). Other threads may read the counts. The counts are relaxed atomics with one writer, so
// updates are plain moves.
class SequenceTracker {
 public:
  // Counts a datagram. `sent` and `arrived` are times of the sender's and the receiver's clocks,
  // which may differ. Returns false for a duplicate.
  bool received(std::uint64_t number, Nanoseconds sent, Nanoseconds arrived) noexcept;

  // Sets the number of datagrams that the sender has sent, so that missing last ones count as lost.
  void expect(std::uint64_t count) noexcept {
    if (count > expected()) expected_.store(count, std::memory_order_relaxed);
  }

  std::uint64_t expected() const noexcept { return expected_.load(std::memory_order_relaxed); }
  // Returns the number of received datagrams without duplicates.
  std::uint64_t distinct() const noexcept { return distinct_.load(std::memory_order_relaxed); }
  std::uint64_t lost() const noexcept {
    const std::uint64_t all = expected(), here = distinct();
    return all > here ? all - here : 0;
  }
  // Returns the number of datagrams that arrived after one with a higher number (RFC 4737 §3,
  // type-P-reordered).
  std::uint64_t out_of_order() const noexcept {
    return out_of_order_.load(std::memory_order_relaxed);
  }
  std::uint64_t duplicates() const noexcept { return duplicates_.load(std::memory_order_relaxed); }
  // Returns the interarrival jitter (RFC 3550 §6.4.1): J += (|D| - J) / 16.
  double jitter_ns() const noexcept { return jitter_.load(std::memory_order_relaxed); }

 private:
  // Duplicates are recognised among so many numbers below the highest.
  static constexpr std::uint64_t kWindow = 1 << 16;

  bool seen(std::uint64_t number) noexcept;
  void advance(std::uint64_t number) noexcept;
  static void add(std::atomic<std::uint64_t>& counter) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  std::atomic<std::uint64_t> expected_{0};  // one more than the highest number
  std::atomic<std::uint64_t> distinct_{0};
  std::atomic<std::uint64_t> out_of_order_{0};
  std::atomic<std::uint64_t> duplicates_{0};
  std::atomic<double> jitter_{0};
  Nanoseconds transit_ = 0;
  bool has_transit_ = false;
  std::uint64_t next_ = 0;  // like expected_, but expect() does not change it
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

// Returns true for a duplicate. A number below the window may be a duplicate, but counts as late.
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
