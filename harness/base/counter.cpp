#include "harness/base/counter.h"

#include <algorithm>
#include <iterator>

namespace pingperf {
namespace {

constexpr std::string_view kSources[] = {
    "snmp", "snmp6",    "netstat", "softnet_stat", "interrupts", "softirqs",
    "stat", "pressure", "ethtool", "tracepoint",   "socket",
};

}  // namespace

std::string_view name(CounterSource source) {
  return kSources[static_cast<std::size_t>(source)];
}

std::optional<CounterSource> counter_source_from(std::string_view text) {
  const auto found = std::ranges::find(kSources, text);
  if (found == std::end(kSources)) return std::nullopt;
  return static_cast<CounterSource>(found - std::begin(kSources));
}

bool is_kernel_wide(CounterSource source) {
  using enum CounterSource;
  switch (source) {
    case snmp:
    case snmp6:
    case netstat:
    case ethtool:
    case socket:
      return false;
    default:
      return true;
  }
}

}  // namespace pingperf
