// Ping-pong over datagrams: numbered pings, so that a lost one is counted and passed over, and a
// late pong is told from the awaited one.
#pragma once

#include <sys/socket.h>

#include <algorithm>

#include "sockets/datagram.h"
#include "sockets/io.h"
#include "sockets/pingpong.h"

namespace pingperf {

inline constexpr Nanoseconds kPongTimeout = 200 * kMillisecond;  // a later pong is a lost one

// Receives until the pong of ping `number`, sent at `sent`, is here. Returns false when it timed
// out (EAGAIN), the socket failed (errno) or the meter was stopped; older pongs on the way are
// counted as late, once the window is open.
template <Wait wait>
bool receive_pong(PingPongState& state, const Meter& meter, std::uint64_t number,
                  Nanoseconds sent) noexcept {
  while (!meter.stopped()) {
    const ssize_t n =
        ::recv(state.fd.get(), state.message.data(), state.message.size(), flags_of(wait));
    if (n < 0 && !is_retry(wait, errno)) return false;
    if (wait == Wait::spin && n < 0 && now_ns() - sent > kPongTimeout) {
      errno = EAGAIN;
      return false;
    }
    if (n < static_cast<ssize_t>(kSmallestDatagram)) continue;
    const std::uint64_t answered = header_of(state.message.data()).number;
    if (answered == number) return true;
    if (answered < number && sent >= state.opened) ++state.late;
  }
  errno = 0;
  return false;
}

template <Wait wait>
void ping_datagrams(PingPongState& state, Meter& meter, const Session& session) {
  const PingWindow window = begin_pings(state, meter, session.options);
  std::uint64_t number = 0;
  for (bool more = true; more && !meter.stopped(); ++number) {
    const Nanoseconds sent = now_ns();
    set_header(state.message.data(), {number, sent});
    if (::send(state.fd.get(), state.message.data(), state.message.size(), MSG_NOSIGNAL) < 0)
      return fail(state, meter, "send of a ping");
    const bool answered = receive_pong<wait>(state, meter, number, sent);
    const Nanoseconds now = now_ns();
    if (!answered && errno != EAGAIN) return fail(state, meter, "receive of a pong");
    if (sent < window.open) continue;
    if (!answered) ++state.lost;
    more = answered ? window.record(state, sent, now - sent) : now < window.close;
  }
  send_end(state.fd.get(), number);
}

template <Wait wait>
void pong_datagrams(PingPongState& state, Meter& meter, const Session& session) {
  state.message.resize(
      std::max<std::size_t>(session.options.message_size.value(), 64));  // any mark
  for (bool first = true; !meter.stopped();) {
    const ssize_t n =
        ::recv(state.fd.get(), state.message.data(), state.message.size(), flags_of(wait));
    if (n < 0 && is_retry(wait, errno)) continue;
    if (n < 0) return fail(state, meter, "receive of a ping");
    if (n < static_cast<ssize_t>(kSmallestDatagram)) continue;
    const std::uint64_t number = header_of(state.message.data()).number;
    if (number == kEnd) return;
    if (first && number != kHello) {  // a repeated hello is answered as any ping is
      meter.began();
      first = false;
    }
    if (::send(state.fd.get(), state.message.data(), static_cast<std::size_t>(n), MSG_NOSIGNAL) < 0)
      return fail(state, meter, "send of a pong");
  }
}

// The server's one flow, and the client's.
inline Fd admit_one_flow(Fd socket, const Session& session, std::uint64_t& rejected) {
  AdmittedFlows admitted = admit_flows(std::move(socket), session, 1);
  rejected += admitted.rejected_peers;
  return std::move(admitted.flows.front());
}

inline Fd connect_one_flow(const Session& session) {
  Fd fd = std::move(connect_flows(session, 1).front());
  set_receive_timeout(fd.get(), kPongTimeout);
  return fd;
}

template <Wait wait>
inline constexpr PingPongOps kDatagramPingPong = {ping_datagrams<wait>, pong_datagrams<wait>,
                                                  bind_datagram, admit_one_flow, connect_one_flow};

}  // namespace pingperf
