// PingClient: the client of `pingperf ping`, which sends one ping at a time.
//
//   v1:  connect, ping, pong, disconnect          (a new PingClient for every ping)
//   v2:  connect, then ping, pong, ping, pong, …  (one PingClient)
//
// udp, raw and icmp have no connection. Over icmp the kernel of the other host answers.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sockets/transport/transport.h"

namespace pingperf {

class PingClient {
 public:
  // Connects. `message_size` is in bytes. Throws std::system_error.
  PingClient(Transport transport, const Address& server, std::size_t message_size);

  // Sends ping `number` and waits for its pong. Returns the round-trip time, or nullopt if no pong
  // has arrived within `timeout`. Throws std::system_error if the connection fails.
  std::optional<Nanoseconds> ping(std::uint64_t number, Nanoseconds timeout);

 private:
  bool receive_stream(Nanoseconds deadline);
  bool receive_datagram(std::uint64_t number, Nanoseconds deadline);

  const bool datagrams_;
  Fd fd_;
  Framing framing_;  // empty except for raw and icmp
  std::vector<char> message_;
  std::vector<char> pong_;
};

}  // namespace pingperf
