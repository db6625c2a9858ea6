#include "sockets/measure/usage.h"

#include <fcntl.h>
#include <linux/perf_event.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>

#include "sockets/core/fd.h"

namespace pingperf {
namespace {

double seconds(const timeval& t) {
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
}

// Reads the first line of /proc/stat (proc(5)), the ticks of: user nice system idle iowait irq
// softirq steal.
void read_ticks(Usage& usage) noexcept {
  const Fd fd(::open("/proc/stat", O_RDONLY | O_CLOEXEC));
  char text[256];
  const ssize_t size = fd ? ::read(fd.get(), text, sizeof text - 1) : -1;
  if (size <= 0) return;
  text[size] = '\0';
  unsigned long long t[8] = {};
  if (std::sscanf(text, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &t[0], &t[1], &t[2], &t[3],
                  &t[4], &t[5], &t[6], &t[7]) != 8)
    return;
  usage.steal_ticks = t[7];
  usage.idle_ticks = t[3] + t[4];
  for (unsigned long long ticks : t) usage.total_ticks += ticks;
}

// The cycle counter of the process, which stays open; -1: none.
int cycles_fd = -1;

std::optional<std::uint64_t> read_cycles() noexcept {
  std::uint64_t cycles = 0;
  if (cycles_fd < 0 || ::read(cycles_fd, &cycles, sizeof cycles) != sizeof cycles)
    return std::nullopt;
  return cycles;
}

}  // namespace

void start_counting_cycles() noexcept {
  perf_event_attr attributes{};
  attributes.type = PERF_TYPE_HARDWARE;
  attributes.size = sizeof attributes;
  attributes.config = PERF_COUNT_HW_CPU_CYCLES;
  attributes.inherit = 1;
  constexpr pid_t kThis = 0;
  constexpr int kAnyCpu = -1, kNoGroup = -1;
  if (cycles_fd < 0)
    cycles_fd = static_cast<int>(::syscall(SYS_perf_event_open, &attributes, kThis, kAnyCpu,
                                           kNoGroup, PERF_FLAG_FD_CLOEXEC));
}

Usage Usage::of(const rusage& process) noexcept {
  Usage usage;
  usage.user_s = seconds(process.ru_utime);
  usage.system_s = seconds(process.ru_stime);
  usage.context_switches = static_cast<std::uint64_t>(process.ru_nvcsw + process.ru_nivcsw);
  usage.involuntary_switches = static_cast<std::uint64_t>(process.ru_nivcsw);
  usage.peak_memory_bytes = static_cast<std::uint64_t>(process.ru_maxrss) * 1024;
  read_ticks(usage);
  return usage;
}

Usage Usage::now() noexcept {
  rusage r{};
  ::getrusage(RUSAGE_SELF, &r);
  Usage usage = of(r);
  usage.cycles = read_cycles();
  return usage;
}

void set_usage(Measurement& measurement, const Usage& before, const Usage& after) {
  measurement.cpu_user_s = after.user_s - before.user_s;
  measurement.cpu_system_s = after.system_s - before.system_s;
  measurement.context_switches = after.context_switches - before.context_switches;
  measurement.involuntary_switches = after.involuntary_switches - before.involuntary_switches;
  measurement.peak_memory_bytes = after.peak_memory_bytes;
  if (before.cycles && after.cycles) measurement.cycles = *after.cycles - *before.cycles;
  if (after.total_ticks <= before.total_ticks) return;
  const auto total = static_cast<double>(after.total_ticks - before.total_ticks);
  const auto steal = static_cast<double>(after.steal_ticks - before.steal_ticks);
  const auto idle = static_cast<double>(after.idle_ticks - before.idle_ticks);
  const auto ticks_per_second = static_cast<double>(::sysconf(_SC_CLK_TCK));
  measurement.steal_ratio = steal / total;
  measurement.host_total_s = total / ticks_per_second;
  measurement.host_busy_s = (total - idle - steal) / ticks_per_second;
}

}  // namespace pingperf
