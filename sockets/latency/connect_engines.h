// Makes the rows of a family of connect engines, one per transport, from the loops of the family.
#pragma once

#include "sockets/engines.h"
#include "sockets/latency/pingpong.h"
#include "sockets/transport/availability.h"

namespace pingperf {

// A family of connect engines: its loops, which wait in the same way, and its parameters.
struct ConnectFamily {
  std::string_view name;
  std::string_view summary;
  PingPongOps::Loop ping;
  PingPongOps::Loop pong;
  std::vector<std::string_view> parameters;  // in addition to those of all families
  std::optional<std::string> (*unavailable)() = always_available;
};

// Returns one engine per transport.
std::vector<Engine> make_connect_engines(const ConnectFamily& family);

}  // namespace pingperf
