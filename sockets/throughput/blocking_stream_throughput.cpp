// Bulk transfer over byte streams with blocking calls: one side writes, the other reads and
// discards. One thread per stream.
#include <sys/socket.h>

#include "sockets/throughput/frames.h"
#include "sockets/throughput/mapped_receive.h"
#include "sockets/throughput/stream_transfer.h"
#include "sockets/throughput/transfer_engines.h"
#include "sockets/throughput/zero_copy.h"
#include "sockets/transport/stream.h"

namespace pingperf {
namespace {

// Sends until the window closes or the limit is reached. send(data, n) returns as send(2).
template <typename Writes, typename Send>
void send_with(Send send, FlowGroup& group, Meter& meter) {
  Flow& flow = *group.flows.front();
  Writes writes(flow);
  group.await_others();
  meter.first_byte();
  while (!meter.window_closed() && !flow.sent.full()) {
    writes.await_turn(meter);
    const std::span<const char> bytes = writes.next();
    const ssize_t n = send(bytes.data(), bytes.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      flow.fail(meter);
      break;
    }
    flow.sent.add(static_cast<std::uint64_t>(n));
    writes.sent(static_cast<std::size_t>(n));
  }
  finish_sending(flow, meter);
}

template <typename Writes>
void send_writes(FlowGroup& group, Meter& meter) {
  const int fd = group.flows.front()->fd.get();
  if (group.options.zero_copy.value_or(false)) {
    ZeroCopy zero_copy(fd);
    send_with<Writes>(
        [&](const char* data, std::size_t n) { return zero_copy.send(data, n, meter); }, group,
        meter);
    return zero_copy.report(group);
  }
  send_with<Writes>(
      [fd](const char* data, std::size_t n) { return ::send(fd, data, n, MSG_NOSIGNAL); }, group,
      meter);
  group.copies = 1;
}

void send_stream(FlowGroup& group, Meter& meter) {
  if (group.options.frame_every) return send_stream_frames(group, meter);
  group.options.size_mix ? send_writes<MixedWrites>(group, meter)
                         : send_writes<EqualWrites>(group, meter);
}

void receive(FlowGroup& group, Meter& meter) {
  if (group.options.frame_every) return receive_stream_frames(group, meter);
  group.options.receive == "map" ? receive_mapped(group, meter) : receive_stream(group, meter);
}

constexpr TransferOps kOps = {send_stream, receive, kStreams};

}  // namespace

std::span<const Engine> blocking_stream_throughput() {
  static const std::vector<Engine> engines = [] {
    TransferRow row = {.name = "blocking",
                       .summary = kBlockingSummary,
                       .transport = Transport::tcp,
                       .ops = kOps,
                       .parameters = shaped({"verify"})};
    std::vector<Engine> all = make_plain_stream_engines(row);
    row.parameters = shaped({"verify", "receive", "zero_copy"});
    row.receives = {"copy", "discard", "map"};
    all.insert(all.begin(), make_transfer_engine(row));
    return all;
  }();
  return engines;
}

}  // namespace pingperf
