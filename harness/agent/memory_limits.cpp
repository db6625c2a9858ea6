#include "harness/agent/memory_limits.h"

#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdint>

#include "harness/agent/group_limits.h"
#include "harness/agent/host_facts.h"
#include "harness/base/io.h"
#include "harness/base/parse_number.h"
#include "harness/base/units.h"
#include "sockets/core/size_mix.h"
#include "sockets/ethernet/xdp_socket.h"

namespace pingperf {
namespace {

std::optional<std::uint64_t> limit_of(__rlimit_resource resource) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  return limit.rlim_cur;
}

// Estimates the buffers of both ends in bytes. The estimate may be too low, so that no possible
// case is reported.
struct Buffers {
  double sender = 0;  // of bulk transfer, or the client
  double receiver = 0;

  double both() const { return sender + receiver; }
};

Buffers buffers_of(const Options& o) {
  constexpr double kSamples = 32e6;  // of the round trips that `samples: all` keeps
  const auto flows = static_cast<double>(o.receivers.value_or(o.streams.value_or(1)));
  const auto message = static_cast<double>(std::max(max_message(o), o.response_size.value_or(0)));
  if (o.engine == "iperf3") return {message, message};
  if (o.kind != Kind::throughput)
    return {(flows + 2) * message + (o.samples ? kSamples : 0), (flows + 2) * message};
  const bool has_slots = o.transport == Transport::udp && o.queue_depth;
  const auto slots =
      static_cast<double>(has_slots ? std::max<std::uint64_t>(*o.queue_depth, 2) : 2);
  return {flows * slots * message + static_cast<double>(o.frame_bytes.value_or(0)),
          flows * message};
}

Buffers buffers_of(const Case& c) {
  return c.program ? Buffers{} : buffers_of(*c.options);
}

std::string parameters_of(const Options& o) {
  if (o.size_mix) return "size_mix or streams";
  return o.queue_depth && o.transport == Transport::udp ? "message_size, streams or queue_depth"
                                                        : "message_size or streams";
}

std::optional<std::string> lock_limit(const Options& o, const HostMemory& host) {
  if (o.engine != "xdp" || !host.locked) return std::nullopt;
  const std::size_t needed = 2 * locked_memory(o.message_size.value_or(kMinFrame));  // both ends
  if (*host.locked >= needed) return std::nullopt;
  return fmt::format(
      "not enough memory for the buffers: the AF_XDP sockets of both ends lock {}, and ulimit -l "
      "is "
      "{}: raise it (LimitMEMLOCK= of systemd)",
      human_size(static_cast<double>(needed)), human_size(static_cast<double>(*host.locked)));
}

}  // namespace

HostMemory HostMemory::here() {
  const std::string available = value_of_key("/proc/meminfo", "MemAvailable");  // "1234 kB"
  const auto kib = parse_number<std::uint64_t>(available.substr(0, available.find(' ')));
  const bool may_lock = has_capability(CAP_IPC_LOCK);
  return {.available = kib ? std::optional(*kib * 1024) : std::nullopt,
          .of_groups = memory_limit(read_file("/proc/self/cgroup").value_or("")),
          .of_process = limit_of(RLIMIT_AS),
          .locked = may_lock ? std::nullopt : limit_of(RLIMIT_MEMLOCK)};
}

std::optional<std::string> memory_limit(const Case& c, const HostMemory& host) {
  const Buffers own = buffers_of(c);
  const double both = own.both() + (c.background ? buffers_of(*c.background).both() : 0);
  const auto exceeds = [&](double bytes, std::string_view who,
                           const std::optional<std::uint64_t>& limit,
                           std::string_view name) -> std::optional<std::string> {
    if (!limit || bytes <= static_cast<double>(*limit)) return std::nullopt;
    return fmt::format("not enough memory for the buffers: {} about {}, and {} is {}: lower {}",
                       who, human_size(bytes), name, human_size(static_cast<double>(*limit)),
                       parameters_of(*c.options));
  };
  if (auto why =
          exceeds(std::max(own.sender, own.receiver), "an end needs", host.of_process, "ulimit -v"))
    return why;
  const bool by_group = host.of_groups && host.of_groups < host.available.value_or(UINT64_MAX);
  if (auto why = by_group ? exceeds(both, "both ends need", host.of_groups,
                                    "the memory limit of the control group")
                          : exceeds(both, "both ends need", host.available, "MemAvailable"))
    return why;
  return lock_limit(*c.options, host);
}

}  // namespace pingperf
