#include "sockets/engines.h"

#include <algorithm>
#include <vector>

namespace pingperf {

bool Engine::honours(std::string_view parameter) const {
  return std::find(parameters.begin(), parameters.end(), parameter) != parameters.end();
}

std::span<const Engine* const> socket_engines() {
  static const std::vector<const Engine*> engines = [] {
    std::vector<const Engine*> list;
    const auto add = [&](std::span<const Engine> family) {
      for (const Engine& engine : family) list.push_back(&engine);
    };
    add(noop_engines());
    add(blocking_stream_throughput());
    add({&blocking_udp_throughput(), 1});
    add({&multicast_throughput(), 1});
    add(blocking_latency());
    add({&multicast_latency(), 1});
    add(blocking_connect());
    add(spin_latency());
    add(hybrid_latency());
    add(epoll_throughput());
    add(epoll_latency());
    add(epoll_connect());
    add(io_uring_throughput());
    add({&io_uring_udp_throughput(), 1});
    add(io_uring_latency());
    add(io_uring_connect());
    add({&packet_throughput(), 1});
    add({&packet_latency(), 1});
    add({&xdp_throughput(), 1});
    add({&xdp_latency(), 1});
    add({&splice_throughput(), 1});
    add({&tls_throughput(), 1});
    add({&tls_latency(), 1});
    add({&tls_connect(), 1});
    return list;
  }();
  return engines;
}

}  // namespace pingperf
