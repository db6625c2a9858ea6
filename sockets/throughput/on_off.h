// OnOff: the phases of a sender with on_off, which sends for a time and pauses for a time.
#pragma once

#include "sockets/core/options.h"

namespace pingperf {

// The phases of a sender with on_off: it sends for on_time, then pauses for off_time. Its sending
// time runs only while it sends. Without on_off that is the time of the clock.
class OnOff {
 public:
  OnOff() noexcept = default;
  explicit OnOff(const Options& options) noexcept
      : on_(options.on_time.value_or(0)), period_(on_ + options.off_time.value_or(0)) {}

  bool pauses() const noexcept { return on_ > 0; }
  // Returns the share of the time in which the sender sends.
  double share() const noexcept {
    return pauses() ? static_cast<double>(on_) / static_cast<double>(period_) : 1;
  }
  // Sets the start of the first phase, if it is not set.
  void start(Nanoseconds now) noexcept {
    if (start_ == 0) start_ = now;
  }
  bool is_on(Nanoseconds now) const noexcept { return !pauses() || (now - start_) % period_ < on_; }
  // Returns the sending time. During a pause it is the last nanosecond of the phase before.
  double sending_time(Nanoseconds now) const noexcept;
  // Returns the time of the clock at a sending time.
  double clock_time_of(double sending_time) const noexcept;

 private:
  Nanoseconds on_ = 0;
  Nanoseconds period_ = 0;
  Nanoseconds start_ = 0;
};

}  // namespace pingperf
