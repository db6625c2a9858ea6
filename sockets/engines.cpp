#include "sockets/engines.h"

#include <algorithm>

namespace pingperf {

bool Engine::honours(std::string_view parameter) const {
  return std::find(parameters.begin(), parameters.end(), parameter) != parameters.end();
}

std::optional<std::string> always_available() {
  return std::nullopt;
}

std::span<const Engine* const> socket_engines() {
  static const std::vector<const Engine*> engines = [] {
    std::vector<const Engine*> list;
    for (const Engine& engine : null_engines()) list.push_back(&engine);
    list.insert(list.end(),
                {&blocking_tcp_throughput(), &blocking_udp_throughput(), &blocking_tcp_latency(),
                 &blocking_udp_latency(), &blocking_tcp_connect()});
    return list;
  }();
  return engines;
}

}  // namespace pingperf
