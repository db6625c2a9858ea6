// TCP v1: connect, one ping, one pong, disconnect; again and again. The server serves one client at
// a time; others wait their turn in its backlog.
//
//   client                              server
//     | connect                           | accept
//     |--- token + ping ----------------->| compares; a stranger is closed and counted
//     |<-- pong --------------------------|
//     | close                             | close
//     …
//     | connect, token, end of stream --->| the client is done
#include <sys/socket.h>

#include <cstring>

#include "sockets/engines.h"
#include "sockets/io.h"
#include "sockets/pingpong.h"
#include "sockets/stream.h"

namespace pingperf {
namespace {

constexpr Nanoseconds kMuteTimeout = 100 * kMillisecond;  // what a mute stranger can cost

// Connects, sends the token and `size` bytes, and waits for as many. Returns false with errno.
bool exchange(PingPongState& state, const Session& session, Nanoseconds& connected_at) {
  Fd fd;
  try {
    fd = dial_stream(session);
  } catch (const std::system_error& e) {
    errno = e.code().value();
    return false;
  }
  connected_at = now_ns();
  char* const data = state.message.data();
  return send_all(fd.get(), data, state.message.size()) &&
         receive_all(fd.get(), data + sizeof(Token), state.message.size() - sizeof(Token));
}

// A connection that carries the token and nothing else.
void say_goodbye(const Session& session) {
  try {
    const Fd fd = dial_stream(session);
    send_all(fd.get(), reinterpret_cast<const char*>(session.token.data()), sizeof(Token));
  } catch (const std::system_error&) {
    // the server is gone already, or will be stopped
  }
}

void ping(PingPongState& state, Meter& meter, const Session& session) {
  state.message.insert(state.message.begin(), session.token.begin(), session.token.end());
  const PingWindow window = begin_pings(state, meter, session.options);
  for (bool more = true; more && !meter.stopped();) {
    const Nanoseconds started = now_ns();
    Nanoseconds connected = 0;
    if (!exchange(state, session, connected)) return fail(state, meter, "connect, ping and pong");
    const Nanoseconds now = now_ns();  // the disconnect is in the rate, not in the round trip
    if (started < window.open) continue;
    state.connect.record(connected - started);
    more = window.record(state, started, now - started);
  }
  say_goodbye(session);
}

enum class Served { client, stranger, goodbye };

// Serves the one client of `connection`, to the end of its stream.
Served serve(int connection, PingPongState& state, const Token& token) {
  set_receive_timeout(connection, kMuteTimeout);
  Token shown;
  if (!receive_all(connection, reinterpret_cast<char*>(shown.data()), shown.size()) ||
      !same_token(shown, token))
    return Served::stranger;
  if (!receive_all(connection, state.message.data(), state.message.size()))
    return errno == 0 ? Served::goodbye : Served::client;
  if (send_all(connection, state.message.data(), state.message.size())) {
    char rest;
    receive_all(connection, &rest, 1);  // until the client closes
  }
  return Served::client;
}

void pong(PingPongState& state, Meter& meter, const Session& session) {
  for (bool first = true; !meter.stopped();) {
    const Fd connection(::accept4(state.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      return fail(state, meter, "accept");
    }
    switch (serve(connection.get(), state, session.token)) {
      case Served::stranger:
        ++state.rejected_peers;
        break;
      case Served::goodbye:
        return;
      case Served::client:
        if (first) meter.began();
        first = false;
    }
  }
}

// The clients come one by one, while the server runs.
Fd admit_nobody(Fd listener, const Session&, std::uint64_t&) {
  return listener;
}
Fd connect_nothing(const Session&) {
  return Fd();
}

constexpr PingPongOps kOps = {ping, pong, listen_stream, admit_nobody, connect_nothing};

}  // namespace

const Engine& blocking_tcp_connect() {
  static const Engine engine = {
      .name = "blocking",
      .summary = kBlockingSummary,
      .kind = Kind::connect,
      .transport = Transport::tcp,
      .parameters = {"message_size", "duration", "warmup", "messages", "nodelay", "tos",
                     "pin.client", "pin.server", "ip", "port"},
      .unavailable = always_available,
      .listen = [](const Session& s) { return listen_pingpong(kOps, s); },
      .connect = [](const Session& s) { return connect_pingpong(kOps, s); },
  };
  return engine;
}

}  // namespace pingperf
