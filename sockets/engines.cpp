#include "sockets/engines.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "sockets/fd.h"

namespace pingperf {

bool Engine::honours(std::string_view parameter) const {
  return std::find(parameters.begin(), parameters.end(), parameter) != parameters.end();
}

std::optional<std::string> always_available() {
  return std::nullopt;
}

std::optional<std::string> mptcp_unavailable() {
  const Fd probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP));
  if (probe) return std::nullopt;
  return std::string("this kernel has no MPTCP (sysctl net.mptcp.enabled=1): ") +
         std::strerror(errno);
}

std::optional<std::string> raw_unavailable() {
  const Fd probe(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP));
  if (probe) return std::nullopt;
  return std::string("raw sockets need CAP_NET_RAW (run as root): ") + std::strerror(errno);
}

std::span<const Engine* const> socket_engines() {
  static const std::vector<const Engine*> engines = [] {
    std::vector<const Engine*> list;
    const auto add = [&](std::span<const Engine> family) {
      for (const Engine& engine : family) list.push_back(&engine);
    };
    add(null_engines());
    add(blocking_stream_throughput());
    add({&blocking_udp_throughput(), 1});
    add(blocking_latency());
    add(blocking_connect());
    add(spin_latency());
    add(hybrid_latency());
    add(epoll_throughput());
    add(epoll_latency());
    add({&io_uring_throughput(), 1});
    add(io_uring_latency());
    add({&splice_throughput(), 1});
    return list;
  }();
  return engines;
}

}  // namespace pingperf
