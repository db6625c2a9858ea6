#include "harness/agent/host_limits.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>

#include "harness/agent/memory_limits.h"
#include "sockets/core/cpu_set.h"
#include "sockets/core/fd.h"
#include "sockets/core/limits.h"
#include "sockets/core/message_limits.h"
#include "sockets/ethernet/ethernet.h"

namespace pingperf {
namespace {

std::optional<std::string> cpu_limit(const Options& o, const Cpus& usable) {
  for (const auto& [key, pin] :
       {std::pair("pin.client", o.client_cpu), std::pair("pin.server", o.server_cpu)}) {
    if (!pin) continue;
    try {
      if (const auto reason = why_unusable(cpus_of_pin(*pin), usable))
        return fmt::format("{}: {}: {}", key, *pin, *reason);
    } catch (const std::runtime_error& e) {  // no such node
      return fmt::format("{}: {}", key, e.what());
    }
  }
  return std::nullopt;
}

// Replaces NUMA nodes by their CPUs on this host. Returns the engine's error for these pins.
std::optional<std::string> node_limit(const Case& c) {
  if (!c.engine || !c.engine->validate) return std::nullopt;
  Options resolved = *c.options;
  return resolve_nodes(resolved) ? c.engine->validate(resolved) : std::nullopt;
}

// Sets the algorithm, as a trial does: the kernel may load its module for that. The user of a lab
// may choose each that the kernel has.
std::optional<std::string> congestion_limit(const std::string& algorithm, bool in_lab = false) {
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket || ::setsockopt(socket.get(), IPPROTO_TCP, TCP_CONGESTION, algorithm.c_str(),
                              static_cast<socklen_t>(algorithm.size())) == 0)
    return std::nullopt;
  if (errno == EPERM && !in_lab)
    return fmt::format(
        "congestion_control: this user may not choose {}: add it to "
        "net.ipv4.tcp_allowed_congestion_control",
        algorithm);
  if (errno != ENOENT) return std::nullopt;
  return fmt::format(
      "congestion_control: this kernel has no {}: modprobe tcp_{}, or choose one of "
      "net.ipv4.tcp_available_congestion_control",
      algorithm, algorithm);
}

// Returns the number of ports that the kernel gives to clients; nullopt if it cannot be read.
std::optional<std::uint64_t> local_ports() {
  std::uint64_t first = 0, last = 0;
  std::ifstream range("/proc/sys/net/ipv4/ip_local_port_range");
  if (!(range >> first >> last) || last < first) return std::nullopt;
  return last - first + 1;
}

std::optional<std::string> port_limit(const Options& o, std::optional<std::uint64_t> ports) {
  const std::uint64_t streams = o.streams.value_or(1);
  if (streams <= 1 || !ports || !has_port(o.transport) || streams <= *ports) return std::nullopt;
  return fmt::format("streams: {} streams for {} local ports: widen net.ipv4.ip_local_port_range",
                     streams, *ports);
}

std::optional<std::string> descriptor_limit(const Options& o) {
  constexpr std::uint64_t kOthers = 32;  // of a worker
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max == RLIM_INFINITY)
    return std::nullopt;
  const std::string_view parameter = o.receivers ? "receivers" : "streams";
  const std::uint64_t sockets = o.receivers.value_or(o.streams.value_or(1));
  if (sockets + kOthers <= limit.rlim_max) return std::nullopt;
  return fmt::format(
      "{0}: {1} {0} for {2} descriptors of a process: raise the hard limit "
      "(ulimit -Hn, LimitNOFILE= of systemd)",
      parameter, sockets, limit.rlim_max);
}

std::optional<std::string> ip_limit(const Options& o) {
  if (o.ip.value_or(4) != 6 || std::filesystem::exists("/proc/net/if_inet6")) return std::nullopt;
  return "ip: this kernel has no IPv6: ipv6.disable=0 on its command line enables it";
}

bool has_loopback_address6() {
  std::ifstream addresses("/proc/net/if_inet6");
  for (std::string line; std::getline(addresses, line);)
    if (line.starts_with("00000000000000000000000000000001 ")) return true;
  return !std::filesystem::exists("/proc/net/if_inet6");  // ip_limit() has another reason
}

// Returns true if the case has a variant that changes what is checked here before its trials.
bool changes_the_system(const Case& c) {
  return c.variant && std::ranges::any_of(c.variant->changes, &SystemChanges::change_the_system);
}

std::string cannot_run(const Case& c, const std::string& reason) {
  return fmt::format("case '{}' cannot run here: {}", c.name, reason);
}

// The namespaces of a lab have the congestion controls of this kernel.
std::vector<std::string> limits_in_lab(const std::vector<Case>& cases) {
  std::vector<std::string> lines;
  std::set<std::string> algorithms;
  for (const Case& c : cases) {
    const auto& algorithm = c.options->congestion_control;
    if (!algorithm || !algorithms.insert(*algorithm).second) continue;
    if (const auto limit = congestion_limit(*algorithm, true))
      lines.push_back(cannot_run(c, *limit));
  }
  return lines;
}

}  // namespace

std::vector<std::string> limits_here(const Experiment& experiment, bool with_pins) {
  if (experiment.lab) return limits_in_lab(experiment.cases);
  std::vector<std::string> lines;
  std::set<std::string> known, algorithms;
  const Cpus usable = usable_cpus();
  const std::optional<std::uint64_t> ports = local_ports();
  const HostMemory memory = HostMemory::here();
  bool lacks_memory = false;
  const bool loopback_is_down = is_loopback_down(), has_address6 = has_loopback_address6();
  const auto add = [&](const Case& c, const std::optional<std::string>& reason) {
    if (reason && known.insert(*reason).second) lines.push_back(cannot_run(c, *reason));
  };
  std::set<std::pair<std::string, std::uint64_t>> frames;
  for (const Case& c : experiment.cases) {
    const HostPair& hosts = experiment.hosts_of(c);
    if (!hosts.client->launch.empty() || !hosts.server->launch.empty()) continue;
    if (with_pins) add(c, cpu_limit(*c.options, usable));
    add(c, node_limit(c));
    add(c, port_limit(*c.options, ports));
    add(c, descriptor_limit(*c.options));
    if (!lacks_memory) {
      const auto why = memory_limit(c, memory);  // one of many cases is enough
      lacks_memory = why.has_value();
      add(c, why);
    }
    add(c, ip_limit(*c.options));
    if (const auto& algorithm = c.options->congestion_control;
        algorithm && algorithms.insert(*algorithm).second)
      add(c, congestion_limit(*algorithm));
    if (!changes_the_system(c)) {
      add(c, exceeds_send_buffer_here(*c.options));
      for (const auto& interface : {c.options->client_interface, c.options->server_interface})
        if (interface && frames.emplace(*interface, c.options->message_size.value_or(0)).second)
          add(c, interface_unusable(*interface, *c.options));
    }
    if (!hosts.server->address.empty() || is_unix(c.options->transport)) continue;
    if (loopback_is_down)
      add(c, "the loopback interface is down: ip link set lo up");
    else if (c.options->ip.value_or(4) == 6 && !has_address6)
      add(c, "ip: the loopback interface has no ::1: sysctl -w net.ipv6.conf.lo.disable_ipv6=0");
  }
  return lines;
}

}  // namespace pingperf
