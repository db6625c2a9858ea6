// Bulk transfer over byte streams with epoll(7). Each of `threads` threads has a share of the
// streams and serves them in turn, one message each.
#include "sockets/core/poller.h"
#include "sockets/throughput/stream_transfer.h"
#include "sockets/throughput/transfer_engines.h"
#include "sockets/transport/stream.h"

namespace pingperf {
namespace {

Poller<Flow> poll_for(const std::vector<Flow*>& flows, std::uint32_t events) {
  Poller<Flow> poller;
  for (Flow* const flow : flows) poller.watch(*flow, events);
  return poller;
}

// Looks at the schedules of paced flows whose next message is not due, and polls for those that
// have become due. Returns the time until the next look; 0 if it looked now.
Nanoseconds look_at_waiting_flows(const std::vector<Flow*>& flows, Poller<Flow>& poller) noexcept {
  const Nanoseconds now = now_ns();
  Nanoseconds next = now + kNap;
  for (const Flow* const flow : flows)
    if (!flow->pace.is_due()) next = std::min(next, flow->pace.next_look());
  if (next > now) return next - now;
  for (Flow* const flow : flows)
    if (!flow->pace.is_due() && flow->pace.look(now)) poller.change(*flow, EPOLLOUT);
  return 0;
}

// Sends the rest of a message as far as the buffer has space. Returns false with errno on an error.
bool send_some(Flow& flow) noexcept {
  const std::span<const char> bytes = next_bytes(flow);
  const ssize_t n = ::send(flow.fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n < 0) return is_transient(errno);
  flow.sent.add(static_cast<std::uint64_t>(n));
  if (is_between_messages(flow)) flow.pace.leave();
  return true;
}

void send_streams(FlowGroup& group, Meter& meter) {
  const bool paced = group.flows.front()->pace.paced();
  Poller<Flow> poller = poll_for(group.flows, paced ? 0U : std::uint32_t{EPOLLOUT});
  std::size_t open = group.flows.size();
  group.await_others();
  meter.first_byte();
  while (open > 0 && !meter.window_closed()) {
    poller.wait(paced ? look_at_waiting_flows(group.flows, poller) : kNap);
    poller.for_each_ready([&](Flow& flow) {
      const bool sent = send_some(flow);
      if (!sent) flow.fail(meter);
      if (!sent || flow.sent.full()) {
        poller.forget(flow);
        --open;
      } else if (!flow.pace.is_due()) {
        poller.change(flow, 0);
      }
    });
  }
  for (Flow* const flow : group.flows) ::shutdown(flow->fd.get(), SHUT_WR);
  for (Flow* const flow : group.flows) finish_sending(*flow, meter);
  group.copies = 1;
}

void receive_streams(FlowGroup& group, Meter& meter) {
  Poller<Flow> poller = poll_for(group.flows, EPOLLIN);
  const int flags = MSG_DONTWAIT | receive_flags(group.options);
  const bool verify = group.options.verify.value_or(false);
  std::size_t open = group.flows.size();
  bool first = true;
  const auto close = [&](const Flow& flow) {
    poller.forget(flow);
    --open;
  };
  group.copies = flags == MSG_DONTWAIT ? 1 : 0;
  group.await_others();
  while (open > 0) {
    poller.wait(-1);
    poller.for_each_ready([&](Flow& flow) {
      const ssize_t n = ::recv(flow.fd.get(), flow.incoming.data(), flow.incoming.size(), flags);
      if (n < 0 && is_transient(errno)) return;
      if (n < 0 ||
          (verify && !is_pattern(flow, flow.incoming.data(), static_cast<std::size_t>(n)))) {
        flow.fail(meter);
        return close(flow);
      }
      if (n == 0) {
        finish_receiving(flow);
        return close(flow);
      }
      if (first) meter.first_byte();
      first = false;
      flow.received.add(static_cast<std::uint64_t>(n));
    });
  }
}

constexpr TransferOps kOps = {send_streams, receive_streams, kStreams};

}  // namespace

std::span<const Engine> epoll_throughput() {
  static const std::vector<Engine> engines = {
      make_transfer_engine({.name = "epoll",
                            .summary = kEpollSummary,
                            .transport = Transport::tcp,
                            .ops = kOps,
                            .parameters = {"threads", "verify", "receive"},
                            .unavailable = epoll_unavailable}),
      make_transfer_engine({.name = "epoll",
                            .summary = kEpollSummary,
                            .transport = Transport::unix_stream,
                            .ops = kOps,
                            .parameters = {"threads", "verify"},
                            .unavailable = epoll_unavailable}),
  };
  return engines;
}

}  // namespace pingperf
