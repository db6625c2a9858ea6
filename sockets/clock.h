// The clock that every measurement uses.
#pragma once

#include <cstdint>
#include <ctime>

namespace pingperf {

using Nanoseconds = std::int64_t;  // durations and instants of CLOCK_MONOTONIC

inline constexpr Nanoseconds kMicrosecond = 1'000;
inline constexpr Nanoseconds kMillisecond = 1'000'000;
inline constexpr Nanoseconds kSecond = 1'000'000'000;

// Now, on CLOCK_MONOTONIC, through the vDSO (clock_gettime(2)): no system call.
inline Nanoseconds now_ns() noexcept {
  timespec t;
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * kSecond + t.tv_nsec;
}

inline double to_seconds(Nanoseconds ns) noexcept {
  return static_cast<double>(ns) / 1e9;
}

}  // namespace pingperf
