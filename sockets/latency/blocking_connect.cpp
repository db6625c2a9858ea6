// TCP v1: repeats connect, ping, pong and disconnect. The server serves one connection at a time.
// Connections that have not shown the token are pending meanwhile.
//
//   client                              server
//     | is admitted (stream.h)            |
//     | connect                           | accept
//     |--- token + ping ----------------->| compares; rejects and counts other peers
//     |<-- pong --------------------------|
//     | close                             | close
//     …
//     | connect, token, end of stream --->| the client has finished
#include <fcntl.h>
#include <sys/socket.h>

#include <cstring>
#include <ctime>

#include "sockets/core/error.h"
#include "sockets/core/io.h"
#include "sockets/engines.h"
#include "sockets/latency/pingpong.h"
#include "sockets/transport/availability.h"
#include "sockets/transport/pending_connections.h"
#include "sockets/transport/stream.h"

namespace pingperf {
namespace {

constexpr Nanoseconds kClientTimeout = 100 * kMillisecond;  // then a silent client is closed
constexpr Nanoseconds kStopCheck = 50 * kMillisecond;       // maximum delay of a stop
constexpr Nanoseconds kPortRetry = kMillisecond;            // pause if no port is free

// The times of the steps of one exchange.
struct Steps {
  Nanoseconds started = 0;
  Nanoseconds connected = 0;
  Nanoseconds first_byte = 0;
  Nanoseconds answered = 0;
};

// Connects. Returns an empty Fd with errno on an error.
Fd dial(const EndpointConfig& config) {
  try {
    return dial_stream(config);
  } catch (const std::system_error& e) {
    errno = e.code().value();
    return Fd();
  }
}

// Connects like dial(). If all ephemeral ports are in TIME_WAIT, counts that and retries until one
// is free. Sets steps.started to the start of the last attempt.
Fd dial_patiently(PingThread& t, const Meter& meter, const EndpointConfig& config, Steps& steps) {
  for (;;) {
    steps.started = fast_now_ns();
    Fd fd = dial(config);
    const bool no_port = !fd && (errno == EADDRNOTAVAIL || errno == EADDRINUSE);
    if (!no_port || meter.stopped() || steps.started >= t.closed) return fd;
    ++t.port_waits;
    const timespec nap{0, kPortRetry};
    ::clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, nullptr);
  }
}

// Receives exactly `size` bytes. Returns false with errno on an error, at the end of the stream
// (errno 0) or if the meter was stopped.
bool receive_unless_stopped(int fd, char* data, std::size_t size, const Meter& meter) {
  while (size > 0) {
    const ssize_t n = ::recv(fd, data, size, 0);
    if (n < 0 && (errno == EINTR || errno == EAGAIN) && !meter.stopped()) continue;
    if (n == 0) errno = 0;
    if (n <= 0) return false;
    data += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

// Sends the ping and receives the pong on one connection. Returns false with errno on an error.
bool exchange(int fd, PingThread& t, const Meter& meter, Steps& steps) {
  char* const pong = t.incoming.data();
  const std::size_t size = t.incoming.size();
  steps.connected = fast_now_ns();
  if (!send_all(fd, t.outgoing.data(), t.outgoing.size())) return false;
  set_receive_timeout(fd, kStopCheck);
  if (!receive_unless_stopped(fd, pong, 1, meter)) return false;
  steps.first_byte = fast_now_ns();
  if (!receive_unless_stopped(fd, pong + 1, size - 1, meter)) return false;
  steps.answered = fast_now_ns();
  return true;
}

// Tells the server that the client has finished: opens a connection with the token and no ping. If
// connect() fails, the server has ended or will be stopped.
void send_end(const EndpointConfig& config) {
  if (const Fd fd = dial(config))
    send_all(fd.get(), reinterpret_cast<const char*>(config.token.data()), sizeof(Token));
}

void ping(PingThread& t, Meter& meter, const EndpointConfig& config) {
  const std::size_t shown = config.external ? 0 : sizeof(Token);
  t.incoming.resize(t.outgoing.size());
  const std::vector<char> payload = t.outgoing;
  t.outgoing.insert(t.outgoing.begin(), config.token.begin(), config.token.begin() + shown);
  Histogram &connects = t.spans[Span::connect], &first_bytes = t.spans[Span::first_byte],
            &closes = t.spans[Span::close];
  const PingWindow window = open_window(t, meter);
  while (!meter.stopped()) {
    const Nanoseconds due = fast_now_ns();
    if (!window.may_send(t, due)) break;
    Steps steps;
    Fd fd = dial_patiently(t, meter, config, steps);
    if (!fd && steps.started >= t.closed) break;  // no port became free in the window
    if (!fd) return fail(t, meter, "connect");
    if (!exchange(fd.get(), t, meter, steps)) return fail(t, meter, "ping and pong");
    if (t.verify && t.incoming != payload) {
      errno = EBADMSG;
      return fail(t, meter, "payload of a pong");
    }
    const Nanoseconds closing = fast_now_ns();
    fd = Fd();
    const Nanoseconds closed = fast_now_ns();
    // The rate includes the wait for a port and the disconnect. The round trip does not.
    window.record(t, t.flows.front(), due, due + (steps.answered - steps.started));
    if (due < window.open) continue;
    connects.record(steps.connected - steps.started);
    first_bytes.record(steps.first_byte - steps.connected);
    closes.record(closed - closing);
  }
  if (!config.external) send_end(config);
}

enum class Served { exchange, end, nothing, corrupt };

// Serves one connection until the client closes it.
Served serve(int connection, PingThread& t) {
  set_receive_timeout(connection, kClientTimeout);
  char* const ping = t.incoming.data();
  if (!receive_all(connection, ping, 1)) return errno == 0 ? Served::end : Served::nothing;
  if (!receive_all(connection, ping + 1, t.outgoing.size() - 1)) return Served::nothing;
  if (!t.is_intact(ping)) return Served::corrupt;
  if (!send_all(connection, ping, t.outgoing.size())) return Served::nothing;
  char rest;
  receive_all(connection, &rest, 1);  // waits until the client closes
  return Served::exchange;
}

void pong(PingThread& t, Meter& meter, const EndpointConfig& config) {
  PendingConnections pending(t.flows.front().fd.get(), config.token);
  for (bool over = false; !over && !meter.stopped();) {
    const Fd connection = pending.admit(PendingConnections::kForever);
    if (!connection) return fail(t, meter, "accept");
    switch (serve(connection.get(), t)) {
      case Served::end:
        over = true;
        break;
      case Served::nothing:  // the client reports its error
        break;
      case Served::corrupt:
        return fail(t, meter, "payload of a ping");
      case Served::exchange:
        if (t.total_exchanges++ == 0) meter.first_byte();
    }
  }
  t.rejected_peers += pending.rejected();
}

// Admits one connection of the client, as for a stream. Returns the listener as the only flow,
// because the connections of the pings follow while the server runs.
std::vector<Fd> admit_client(Fd listener, const EndpointConfig& config, std::size_t,
                             std::uint64_t& rejected) {
  Fd pending(check(::fcntl(listener.get(), F_DUPFD_CLOEXEC, 0), "dup of the listener"));
  kStreams.admit(std::move(pending), config, 1, rejected);
  std::vector<Fd> flows;
  flows.push_back(std::move(listener));
  return flows;
}

// Opens the connection that admit_client() admits. Returns no flows.
std::vector<Fd> be_admitted(const EndpointConfig& config, std::size_t) {
  if (!config.external) kStreams.connect(config, 1);
  return {};
}

constexpr TransportOps kOneByOne = {listen_stream, admit_client, be_admitted};
constexpr PingPongOps kOps = {ping, pong, kOneByOne};

Engine make_engine(Transport transport, std::vector<std::string_view> more) {
  Engine engine = {
      .name = "blocking",
      .summary = kBlockingSummary,
      .kind = Kind::connect,
      .transport = transport,
      .parameters = {"message_size", "duration", "warmup", "messages", "pin.client", "pin.server",
                     "cpu_wakeful", "verify", "samples"},
      .unavailable = transport == Transport::mptcp ? mptcp_unavailable : always_available,
      .listen = [](const EndpointConfig& s) { return listen_pingpong(kOps, s); },
      .connect = [](const EndpointConfig& s) { return connect_pingpong(kOps, s); },
      .serves_external = true,
  };
  engine.parameters.insert(engine.parameters.end(), more.begin(), more.end());
  return engine;
}

}  // namespace

std::span<const Engine> blocking_connect() {
  static const std::vector<Engine> engines = {
      make_engine(Transport::tcp, {"nodelay", "tos", "ip", "port"}),
      make_engine(Transport::unix_stream, {}),
      make_engine(Transport::mptcp, {"nodelay", "tos", "ip", "port"}),
  };
  return engines;
}

}  // namespace pingperf
