// The clocks that every measurement uses.
#pragma once

#include <cstdint>
#include <ctime>
#include <string_view>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace pingperf {

using Nanoseconds = std::int64_t;  // durations and instants of CLOCK_MONOTONIC

inline constexpr Nanoseconds kMicrosecond = 1'000;
inline constexpr Nanoseconds kMillisecond = 1'000'000;
inline constexpr Nanoseconds kSecond = 1'000'000'000;

// The time of `clock`, through the vDSO (clock_gettime(2)): no system call.
inline Nanoseconds read_clock(clockid_t clock) noexcept {
  timespec t;
  ::clock_gettime(clock, &t);
  return t.tv_sec * kSecond + t.tv_nsec;
}

// Now, on CLOCK_MONOTONIC.
inline Nanoseconds now_ns() noexcept {
  return read_clock(CLOCK_MONOTONIC);
}

inline double to_seconds(Nanoseconds ns) noexcept {
  return static_cast<double>(ns) / 1e9;
}

// How the stop clock reads the time: the processor's time stamp counter, when it is invariant and
// was measured to be cheaper, else CLOCK_MONOTONIC.
struct StopClock {
  std::uint64_t ticks = 0;  // the counter at `time`
  Nanoseconds time = 0;
  std::uint64_t scale = 0;  // nanoseconds a tick, times 2^32; 0: CLOCK_MONOTONIC is read
  double cost_ns = 0;       // of one reading, as measured

  std::string_view name() const noexcept { return scale == 0 ? "monotonic" : "tsc"; }
};

extern StopClock stop_clock;

// Calibrates the counter against CLOCK_MONOTONIC (2 ms), measures what both cost, and sets
// stop_clock. To be called before any thread reads it. The counter then keeps CLOCK_MONOTONIC's
// time to some millionths.
void choose_stop_clock() noexcept;

// The counter, not before what precedes it in the program (as the vDSO reads it).
inline std::uint64_t read_ticks() noexcept {
#if defined(__x86_64__)
  _mm_lfence();
  return __rdtsc();
#else
  return 0;
#endif
}

// Now, on the time of CLOCK_MONOTONIC, by the stop clock: for what is read at every ping.
inline Nanoseconds stop_clock_ns() noexcept {
  const StopClock& c = stop_clock;
  if (c.scale == 0) return now_ns();
  __extension__ using Wide = __int128;
  const auto since = static_cast<std::int64_t>(read_ticks() - c.ticks);
  return c.time + static_cast<Nanoseconds>(Wide{since} * static_cast<std::int64_t>(c.scale) >> 32);
}

}  // namespace pingperf
