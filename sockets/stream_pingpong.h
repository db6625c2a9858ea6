// TCP v2, and the same over any byte stream: ping-pong on one connection until the time is up.
#pragma once

#include "sockets/io.h"
#include "sockets/pingpong.h"
#include "sockets/stream.h"

namespace pingperf {

template <Wait wait>
void ping_stream(PingPongState& state, Meter& meter, const Session& session) {
  const int fd = state.fd.get();
  char* const data = state.message.data();
  const std::size_t size = state.message.size();
  const PingWindow window = begin_pings(state, meter, session.options);
  for (bool more = true; more && !meter.stopped();) {
    const Nanoseconds sent = now_ns();
    if (!send_all<wait>(fd, data, size)) return fail(state, meter, "send of a ping");
    if (!receive_all<wait>(fd, data, size)) return fail(state, meter, "receive of a pong");
    const Nanoseconds rtt = now_ns() - sent;
    more = window.record(state, sent, rtt);
  }
  ::shutdown(fd, SHUT_WR);  // tells the server that we are done
}

template <Wait wait>
void pong_stream(PingPongState& state, Meter& meter, const Session&) {
  const int fd = state.fd.get();
  char* const data = state.message.data();
  const std::size_t size = state.message.size();
  for (bool first = true; receive_all<wait>(fd, data, size); first = false) {
    if (first) meter.began();
    if (!send_all<wait>(fd, data, size)) return fail(state, meter, "send of a pong");
  }
  if (errno != 0) fail(state, meter, "receive of a ping");  // 0: the client is done
}

// The server's one connection, and the client's.
inline Fd admit_one_stream(Fd listener, const Session& session, std::uint64_t& rejected) {
  Admitted admitted = admit_streams(listener.get(), session, 1);
  rejected += admitted.rejected_peers;
  return std::move(admitted.connections.front());
}

inline Fd connect_one_stream(const Session& session) {
  return std::move(connect_streams(session, 1).front());
}

template <Wait wait>
inline constexpr PingPongOps kStreamPingPong = {ping_stream<wait>, pong_stream<wait>, listen_stream,
                                                admit_one_stream, connect_one_stream};

}  // namespace pingperf
