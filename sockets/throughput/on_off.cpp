#include "sockets/throughput/on_off.h"

#include <algorithm>
#include <cmath>

namespace pingperf {

double OnOff::sending_time(Nanoseconds now) const noexcept {
  if (!pauses()) return static_cast<double>(now);
  const Nanoseconds since = now - start_;
  const Nanoseconds phases = since / period_;
  return static_cast<double>(phases * on_ + std::min(since % period_, on_ - 1));
}

double OnOff::clock_time_of(double sending_time) const noexcept {
  if (!pauses()) return sending_time;
  if (sending_time <= 0) return static_cast<double>(start_);
  const double phases = std::floor(sending_time / static_cast<double>(on_));
  return static_cast<double>(start_) + sending_time + phases * static_cast<double>(period_ - on_);
}

}  // namespace pingperf
