// The clocks that every measurement uses.
#pragma once

#include <cstdint>
#include <ctime>
#include <string_view>

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

// `a` - `b` of times that a peer told: whatever they are, it wraps.
constexpr Nanoseconds difference(Nanoseconds a, Nanoseconds b) noexcept {
  return static_cast<Nanoseconds>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}

// The counter, not before what precedes it in the program (as the vDSO reads it).
inline std::uint64_t read_ticks() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_lfence();
  return __builtin_ia32_rdtsc();
#else
  return 0;
#endif
}

// How the stop clock reads the time: the processor's time stamp counter, when it is invariant and
// was measured to be cheaper, else CLOCK_MONOTONIC.
struct FastClock {
  std::uint64_t ticks = 0;  // the counter at `time`
  Nanoseconds time = 0;
  std::uint64_t scale = 0;  // nanoseconds a tick, times 2^32; 0: CLOCK_MONOTONIC is read
  double cost_ns = 0;       // of one reading, as measured

  std::string_view name() const noexcept { return scale == 0 ? "monotonic" : "tsc"; }

  Nanoseconds read() const noexcept {
    if (scale == 0) return now_ns();
    __extension__ using Wide = __int128;
    const auto since = static_cast<std::int64_t>(read_ticks() - ticks);
    return time + static_cast<Nanoseconds>(Wide{since} * static_cast<std::int64_t>(scale) >> 32);
  }
};

extern FastClock fast_clock;

// The first call of all calibrates the counter against CLOCK_MONOTONIC (2 ms), measures what both
// cost, and sets fast_clock; to be called before it is read. The counter then keeps
// CLOCK_MONOTONIC's time to some tens of millionths.
void calibrate_clock() noexcept;

// Now, on the time of CLOCK_MONOTONIC, by the stop clock: for what is read at every ping.
inline Nanoseconds fast_now_ns() noexcept {
  return fast_clock.read();
}

}  // namespace pingperf
