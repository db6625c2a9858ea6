// Counters of the kernel, and how much they changed during a trial.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pingperf {

// Where a counter is read. The names are those of the kernel's files, or of the kind.
enum class CounterSource {
  snmp,
  snmp6,
  netstat,
  softnet_stat,
  interrupts,
  softirqs,
  stat,
  pressure,
  ethtool,
  tracepoint,
  socket,
};

std::string_view name(CounterSource source);
std::optional<CounterSource> counter_source_from(std::string_view text);

// Returns true if the source counts for the whole kernel, false if it counts for a network
// namespace.
bool is_kernel_wide(CounterSource source);

struct CounterChange {
  CounterSource source{};
  std::string name;       // as the kernel has it: "Tcp.RetransSegs", "NET_RX cpu1"
  std::string host;       // "client", "server" or "both"; the controller sets it
  double difference = 0;  // a whole number, or seconds for `pressure`
};

}  // namespace pingperf
