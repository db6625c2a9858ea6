// What this process, and the host around it, used up between two instants.
#pragma once

#include <cstdint>
#include <optional>

#include "sockets/measure/measurement.h"

namespace pingperf {

// Cumulative figures of the calling process (getrusage(2)) and of the host's CPUs (/proc/stat).
struct Usage {
  double user_s = 0;
  double system_s = 0;
  std::uint64_t context_switches = 0;  // voluntary and not
  std::uint64_t involuntary_switches = 0;
  std::uint64_t steal_ticks = 0;
  std::uint64_t idle_ticks = 0;         // iowait and steal are not busy either
  std::uint64_t total_ticks = 0;        // 0 when /proc/stat cannot be read
  std::optional<std::uint64_t> cycles;  // of all threads; empty where they are not counted

  static Usage now() noexcept;
};

// Has the CPU cycles of this thread, and of those that it starts from now on, counted
// (perf_event_open(2)), where the CPU and the kernel let us: virtual machines often do not.
void start_counting_cycles() noexcept;

// Writes what was used from `before` to `after` into the CPU, context switch, steal and host
// fields.
void set_usage(Measurement& measurement, const Usage& before, const Usage& after);

}  // namespace pingperf
