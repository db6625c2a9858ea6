// FlowBuffers: the receive buffers of loops over many flows.
#pragma once

#include <sys/socket.h>

#include "sockets/latency/pingpong.h"

namespace pingperf {

// Receives without blocking. Each stream has its own buffer, because a message can arrive in
// pieces. Datagram flows share one buffer. Every buffer has the content of `incoming` at first.
class FlowBuffers {
 public:
  FlowBuffers(PingThread& t, bool stream) : t_(t), stream_(stream) {
    for (std::size_t i = 0; stream && i < t.flows.size(); ++i)
      pieces_.insert(pieces_.end(), t.incoming.begin(), t.incoming.end());
  }

  // Returns the start of the message that `flow` receives.
  char* message(const PingFlow& flow) noexcept {
    if (!stream_) return t_.incoming.data();
    return pieces_.data() + t_.index_of(flow) * t_.incoming.size();
  }

  // Receives the next bytes of the message. Returns their number, or -1 with errno.
  ssize_t receive(PingFlow& flow) noexcept {
    const std::size_t have = stream_ ? flow.received : 0;
    const std::size_t room = stream_ ? t_.expected.size() - have : t_.incoming.size();
    return ::recv(flow.fd.get(), message(flow) + have, room, MSG_DONTWAIT);
  }

 private:
  PingThread& t_;
  const bool stream_;
  std::vector<char> pieces_;
};

}  // namespace pingperf
