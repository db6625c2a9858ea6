// The lesson's client, `pingperf ping`: one ping at a time.
//
//   v1:  connect, ping, pong, disconnect          (a new LessonClient for every ping)
//   v2:  connect, then ping, pong, ping, pong, …  (one LessonClient)
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sockets/address.h"
#include "sockets/clock.h"
#include "sockets/fd.h"
#include "sockets/options.h"

namespace pingperf {

class LessonClient {
 public:
  // Connects. Throws std::system_error.
  LessonClient(Transport transport, const Address& server, std::size_t message_size);

  // Sends ping `number` and waits for its pong. Returns the round-trip time, or nothing when none
  // came within `timeout`. Throws std::system_error when the connection broke.
  std::optional<Nanoseconds> ping(std::uint64_t number, Nanoseconds timeout);

 private:
  bool receive_stream(Nanoseconds deadline);
  bool receive_datagram(std::uint64_t number, Nanoseconds deadline);

  const bool datagrams_;
  Fd fd_;
  std::vector<char> message_;
};

}  // namespace pingperf
