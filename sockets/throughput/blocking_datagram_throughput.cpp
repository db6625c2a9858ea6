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

void send(FlowGroup& group, Meter& meter) {
  const Options& o = group.options;
  o.batch || o.gso.value_or(false) ? send_bursts(group, meter) : send_datagrams(group, meter);
}

constexpr TransferOps kOps = {send, receive_bursts, kDatagrams};

}  // namespace

const TransferOps& blocking_datagram_loops() {
  return kOps;
}

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
