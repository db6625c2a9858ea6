// UDP bulk transfer with blocking calls: one side numbers and stamps its datagrams, the other
// counts what comes, what is missing, and the jitter.
#include <sys/socket.h>

#include "sockets/datagram.h"
#include "sockets/engines.h"
#include "sockets/io.h"
#include "sockets/transfer.h"

namespace pingperf {
namespace {

// An overrun send buffer or a full device queue drops the datagram: that is not the end of a flow.
bool transient(int error) {
  return error == EINTR || error == ENOBUFS || error == EAGAIN;
}

void send_datagrams(Flow& flow, Meter& meter, Pace& pace) {
  meter.began();
  std::uint64_t number = 0;
  while (!meter.closed() && !flow.sent.full()) {
    if (pace.paced()) pace.wait(meter);
    set_header(flow.outgoing.data(), {number, now_ns()});
    const ssize_t n =
        ::send(flow.fd.get(), flow.outgoing.data(), flow.outgoing.size(), MSG_NOSIGNAL);
    if (n < 0) {
      if (transient(errno)) continue;
      if (!meter.stopped()) flow.error = errno;
      break;
    }
    ++number;
    flow.sent.add(static_cast<std::uint64_t>(n));
  }
  send_end(flow.fd.get(), number);
}

// Returns false when the sender has said that it is done.
bool take_mark(Flow& flow, const DatagramHeader& header, std::size_t size) {
  if (header.number == kHello) {  // our answer was lost
    if (!flow.is_server) return true;
    ::send(flow.fd.get(), flow.incoming.data(), size, MSG_NOSIGNAL);
    return true;
  }
  flow.sequence.expect(static_cast<std::uint64_t>(header.value));
  return false;
}

void receive_datagrams(Flow& flow, Meter& meter, Pace&) {
  for (bool first = true; !meter.stopped();) {
    const ssize_t n = ::recv(flow.fd.get(), flow.incoming.data(), flow.incoming.size(), 0);
    if (n < 0 && !transient(errno)) {
      if (!meter.stopped()) flow.error = errno;
      return;
    }
    if (n < static_cast<ssize_t>(kSmallestDatagram)) continue;
    const DatagramHeader header = header_of(flow.incoming.data());
    if (header.number >= kEnd) {
      if (!take_mark(flow, header, static_cast<std::size_t>(n))) return;
      continue;
    }
    if (first) meter.began();
    first = false;
    if (flow.sequence.received(header.number, header.value, now_ns()))
      flow.received.add(static_cast<std::uint64_t>(n));
  }
}

std::optional<std::string> object_to(const Options& options) {
  const auto objection = datagram_objection(options);
  return objection ? objection : pace_objection(options);
}

constexpr TransferOps kOps = {send_datagrams, receive_datagrams, kDatagrams};

}  // namespace

const Engine& blocking_udp_throughput() {
  static const Engine engine = {
      .name = "blocking",
      .summary = kBlockingSummary,
      .kind = Kind::throughput,
      .transport = Transport::udp,
      .parameters = {"message_size", "streams", "duration", "warmup", "bytes", "messages", "rate",
                     "reverse", "bidirectional", "send_buffer", "receive_buffer", "tos",
                     "pin.client", "pin.server", "ip", "port"},
      .unavailable = always_available,
      .listen = [](const Session& s) { return listen_transfer(kOps, s); },
      .connect = [](const Session& s) { return connect_transfer(kOps, s); },
      .objection = object_to,
  };
  return engine;
}

}  // namespace pingperf
