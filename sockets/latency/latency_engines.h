// Makes the rows of a family of latency engines, one per transport, from the loops of the family.
#pragma once

#include <initializer_list>
#include <string_view>
#include <vector>

#include "sockets/engines.h"
#include "sockets/latency/pingpong.h"
#include "sockets/transport/availability.h"

namespace pingperf {

// A family of latency engines: its loops, which wait in the same way, and its parameters.
struct LatencyFamily {
  std::string_view name;
  std::string_view summary;
  PingPongOps::Loop ping_stream;
  PingPongOps::Loop pong_stream;
  PingPongOps::Loop ping_datagrams;
  PingPongOps::Loop pong_datagrams;
  std::vector<std::string_view> parameters;       // in addition to those of all families
  std::vector<std::string_view> flow_parameters;  // only of transports that can have many flows
  std::vector<std::string_view> inet_parameters;  // only of tcp and udp
  std::optional<std::string> (*validate)(const Options&) = nullptr;
  std::optional<std::string> (*unavailable)() = always_available;
};

// Returns the parameters of every latency engine, and `more`.
std::vector<std::string_view> latency_parameters(std::initializer_list<std::string_view> more);

// Returns one engine per transport.
std::vector<Engine> make_latency_engines(const LatencyFamily& family);

}  // namespace pingperf
