// TCP bulk transfer with blocking calls: one side writes, the other reads and discards.
#include <sys/socket.h>

#include "sockets/engines.h"
#include "sockets/stream.h"
#include "sockets/transfer.h"

namespace pingperf {
namespace {

void send_stream(Flow& flow, Meter& meter, Pace& pace) {
  meter.began();
  while (!meter.closed() && !flow.sent.full()) {
    if (pace.paced()) pace.wait(meter);
    const ssize_t n =
        ::send(flow.fd.get(), flow.outgoing.data(), flow.outgoing.size(), MSG_NOSIGNAL);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (!meter.stopped()) flow.error = errno;
      break;
    }
    flow.sent.add(static_cast<std::uint64_t>(n));
  }
  ::shutdown(flow.fd.get(), SHUT_WR);  // the receiver reads to the end of the stream
  // A limit of bytes is reached when they have arrived, not when the kernel has taken them.
  char end;
  while (flow.is_one_way && !meter.closed() && ::recv(flow.fd.get(), &end, 1, 0) > 0) {
  }
}

void receive_stream(Flow& flow, Meter& meter, Pace&) {
  for (bool first = true;; first = false) {
    const ssize_t n = ::recv(flow.fd.get(), flow.incoming.data(), flow.incoming.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && !meter.stopped()) flow.error = errno;
    if (n == 0 && flow.is_one_way) ::shutdown(flow.fd.get(), SHUT_WR);  // we have it all
    if (n <= 0) return;
    if (first) meter.began();
    flow.received.add(static_cast<std::uint64_t>(n));
  }
}

constexpr TransferOps kOps = {send_stream, receive_stream, kStreams};

}  // namespace

const Engine& blocking_tcp_throughput() {
  static const Engine engine = {
      .name = "blocking",
      .summary = kBlockingSummary,
      .kind = Kind::throughput,
      .transport = Transport::tcp,
      .parameters = {"message_size", "streams", "duration", "warmup", "bytes", "messages", "rate",
                     "reverse", "bidirectional", "congestion_control", "nodelay", "send_buffer",
                     "receive_buffer", "mss", "tos", "pin.client", "pin.server", "ip", "port"},
      .unavailable = always_available,
      .listen = [](const Session& s) { return listen_transfer(kOps, s); },
      .connect = [](const Session& s) { return connect_transfer(kOps, s); },
      .objection = pace_objection,
  };
  return engine;
}

}  // namespace pingperf
