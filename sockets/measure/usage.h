// Usage: the resources that this process and its host have used.
#pragma once

#include <sys/resource.h>

#include <cstdint>
#include <optional>

#include "sockets/measure/measurement.h"

namespace pingperf {

// Cumulative figures of this process (getrusage(2)) and of the host's CPUs (/proc/stat).
struct Usage {
  double user_s = 0;
  double system_s = 0;
  std::uint64_t context_switches = 0;  // voluntary and involuntary
  std::uint64_t involuntary_switches = 0;
  std::uint64_t steal_ticks = 0;
  std::uint64_t idle_ticks = 0;         // with iowait
  std::uint64_t total_ticks = 0;        // 0: /proc/stat cannot be read
  std::optional<std::uint64_t> cycles;  // of all threads; empty: not counted
  std::uint64_t peak_memory_bytes = 0;  // largest resident set

  // Reads the current figures.
  static Usage now() noexcept;
  // Takes the figures of another process, which ended. Reads the host's.
  static Usage of(const rusage& process) noexcept;
};

// Starts counting the CPU cycles of this thread and of the threads that it starts later
// (perf_event_open(2)). Has no effect if the CPU or the kernel does not permit it, as in many
// virtual machines.
void start_counting_cycles() noexcept;

// Sets the fields for CPU, context switches, memory, steal and host to the usage from `before` to
// `after`.
void set_usage(Measurement& measurement, const Usage& before, const Usage& after);

}  // namespace pingperf
