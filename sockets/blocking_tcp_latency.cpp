// TCP v2: ping-pong on one connection until the time is up, with blocking calls.
#include "sockets/engines.h"
#include "sockets/io.h"
#include "sockets/pingpong.h"
#include "sockets/tcp.h"

namespace pingperf {
namespace {

void ping(PingPongState& state, Meter& meter, const Session& session) {
  const int fd = state.fd.get();
  char* const data = state.message.data();
  const std::size_t size = state.message.size();
  const PingWindow window = begin_pings(meter, session.options);
  for (bool more = true; more && !meter.stopped();) {
    const Nanoseconds sent = now_ns();
    if (!send_all(fd, data, size)) return fail(state, meter, "send of a ping");
    if (!receive_all(fd, data, size)) return fail(state, meter, "receive of a pong");
    const Nanoseconds rtt = now_ns() - sent;
    more = window.record(state, sent, rtt);
  }
  ::shutdown(fd, SHUT_WR);  // tells the server that we are done
}

void pong(PingPongState& state, Meter& meter, const Session&) {
  const int fd = state.fd.get();
  char* const data = state.message.data();
  const std::size_t size = state.message.size();
  for (bool first = true; receive_all(fd, data, size); first = false) {
    if (first) meter.began();
    if (!send_all(fd, data, size)) return fail(state, meter, "send of a pong");
  }
  if (errno != 0) fail(state, meter, "receive of a ping");  // 0: the client is done
}

Fd admit(Fd listener, const Session& session, std::uint64_t& rejected) {
  Admitted admitted = admit_tcp(listener.get(), session, 1);
  rejected += admitted.rejected_peers;
  return std::move(admitted.connections.front());
}

Fd connect_one(const Session& session) {
  return std::move(connect_tcp(session, 1).front());
}

constexpr PingPongOps kOps = {ping, pong, listen_tcp, admit, connect_one};

}  // namespace

const Engine& blocking_tcp_latency() {
  static const Engine engine = {
      .name = "blocking",
      .summary = "blocking calls, a thread per stream: the plain lesson code",
      .kind = Kind::latency,
      .transport = Transport::tcp,
      .parameters = {"message_size", "duration", "warmup", "messages", "nodelay", "send_buffer",
                     "receive_buffer", "congestion_control", "tos", "pin.client", "pin.server",
                     "ip", "port"},
      .unavailable = always_available,
      .listen = [](const Session& s) { return listen_pingpong(kOps, s); },
      .connect = [](const Session& s) { return connect_pingpong(kOps, s); },
  };
  return engine;
}

}  // namespace pingperf
