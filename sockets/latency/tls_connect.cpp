// Repeats connect, TLS handshake, ping, pong and disconnect with blocking calls, one thread per
// flow. Connections that have not shown the token are pending, so only those of the trial's client
// reach TLS.
//
//   client                               server
//     | connect                            | accept
//     |--- token + ClientHello ----------->| compares; rejects and counts other peers
//     |<-- ServerHello … Finished ---------|
//     |--- Finished, ping ---------------->|
//     |<-- session ticket, pong -----------|   (the ticket with tls_resumption)
//     |--- close_notify, close ----------->| close
#include <sys/socket.h>

#include <algorithm>

#include "sockets/core/io.h"
#include "sockets/latency/blocking_connect.h"
#include "sockets/latency/connect_engines.h"
#include "sockets/transport/tls.h"

namespace pingperf {
namespace {

constexpr Nanoseconds kClientTimeout = 500 * kMillisecond;  // then a silent client is closed
constexpr Nanoseconds kHandshakeTimeout = kSecond;          // for each message of a handshake

// Sends the token, which the kernel holds back until the first message of the handshake follows.
// Performs the handshake. Returns false with errno on an error.
bool shake_hands(TlsStream& tls, int fd, const EndpointConfig& config, const Meter& meter) {
  if (::send(fd, config.token.data(), config.token.size(), MSG_NOSIGNAL | MSG_MORE) < 0)
    return false;
  set_receive_timeout(fd, kStopCheck);
  while (!tls.handshake())
    if ((errno != EINTR && errno != EAGAIN) || meter.stopped()) return false;
  return true;
}

// Makes a connection without a ping. So both ends have set up OpenSSL before the window opens.
// Returns false with errno on an error.
bool rehearse(const TlsContext& context, const EndpointConfig& config, const Meter& meter) {
  const Fd fd = open_or_errno([&] { return dial_stream(config); });
  if (!fd) return false;
  TlsStream tls(context, fd.get());
  if (!shake_hands(tls, fd.get(), config, meter)) return false;
  constexpr linger kReset{1, 0};  // leaves no TIME_WAIT
  ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &kReset, sizeof kReset);
  return true;
}

// Sends the ping and receives the pong on one connection. Returns false with errno on an error.
bool exchange(TlsStream& tls, const std::vector<char>& ping, PingThread& t, const Meter& meter,
              Steps& steps) {
  char* const pong = t.incoming.data();
  const std::size_t size = t.incoming.size();
  const auto read = [&tls](char* data, std::size_t n) { return tls.read(data, n); };
  if (!tls.send_all(ping.data(), ping.size())) return false;
  if (!receive_unless_stopped(read, pong, 1, meter)) return false;
  steps.first_byte = fast_now_ns();
  if (!receive_unless_stopped(read, pong + 1, size - 1, meter)) return false;
  steps.answered = fast_now_ns();
  return true;
}

void ping_over_tls(PingThread& t, Meter& meter, const EndpointConfig& config) {
  const bool resets = config.options.reset_on_close.value_or(false);
  const bool resumes = config.options.tls_resumption.value_or(false);
  const std::vector<char> ping = t.outgoing;  // the token goes in front of TLS
  const TlsContext context(config.options, TlsRole::client);
  TlsSession session;
  Histogram& handshakes = t.spans[Span::handshake];
  t.incoming.resize(t.expected.size());
  if (!rehearse(context, config, meter)) return fail(t, meter, "TLS handshake");
  ConnectClient client(t, meter, config);
  for (Steps steps; !meter.stopped() && client.may_start(steps);) {
    Fd fd = dial_patiently(t, meter, config, steps);
    if (give_up_without_port(fd, t, client, steps)) break;
    if (!fd) return fail(t, meter, "connect");
    steps.connected = fast_now_ns();
    TlsStream tls(context, fd.get(), session);
    if (!shake_hands(tls, fd.get(), config, meter)) return fail(t, meter, "TLS handshake");
    steps.secured = fast_now_ns();
    if (!exchange(tls, ping, t, meter, steps)) return fail(t, meter, "ping and pong");
    if (!client.is_intact(t.incoming.data(), 0, t.incoming.size())) return;
    if (session && !tls.resumed()) {
      errno = EPROTO;
      return fail(t, meter, "resumption of the TLS session");
    }
    if (resumes) session = tls.session();
    client.finish(fd, steps, t.flows.front(), [&] { resets ? tls.abandon() : tls.finish(); });
    if (steps.due >= t.opened) {
      handshakes.record(steps.secured - steps.connected);
      t.resumed_handshakes += tls.resumed() ? 1 : 0;
    }
    if (client.think_time() > 0) think<Wait::block>(fast_now_ns() + client.think_time(), t, meter);
  }
  client.send_end();
}

// Serves one connection, which has shown the token, until the client closes it.
Served serve_tls(const TlsContext& context, int connection, PingThread& t) {
  set_receive_timeout(connection, kClientTimeout);
  char byte;
  const ssize_t n = ::recv(connection, &byte, 1, MSG_PEEK);
  if (n <= 0) return n == 0 ? Served::end : Served::nothing;
  set_receive_timeout(connection, kHandshakeTimeout);
  TlsStream tls(context, connection);
  char* const ping = t.incoming.data();
  if (!tls.handshake() || !tls.receive_all(ping, t.expected.size())) return Served::nothing;
  if (!t.is_intact(ping)) return Served::corrupt;
  if (!tls.send_all(t.outgoing.data(), t.outgoing.size())) return Served::nothing;
  tls.read(&byte, 1);  // waits until the client closes
  return Served::exchange;
}

void pong_over_tls(PingThread& t, Meter& meter, const EndpointConfig& config) {
  const TlsContext context(config.options, TlsRole::server);
  serve_connections([&](int connection) { return serve_tls(context, connection, t); }, t, meter,
                    config);
}

}  // namespace

const Engine& tls_connect() {
  static const Engine engine = [] {
    std::vector<Engine> engines =
        make_connect_engines({.name = "tls",
                              .summary = kTlsSummary,
                              .ping = ping_over_tls,
                              .pong = pong_over_tls,
                              .parameters = {"tls_cipher", "tls_resumption"},
                              .unavailable = tls_unavailable});
    Engine tcp = *std::ranges::find(engines, Transport::tcp, &Engine::transport);
    tcp.serves_external = false;
    return tcp;
  }();
  return engine;
}

}  // namespace pingperf
