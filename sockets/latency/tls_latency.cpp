// Ping-pong over one TLS connection with blocking calls. The flow is admitted by its token before
// the handshake (stream.h).
#include <sys/socket.h>

#include "sockets/engines.h"
#include "sockets/latency/stream_pingpong.h"
#include "sockets/transport/availability.h"
#include "sockets/transport/tls.h"

namespace pingperf {
namespace {

void ping_tls(PingThread& t, Meter& meter, const EndpointConfig& config) {
  PingFlow& flow = t.flows.front();
  const TlsContext context(config.options, TlsRole::client);
  TlsStream tls(context, flow.fd.get());
  tls.set_up(config.options);
  const char* const ping = t.outgoing.data();
  char* const pong = t.incoming.data();
  const std::size_t size = t.outgoing.size();
  const PingWindow window = open_window(t, meter);
  while (!meter.stopped()) {
    number_ping(t, flow);
    const Nanoseconds sent = fast_now_ns();
    if (!window.may_send(t, sent)) break;
    if (!tls.send_all(ping, size)) return fail(t, meter, "send of a ping");
    if (!tls.receive_all(pong, size)) return fail(t, meter, "receive of a pong");
    window.record(t, flow, sent, fast_now_ns());
    if (!is_intact_pong(t, flow, pong)) return fail(t, meter, "payload of a pong");
  }
  tls.finish();  // tells the server that the client has finished
  ::shutdown(flow.fd.get(), SHUT_WR);
}

void pong_tls(PingThread& t, Meter& meter, const EndpointConfig& config) {
  const TlsContext context(config.options, TlsRole::server);
  TlsStream tls(context, t.flows.front().fd.get());
  tls.set_up(config.options);
  char* const data = t.incoming.data();
  const std::size_t size = t.outgoing.size();
  for (; tls.receive_all(data, size); ++t.total_exchanges) {
    if (t.total_exchanges == 0) meter.first_byte();
    if (!t.is_intact(data)) return fail(t, meter, "payload of a ping");
    if (!tls.send_all(data, size)) return fail(t, meter, "send of a pong");
  }
  if (errno != 0) fail(t, meter, "receive of a ping");  // 0: the client has finished
}

constexpr PingPongOps kOps = {ping_tls, pong_tls, kStreams};

}  // namespace

const Engine& tls_latency() {
  static const Engine engine = {
      .name = "tls",
      .summary = kTlsSummary,
      .kind = Kind::latency,
      .transport = Transport::tcp,
      .parameters = {"message_size", "duration", "warmup", "messages", "send_buffer",
                     "receive_buffer", "pin.client", "pin.server", "cpu_wakeful", "verify",
                     "samples", "nodelay", "congestion_control", "tos", "busy_poll", "ip", "port",
                     "tls_cipher", "ktls"},
      .unavailable = tls_unavailable,
      .listen =
          [](const EndpointConfig& config) {
            require_ktls(config.options);
            return listen_pingpong(kOps, config);
          },
      .connect =
          [](const EndpointConfig& config) {
            require_ktls(config.options);
            return connect_pingpong(kOps, config);
          },
  };
  return engine;
}

}  // namespace pingperf
