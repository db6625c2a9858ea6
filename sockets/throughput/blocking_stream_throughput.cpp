// Bulk transfer over byte streams with blocking calls: one side writes, the other reads and
// discards. One thread per stream.
#include <sys/socket.h>

#include "sockets/throughput/mapped_receive.h"
#include "sockets/throughput/stream_transfer.h"
#include "sockets/throughput/transfer_engines.h"
#include "sockets/throughput/zero_copy.h"
#include "sockets/transport/stream.h"

namespace pingperf {
namespace {

// Sends until the window closes or the limit is reached. send(data, n) returns as send(2).
template <typename Send>
void send_with(Send send, FlowGroup& group, Meter& meter) {
  Flow& flow = *group.flows.front();
  group.await_others();
  meter.first_byte();
  while (!meter.window_closed() && !flow.sent.full()) {
    await_turn(flow, meter);
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
  const int fd = group.flows.front()->fd.get();
  if (group.options.zero_copy.value_or(false)) {
    ZeroCopy zero_copy(fd);
    send_with([&](const char* data, std::size_t n) { return zero_copy.send(data, n, meter); },
              group, meter);
    return zero_copy.report(group);
  }
  send_with([fd](const char* data, std::size_t n) { return ::send(fd, data, n, MSG_NOSIGNAL); },
            group, meter);
  group.copies = 1;
}

void receive(FlowGroup& group, Meter& meter) {
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
                       .parameters = {"verify"}};
    std::vector<Engine> all = make_plain_stream_engines(row);
    row.parameters = {"verify", "receive", "zero_copy"};
    row.receives = {"copy", "discard", "map"};
    all.insert(all.begin(), make_transfer_engine(row));
    return all;
  }();
  return engines;
}

}  // namespace pingperf
