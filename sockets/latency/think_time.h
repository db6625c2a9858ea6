// The pause of a flow between a pong and its next ping (think_time).
#pragma once

#include <algorithm>
#include <ctime>
#include <vector>

#include "sockets/core/io.h"
#include "sockets/latency/pingpong.h"

namespace pingperf {

// Waits until `until`. Returns earlier if the window closes or the meter is stopped.
template <Wait wait>
void think(Nanoseconds until, const PingThread& t, const Meter& meter) noexcept {
  for (Nanoseconds now; (now = fast_now_ns()) < until && now < t.closed && !meter.stopped();) {
    if constexpr (wait == Wait::spin) continue;
    const Nanoseconds left = std::min({until, t.closed, now + kStopCheck}) - now;
    const timespec nap{left / kSecond, left % kSecond};
    ::clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, nullptr);
  }
}

// The flows of one thread that think. All think for the same time, so they end in the order in
// which they started.
class ThinkingFlows {
 public:
  ThinkingFlows(std::size_t flows, Nanoseconds time) : time_(time), queue_(flows) {}

  bool empty() const noexcept { return count_ == 0; }

  // Starts the pause of `flow`.
  void add(PingFlow& flow) noexcept {
    queue_[(first_ + count_++) % queue_.size()] = {&flow, fast_now_ns() + time_};
  }

  // Calls again(flow) for each flow whose pause has ended.
  template <typename Again>
  void wake_due(Again again) noexcept {
    for (; count_ > 0 && queue_[first_].until <= fast_now_ns(); --count_) {
      PingFlow& flow = *queue_[first_].flow;
      first_ = (first_ + 1) % queue_.size();
      again(flow);
    }
  }

  // Returns the time until the end of the first pause, but at most `longest`. A negative `longest`
  // is no limit, and a negative result too.
  Nanoseconds wait(Nanoseconds longest) const noexcept {
    if (empty()) return longest;
    const Nanoseconds left = std::max<Nanoseconds>(0, queue_[first_].until - fast_now_ns());
    return longest < 0 ? left : std::min(left, longest);
  }

 private:
  struct Pause {
    PingFlow* flow = nullptr;
    Nanoseconds until = 0;
  };

  const Nanoseconds time_;
  std::vector<Pause> queue_;
  std::size_t first_ = 0;
  std::size_t count_ = 0;
};

}  // namespace pingperf
