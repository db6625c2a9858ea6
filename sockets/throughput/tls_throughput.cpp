// Bulk transfer over TLS with blocking calls: one side writes, the other reads and discards. One
// thread per stream. The flow is admitted by its token before the handshake (stream.h).
#include "sockets/core/socket_options.h"
#include "sockets/throughput/low_watermark.h"
#include "sockets/throughput/stream_transfer.h"
#include "sockets/throughput/transfer_engines.h"
#include "sockets/transport/stream.h"
#include "sockets/transport/tls.h"

namespace pingperf {
namespace {

TlsContext context_of(const FlowGroup& group) {
  return TlsContext(group.options,
                    group.flows.front()->is_server ? TlsRole::server : TlsRole::client);
}

// The copies between user space and kernel. Those of kTLS depend on the device.
std::optional<std::uint64_t> copies_of(const Options& options) {
  return options.ktls.value_or(false) ? std::nullopt : std::optional<std::uint64_t>(1);
}

void send_tls(FlowGroup& group, Meter& meter) {
  Flow& flow = *group.flows.front();
  const TlsContext context = context_of(group);
  TlsStream tls(context, flow.fd.get());
  tls.set_up(group.options);
  group.copies = copies_of(group.options);
  group.await_others();
  meter.first_byte();
  while (!meter.window_closed() && !flow.sent.full()) {
    await_turn(flow, meter);
    const std::span<const char> bytes = next_bytes(flow);
    const ssize_t n = tls.write(bytes.data(), bytes.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      flow.fail(meter);
      break;
    }
    flow.sent.add(static_cast<std::uint64_t>(n));
  }
  tls.finish();
  finish_sending(flow, meter);
}

void receive_tls(FlowGroup& group, Meter& meter) {
  Flow& flow = *group.flows.front();
  const TlsContext context = context_of(group);
  TlsStream tls(context, flow.fd.get());
  // The messages of a handshake are shorter than the watermark of bulk data.
  const auto watermark = static_cast<int>(low_watermark(flow.fd.get()).value_or(1));
  set_option(flow.fd.get(), SOL_SOCKET, SO_RCVLOWAT, 1, "SO_RCVLOWAT");
  Options receiver = group.options;
  receiver.ktls.reset();  // this end sends no data
  tls.set_up(receiver);
  set_option(flow.fd.get(), SOL_SOCKET, SO_RCVLOWAT, watermark, "SO_RCVLOWAT");
  group.copies = copies_of(group.options);
  receive_with([&] { return tls.read(flow.incoming.data(), flow.incoming.size()); }, group, meter);
}

constexpr TransferOps kOps = {send_tls, receive_tls, kStreams};

}  // namespace

const Engine& tls_throughput() {
  static const Engine engine = [] {
    Engine row = make_transfer_engine({.name = "tls",
                                       .summary = kTlsSummary,
                                       .transport = Transport::tcp,
                                       .ops = kOps,
                                       .parameters = {"verify", "tls_cipher", "ktls"},
                                       .unavailable = tls_unavailable});
    // OpenSSL's connections serve one thread at a time.
    std::erase(row.parameters, "bidirectional");
    row.listen = [](const EndpointConfig& config) {
      require_ktls(config.options);
      return listen_transfer(kOps, config);
    };
    row.connect = [](const EndpointConfig& config) {
      require_ktls(config.options);
      return connect_transfer(kOps, config);
    };
    row.serves_external = false;
    return row;
  }();
  return engine;
}

}  // namespace pingperf
