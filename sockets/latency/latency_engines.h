// What the latency engines have in common: a row for each transport, made from the loops of one way
// to wait.
#pragma once

#include "sockets/engines.h"
#include "sockets/latency/pingpong.h"
#include "sockets/transport/availability.h"

namespace pingperf {

// The loops of one way to wait, and what it offers.
struct LatencyFamily {
  std::string_view name;
  std::string_view summary;
  PingPongOps::Loop ping_stream;
  PingPongOps::Loop pong_stream;
  PingPongOps::Loop ping_datagrams;
  PingPongOps::Loop pong_datagrams;
  std::vector<std::string_view> parameters;       // beyond those that all have
  std::vector<std::string_view> flow_parameters;  // likewise, of those that can have many flows
  std::vector<std::string_view> inet_parameters;  // likewise, of tcp and udp alone
  std::optional<std::string> (*validate)(const Options&) = nullptr;
  std::optional<std::string> (*unavailable)() = always_available;
};

// A row for each transport.
std::vector<Engine> make_latency_engines(const LatencyFamily& family);

}  // namespace pingperf
