// The lesson's client, `pingperf ping`: one ping at a time.
//
//   v1:  connect, ping, pong, disconnect          (a new PingClient for every ping)
//   v2:  connect, then ping, pong, ping, pong, …  (one PingClient)
//
// Datagrams (udp, raw, icmp) have no connection; over icmp the far kernel answers.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sockets/transport/transport.h"

namespace pingperf {

class PingClient {
 public:
  // Connects. Throws std::system_error.
  PingClient(Transport transport, const Address& server, std::size_t message_size);

  // Sends ping `number` and waits for its pong. Returns the round-trip time, or nothing when none
  // came within `timeout`. Throws std::system_error when the connection broke.
  std::optional<Nanoseconds> ping(std::uint64_t number, Nanoseconds timeout);

 private:
  bool receive_stream(Nanoseconds deadline);
  bool receive_datagram(std::uint64_t number, Nanoseconds deadline);

  const bool datagrams_;
  Fd fd_;
  Framing framing_;  // of datagrams
  std::vector<char> message_;
  std::vector<char> pong_;
};

}  // namespace pingperf
