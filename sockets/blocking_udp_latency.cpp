// UDP ping-pong with blocking calls: numbered pings, so that a lost one is counted and passed over
// and a late pong is told from the awaited one.
#include <sys/socket.h>

#include "sockets/engines.h"
#include "sockets/io.h"
#include "sockets/pingpong.h"
#include "sockets/udp.h"

namespace pingperf {
namespace {

constexpr Nanoseconds kPongTimeout = 200 * kMillisecond;  // a pong that takes longer is lost

// Receives until the pong of ping `number` is here. Returns false when it timed out or the socket
// failed (errno); older pongs on the way are counted as late.
bool receive_pong(PingPongState& state, std::uint64_t number) noexcept {
  for (;;) {
    const ssize_t n = ::recv(state.fd.get(), state.message.data(), state.message.size(), 0);
    if (n < 0 && errno != EINTR) return false;
    if (n < static_cast<ssize_t>(kSmallestDatagram)) continue;
    const std::uint64_t answered = header_of(state.message.data()).number;
    if (answered == number) return true;
    if (answered < number) ++state.late;
  }
}

void ping(PingPongState& state, Meter& meter, const Session& session) {
  const PingWindow window = begin_pings(meter, session.options);
  std::uint64_t number = 0;
  for (bool more = true; more && !meter.stopped(); ++number) {
    const Nanoseconds sent = now_ns();
    set_header(state.message.data(), {number, sent});
    if (::send(state.fd.get(), state.message.data(), state.message.size(), MSG_NOSIGNAL) < 0)
      return fail(state, meter, "send of a ping");
    const bool answered = receive_pong(state, number);
    const Nanoseconds now = now_ns();
    if (!answered && errno != EAGAIN) return fail(state, meter, "receive of a pong");
    if (sent < window.open) continue;
    if (!answered) ++state.lost;
    more = answered ? window.record(state, sent, now - sent) : now < window.close;
  }
  send_end(state.fd.get(), number);
}

void pong(PingPongState& state, Meter& meter, const Session&) {
  for (bool first = true; !meter.stopped(); first = false) {
    const ssize_t n = ::recv(state.fd.get(), state.message.data(), state.message.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(state, meter, "receive of a ping");
    if (n < static_cast<ssize_t>(kSmallestDatagram)) continue;
    if (header_of(state.message.data()).number == kEnd) return;
    if (first) meter.began();
    if (::send(state.fd.get(), state.message.data(), static_cast<std::size_t>(n), MSG_NOSIGNAL) < 0)
      return fail(state, meter, "send of a pong");
  }
}

Fd admit(Fd socket, const Session& session, std::uint64_t& rejected) {
  AdmittedFlows admitted = admit_udp(std::move(socket), session, 1);
  rejected += admitted.rejected_peers;
  return std::move(admitted.flows.front());
}

Fd connect_one(const Session& session) {
  Fd fd = std::move(connect_udp(session, 1).front());
  set_receive_timeout(fd.get(), kPongTimeout);
  return fd;
}

constexpr PingPongOps kOps = {ping, pong, bind_udp, admit, connect_one};

}  // namespace

const Engine& blocking_udp_latency() {
  static const Engine engine = {
      .name = "blocking",
      .summary = "blocking calls, a thread per stream: the plain lesson code",
      .kind = Kind::latency,
      .transport = Transport::udp,
      .parameters = {"message_size", "duration", "warmup", "messages", "send_buffer",
                     "receive_buffer", "tos", "pin.client", "pin.server", "ip", "port"},
      .unavailable = always_available,
      .listen = [](const Session& s) { return listen_pingpong(kOps, s); },
      .connect = [](const Session& s) { return connect_pingpong(kOps, s); },
      .objection = datagram_objection,
  };
  return engine;
}

}  // namespace pingperf
