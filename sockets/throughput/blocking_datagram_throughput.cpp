// UDP bulk transfer with blocking calls: one side numbers and stamps its datagrams, the other
// counts received and lost datagrams and estimates the jitter.
#include <sys/socket.h>

#include "sockets/throughput/datagram_bursts.h"
#include "sockets/throughput/datagram_transfer.h"
#include "sockets/throughput/frames.h"
#include "sockets/throughput/transfer_engines.h"

namespace pingperf {
namespace {

template <typename Sizes>
void send_datagrams(FlowGroup& group, Meter& meter) {
  Flow& flow = *group.flows.front();
  const Sizes sizes(flow);
  group.await_others();
  meter.first_byte();
  std::uint64_t number = 0;
  while (!meter.window_closed() && !flow.sent.full()) {
    if (flow.pace.paced()) flow.pace.wait(meter, sizes.cost_of(number));
    set_header(flow.outgoing.data(), {number, now_ns()});
    const ssize_t n = ::send(flow.fd.get(), flow.outgoing.data(), sizes.of(number), MSG_NOSIGNAL);
    if (n < 0) {
      if (is_transient_send(errno)) continue;
      flow.fail(meter);
      break;
    }
    ++number;
    flow.sent.add(static_cast<std::uint64_t>(n));
  }
  finish_datagrams(flow, number);
  group.copies = 1;
}

void send(FlowGroup& group, Meter& meter) {
  const Options& o = group.options;
  if (o.frame_every) return send_datagram_frames(group, meter);
  if (o.batch || o.gso.value_or(false)) return send_bursts(group, meter);
  o.size_mix ? send_datagrams<MixedSizes>(group, meter) : send_datagrams<EqualSizes>(group, meter);
}

void receive(FlowGroup& group, Meter& meter) {
  group.options.frame_every ? receive_datagram_frames(group, meter) : receive_bursts(group, meter);
}

constexpr TransferOps kOps = {send, receive, kDatagrams};

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
                            .parameters = shaped({"batch", "gso", "gro", "receive", "verify"})});
  return engine;
}

}  // namespace pingperf
