// UDP bulk transfer with blocking calls: one side numbers and stamps its datagrams, the other
// counts received and lost datagrams and estimates the jitter.
#include <sys/socket.h>

#include "sockets/throughput/datagram_bursts.h"
#include "sockets/throughput/datagram_transfer.h"
#include "sockets/throughput/transfer_engines.h"

namespace pingperf {
namespace {

void send_datagrams(FlowGroup& group, Meter& meter) {
  Flow& flow = *group.flows.front();
  group.await_others();
  meter.first_byte();
  std::uint64_t number = 0;
  while (!meter.window_closed() && !flow.sent.full()) {
    if (flow.pace.paced()) flow.pace.wait(meter);
    set_header(flow.outgoing.data(), {number, now_ns()});
    const ssize_t n =
        ::send(flow.fd.get(), flow.outgoing.data(), flow.outgoing.size(), MSG_NOSIGNAL);
    if (n < 0) {
      if (is_transient_send(errno)) continue;
      flow.fail(meter);
      break;
    }
    ++number;
    flow.sent.add(static_cast<std::uint64_t>(n));
  }
  send_end(flow.fd.get(), number);
  group.copies = 1;
}

void receive_datagrams(FlowGroup& group, Meter& meter) {
  Flow& flow = *group.flows.front();
  DatagramSink sink(flow, meter, group.options.verify.value_or(false));
  group.copies = 1;
  group.await_others();
  while (!meter.stopped()) {
    const ssize_t n = ::recv(flow.fd.get(), flow.incoming.data(), flow.incoming.size(), 0);
    if (n < 0 && is_transient_send(errno)) continue;
    if (n < 0) return flow.fail(meter);
    if (!sink.take(flow.incoming.data(), static_cast<std::size_t>(n), now_ns(), true)) return;
  }
}

void send(FlowGroup& group, Meter& meter) {
  const Options& o = group.options;
  o.batch || o.gso.value_or(false) ? send_bursts(group, meter) : send_datagrams(group, meter);
}

void receive(FlowGroup& group, Meter& meter) {
  const Options& o = group.options;
  const bool plain = !o.batch && !o.gro.value_or(false) && o.receive.value_or("copy") == "copy";
  plain ? receive_datagrams(group, meter) : receive_bursts(group, meter);
}

constexpr TransferOps kOps = {send, receive, kDatagrams};

}  // namespace

const Engine& blocking_udp_throughput() {
  static const Engine engine =
      make_transfer_engine({.name = "blocking",
                            .summary = kBlockingSummary,
                            .transport = Transport::udp,
                            .ops = kOps,
                            .parameters = {"batch", "gso", "gro", "receive", "verify"}});
  return engine;
}

}  // namespace pingperf
