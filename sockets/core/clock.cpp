#include "sockets/core/clock.h"

#include <algorithm>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace pingperf {

FastClock fast_clock;

namespace {

constexpr Nanoseconds kCalibration = 2 * kMillisecond;

// Returns true if the time stamp counter has the same rate in every power state and on every CPU
// (Intel SDM 18.17.1, AMD APM 13.2.4).
bool has_invariant_counter() noexcept {
#if defined(__x86_64__)
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(0x80000007, &a, &b, &c, &d) != 0 && (d & 1U << 8) != 0;
#else
  return false;
#endif
}

struct Pair {
  std::uint64_t ticks;
  Nanoseconds time;
};

// Reads both clocks 16 times. Returns the reading that took the fewest ticks, since an interrupt
// between the clocks lengthens a reading.
Pair read_both() noexcept {
  Pair best{};
  std::uint64_t narrowest = UINT64_MAX;
  for (int i = 0; i < 16; ++i) {
    const std::uint64_t before = read_ticks();
    const Nanoseconds time = now_ns();
    const std::uint64_t width = read_ticks() - before;
    if (width >= narrowest) continue;
    narrowest = width;
    best = {before + width / 2, time};
  }
  return best;
}

// Returns the nanoseconds of one reading: the minimum of eight rounds.
template <typename Read>
double cost_of(Read read) noexcept {
  constexpr int kReadings = 64;
  double best = 1e9;
  for (int round = 0; round < 8; ++round) {
    const Nanoseconds begin = now_ns();
    for (int i = 0; i < kReadings; ++i) {
      volatile Nanoseconds sink = read();
      static_cast<void>(sink);
    }
    best = std::min(best, static_cast<double>(now_ns() - begin) / kReadings);
  }
  return best;
}

// Calibrates the counter and returns the cheaper clock.
FastClock choose() noexcept {
  const FastClock monotonic{.cost_ns = cost_of(now_ns)};
  if (!has_invariant_counter()) return monotonic;
  const Pair begin = read_both();
  while (now_ns() - begin.time < kCalibration) {
  }
  const Pair end = read_both();
  if (end.ticks <= begin.ticks) return monotonic;
  const double scale = static_cast<double>(end.time - begin.time) /
                       static_cast<double>(end.ticks - begin.ticks) * 4294967296.0;
  FastClock counter{end.ticks, end.time, static_cast<std::uint64_t>(scale)};
  counter.cost_ns = cost_of([&] { return counter.read(); });
  return counter.cost_ns < monotonic.cost_ns ? counter : monotonic;
}

}  // namespace

void calibrate_clock() noexcept {
  static const bool chosen = [] {
    fast_clock = choose();
    return true;
  }();
  static_cast<void>(chosen);
}

}  // namespace pingperf
