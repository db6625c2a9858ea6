// Where the next bytes of a flow go, for loops that never block in recv().
#pragma once

#include <sys/socket.h>

#include "sockets/latency/pingpong.h"

namespace pingperf {

// Streams have a place of their own, since a message may come in
// pieces.
class FlowBuffers {
 public:
  FlowBuffers(PingThread& t, bool stream)
      : t_(t), stream_(stream), pieces_(stream ? t.flows.size() * t.outgoing.size() : 0) {}

  char* message(const PingFlow& flow) noexcept {
    if (!stream_) return t_.incoming.data();
    return pieces_.data() + static_cast<std::size_t>(&flow - t_.flows.data()) * t_.outgoing.size();
  }

  ssize_t receive(PingFlow& flow) noexcept {
    const std::size_t have = stream_ ? flow.received : 0;
    const std::size_t room = stream_ ? t_.outgoing.size() - have : t_.incoming.size();
    return ::recv(flow.fd.get(), message(flow) + have, room, MSG_DONTWAIT);
  }

 private:
  PingThread& t_;
  const bool stream_;
  std::vector<char> pieces_;
};

}  // namespace pingperf
