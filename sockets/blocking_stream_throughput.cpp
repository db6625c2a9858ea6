// Bulk transfer over byte streams with blocking calls: one side writes, the other reads and
// discards. A thread a stream.
#include <sys/socket.h>

#include "sockets/engines.h"
#include "sockets/stream.h"
#include "sockets/stream_transfer.h"
#include "sockets/zero_copy.h"

namespace pingperf {
namespace {

// Sends until the end; `send` is send(2), or does as it does.
template <typename Send>
void send_with(Send send, Flow& flow, Meter& meter) {
  meter.began();
  while (!meter.closed() && !flow.sent.full()) {
    if (flow.pace.paced()) flow.pace.wait(meter);
    const std::span<const char> bytes = next_bytes(flow);
    const ssize_t n = send(bytes.data(), bytes.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      flow.fail(meter);
      break;
    }
    flow.sent.add(static_cast<std::uint64_t>(n));
  }
  finish_sending(flow, meter);
}

void send_stream(FlowGroup& group, Meter& meter) {
  Flow& flow = *group.flows.front();
  if (group.options.zero_copy.value_or(false)) {
    ZeroCopy zero_copy(flow.fd.get());
    send_with([&](const char* data, std::size_t n) { return zero_copy.send(data, n, meter); }, flow,
              meter);
    return zero_copy.report(group);
  }
  const int fd = flow.fd.get();
  send_with([fd](const char* data, std::size_t n) { return ::send(fd, data, n, MSG_NOSIGNAL); },
            flow, meter);
  group.copies = 1;
}

void receive_stream(FlowGroup& group, Meter& meter) {
  Flow& flow = *group.flows.front();
  const int flags = receive_flags(group.options);
  const bool verify = group.options.verify.value_or(false);
  group.copies = flags == 0 ? 1 : 0;
  for (bool first = true;; first = false) {
    const ssize_t n = ::recv(flow.fd.get(), flow.incoming.data(), flow.incoming.size(), flags);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) flow.fail(meter);
    if (n == 0) finish_receiving(flow);
    if (n <= 0) return;
    if (first) meter.began();
    if (verify && !is_pattern(flow, flow.incoming.data(), static_cast<std::size_t>(n)))
      return flow.fail(meter);
    flow.received.add(static_cast<std::uint64_t>(n));
  }
}

constexpr TransferOps kOps = {send_stream, receive_stream, kStreams};

Engine make_engine(Transport transport, std::vector<std::string_view> more) {
  Engine engine = {
      .name = "blocking",
      .summary = kBlockingSummary,
      .kind = Kind::throughput,
      .transport = transport,
      .parameters = {"message_size", "streams", "duration", "warmup", "bytes", "messages", "rate",
                     "reverse", "bidirectional", "send_buffer", "receive_buffer", "verify",
                     "pin.client", "pin.server"},
      .unavailable = always_available,
      .listen = [](const Session& s) { return listen_transfer(kOps, s); },
      .connect = [](const Session& s) { return connect_transfer(kOps, s); },
      .objection = stream_objection,
      .serves_external = true,
  };
  engine.parameters.insert(engine.parameters.end(), more.begin(), more.end());
  return engine;
}

}  // namespace

std::span<const Engine> blocking_stream_throughput() {
  static const std::vector<Engine> engines = {
      make_engine(Transport::tcp, {"congestion_control", "nodelay", "mss", "tos", "ip", "port",
                                   "receive", "zero_copy"}),
      make_engine(Transport::unix_stream, {}),
  };
  return engines;
}

}  // namespace pingperf
