// The clocks that every measurement uses.
#pragma once

#include <cstdint>
#include <ctime>
#include <string_view>

namespace pingperf {

// A duration, or an instant of CLOCK_MONOTONIC if no other clock is named.
using Nanoseconds = std::int64_t;

inline constexpr Nanoseconds kMicrosecond = 1'000;
inline constexpr Nanoseconds kMillisecond = 1'000'000;
inline constexpr Nanoseconds kSecond = 1'000'000'000;

// Returns the time of `clock` (clock_gettime(2)). The vDSO does it without a system call.
inline Nanoseconds read_clock(clockid_t clock) noexcept {
  timespec t;
  ::clock_gettime(clock, &t);
  return t.tv_sec * kSecond + t.tv_nsec;
}

// Returns the time of CLOCK_MONOTONIC.
inline Nanoseconds now_ns() noexcept {
  return read_clock(CLOCK_MONOTONIC);
}

inline double to_seconds(Nanoseconds ns) noexcept {
  return static_cast<double>(ns) / 1e9;
}

// Returns a - b. Wraps on overflow, because a peer can send any time.
constexpr Nanoseconds difference(Nanoseconds a, Nanoseconds b) noexcept {
  return static_cast<Nanoseconds>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}

// Reads the time stamp counter after all earlier instructions have completed, as the vDSO does.
// Returns 0 on processors other than x86-64.
inline std::uint64_t read_ticks() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_lfence();
  return __builtin_ia32_rdtsc();
#else
  return 0;
#endif
}

// The cheaper of two clocks: the processor's time stamp counter if it is invariant, or
// CLOCK_MONOTONIC. Both return the time of CLOCK_MONOTONIC.
struct FastClock {
  std::uint64_t ticks = 0;  // the counter at `time`
  Nanoseconds time = 0;
  std::uint64_t scale = 0;  // nanoseconds per tick, times 2^32; 0: CLOCK_MONOTONIC is read
  double cost_ns = 0;       // measured time of one reading

  std::string_view name() const noexcept { return scale == 0 ? "monotonic" : "tsc"; }

  Nanoseconds read() const noexcept {
    if (scale == 0) return now_ns();
    __extension__ using Wide = __int128;
    const auto since = static_cast<std::int64_t>(read_ticks() - ticks);
    return time + static_cast<Nanoseconds>(Wide{since} * static_cast<std::int64_t>(scale) >> 32);
  }
};

extern FastClock fast_clock;

// Sets fast_clock to the cheaper clock. Call it before the first fast_now_ns(). The first call
// calibrates the counter against CLOCK_MONOTONIC for 2 ms; later calls do nothing. The rate of the
// counter then differs from CLOCK_MONOTONIC by some tens of millionths.
void calibrate_clock() noexcept;

// Returns the time of CLOCK_MONOTONIC from the cheaper clock, for loops that read it at every ping.
inline Nanoseconds fast_now_ns() noexcept {
  return fast_clock.read();
}

}  // namespace pingperf
