// Repeats connect, TLS handshake, ping, pong and disconnect. The server serves one connection at a
// time. Connections that have not shown the token are pending meanwhile, so only connections of the
// trial's client reach TLS.
//
//   client                               server
//     | is admitted (stream.h)             |
//     | connect                            | accept
//     |--- token + ClientHello ----------->| compares; rejects and counts other peers
//     |<-- ServerHello … Finished ---------|
//     |--- Finished, ping ---------------->|
//     |<-- session ticket, pong -----------|   (the ticket with tls_resumption)
//     |--- close_notify, close ----------->| close
//     …
//     | connect, token, end of stream ---->| the client has finished
#include <fcntl.h>
#include <sys/socket.h>

#include <ctime>

#include "sockets/core/error.h"
#include "sockets/core/io.h"
#include "sockets/engines.h"
#include "sockets/latency/pingpong.h"
#include "sockets/transport/availability.h"
#include "sockets/transport/pending_connections.h"
#include "sockets/transport/stream.h"
#include "sockets/transport/tls.h"

namespace pingperf {
namespace {

constexpr Nanoseconds kClientTimeout = 100 * kMillisecond;  // then a silent client is closed
constexpr Nanoseconds kHandshakeTimeout = kSecond;          // for each message of a handshake
constexpr Nanoseconds kStopCheck = 50 * kMillisecond;       // maximum delay of a stop
constexpr Nanoseconds kPortRetry = kMillisecond;            // pause if no port is free

// The times of the steps of one exchange.
struct Steps {
  Nanoseconds started = 0;
  Nanoseconds connected = 0;
  Nanoseconds secured = 0;  // after the handshake
  Nanoseconds first_byte = 0;
  Nanoseconds answered = 0;
};

// Connects and sends the token with the next data. Returns an empty Fd with errno on an error.
Fd dial(const EndpointConfig& config) {
  try {
    Fd fd = dial_stream(config);
    if (::send(fd.get(), config.token.data(), config.token.size(), MSG_NOSIGNAL | MSG_MORE) < 0)
      return Fd();
    return fd;
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

// Returns true if a call that failed with errno must be repeated.
bool is_waiting(const Meter& meter) noexcept {
  return (errno == EINTR || errno == EAGAIN) && !meter.stopped();
}

bool shake_hands(TlsStream& tls, const Meter& meter) noexcept {
  while (!tls.handshake())
    if (!is_waiting(meter)) return false;
  return true;
}

// As TlsStream::receive_all(), but returns false if the meter was stopped.
bool receive_unless_stopped(TlsStream& tls, char* data, std::size_t size, const Meter& meter) {
  while (size > 0) {
    const ssize_t n = tls.read(data, size);
    if (n < 0 && is_waiting(meter)) continue;
    if (n == 0) errno = 0;
    if (n <= 0) return false;
    data += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

// Sends the ping and receives the pong on one connection. Returns false with errno on an error.
bool exchange(TlsStream& tls, PingThread& t, const Meter& meter, Steps& steps) {
  char* const pong = t.incoming.data();
  if (!tls.send_all(t.outgoing.data(), t.outgoing.size())) return false;
  if (!receive_unless_stopped(tls, pong, 1, meter)) return false;
  steps.first_byte = fast_now_ns();
  if (!receive_unless_stopped(tls, pong + 1, t.outgoing.size() - 1, meter)) return false;
  steps.answered = fast_now_ns();
  return true;
}

// The spans of an exchange.
struct Spans {
  explicit Spans(PingThread& t)
      : connect(t.spans[Span::connect]),
        handshake(t.spans[Span::handshake]),
        first_byte(t.spans[Span::first_byte]),
        close(t.spans[Span::close]) {}

  void record(const Steps& steps, Nanoseconds close_time) const noexcept {
    connect.record(steps.connected - steps.started);
    handshake.record(steps.secured - steps.connected);
    first_byte.record(steps.first_byte - steps.secured);
    close.record(close_time);
  }

  Histogram &connect, &handshake, &first_byte, &close;
};

void ping_connections(PingThread& t, Meter& meter, const EndpointConfig& config) {
  const bool resumes = config.options.tls_resumption.value_or(false);
  const TlsContext context(config.options, TlsRole::client);
  TlsSession session;
  const Spans spans(t);
  const PingWindow window = open_window(t, meter);
  while (!meter.stopped()) {
    const Nanoseconds due = fast_now_ns();
    if (!window.may_send(t, due)) break;
    Steps steps;
    Fd fd = dial_patiently(t, meter, config, steps);
    if (!fd && steps.started >= t.closed) break;  // no port became free in the window
    if (!fd) return fail(t, meter, "connect");
    steps.connected = fast_now_ns();
    set_receive_timeout(fd.get(), kStopCheck);
    TlsStream tls(context, fd.get(), session);
    if (!shake_hands(tls, meter)) return fail(t, meter, "TLS handshake");
    steps.secured = fast_now_ns();
    if (!exchange(tls, t, meter, steps)) return fail(t, meter, "ping and pong");
    if (!t.is_intact(t.incoming.data())) return fail(t, meter, "payload of a pong");
    if (session && !tls.resumed()) {
      errno = EPROTO;
      return fail(t, meter, "resumption of the TLS session");
    }
    if (resumes) session = tls.session();
    const Nanoseconds closing = fast_now_ns();
    tls.finish();
    fd = Fd();
    const Nanoseconds closed = fast_now_ns();
    // The rate includes the wait for a port and the disconnect. The round trip does not.
    window.record(t, t.flows.front(), due, due + (steps.answered - steps.started));
    if (due < window.open) continue;
    t.resumed_handshakes += tls.resumed() ? 1 : 0;
    spans.record(steps, closed - closing);
  }
  // Tells the server that the client has finished. If connect() fails, the server has ended or will
  // be stopped.
  dial(config);
}

enum class Served { exchange, end, nothing, corrupt };

// Serves one connection, which has shown the token, until the client closes it.
Served serve(const TlsContext& context, int connection, PingThread& t) {
  set_receive_timeout(connection, kClientTimeout);
  char byte;
  const ssize_t n = ::recv(connection, &byte, 1, MSG_PEEK);
  if (n <= 0) return n == 0 ? Served::end : Served::nothing;
  set_receive_timeout(connection, kHandshakeTimeout);
  TlsStream tls(context, connection);
  char* const ping = t.incoming.data();
  if (!tls.handshake() || !tls.receive_all(ping, t.outgoing.size())) return Served::nothing;
  if (!t.is_intact(ping)) return Served::corrupt;
  if (!tls.send_all(ping, t.outgoing.size())) return Served::nothing;
  tls.read(&byte, 1);  // waits until the client closes
  return Served::exchange;
}

void pong_connections(PingThread& t, Meter& meter, const EndpointConfig& config) {
  const TlsContext context(config.options, TlsRole::server);
  PendingConnections pending(t.flows.front().fd.get(), config.token);
  for (bool over = false; !over && !meter.stopped();) {
    const Fd connection = pending.admit(PendingConnections::kForever);
    if (!connection) return fail(t, meter, "accept");
    switch (serve(context, connection.get(), t)) {
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
  kStreams.connect(config, 1);
  return {};
}

constexpr TransportOps kOneByOne = {listen_stream, admit_client, be_admitted};
constexpr PingPongOps kOps = {ping_connections, pong_connections, kOneByOne};

}  // namespace

const Engine& tls_connect() {
  static const Engine engine = {
      .name = "tls",
      .summary = kTlsSummary,
      .kind = Kind::connect,
      .transport = Transport::tcp,
      .parameters = {"message_size", "duration", "warmup", "messages", "pin.client", "pin.server",
                     "cpu_wakeful", "verify", "samples", "nodelay", "tos", "ip", "port",
                     "tls_cipher", "tls_resumption"},
      .unavailable = tls_unavailable,
      .listen = [](const EndpointConfig& config) { return listen_pingpong(kOps, config); },
      .connect = [](const EndpointConfig& config) { return connect_pingpong(kOps, config); },
  };
  return engine;
}

}  // namespace pingperf
