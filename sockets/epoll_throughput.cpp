// Bulk transfer over byte streams with epoll(7): `threads` threads, each with a share of the
// streams, which take turns, one message each.
#include "sockets/engines.h"
#include "sockets/poller.h"
#include "sockets/stream.h"
#include "sockets/stream_transfer.h"

namespace pingperf {
namespace {

Poller<Flow> poll_for(const std::vector<Flow*>& flows, std::uint32_t events) {
  Poller<Flow> poller;
  for (Flow* const flow : flows) poller.watch(*flow, events);
  return poller;
}

void send_streams(FlowGroup& group, Meter& meter) {
  constexpr Nanoseconds kNap =
      50 * kMillisecond;  // how long a closed meter can go unnoticed by blocked flows
  Poller<Flow> poller = poll_for(group.flows, EPOLLOUT);
  std::size_t open = group.flows.size();
  const auto close = [&](const Flow& flow) {
    poller.forget(flow);
    --open;
  };
  meter.began();
  while (open > 0 && !meter.closed()) {
    poller.wait(kNap);
    poller.for_each_ready([&](Flow& flow) {
      if (flow.sent.full()) return close(flow);
      const std::span<const char> bytes = next_bytes(flow);
      const ssize_t n =
          ::send(flow.fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && is_transient(errno)) return;
      if (n < 0) {
        flow.fail(meter);
        return close(flow);
      }
      flow.sent.add(static_cast<std::uint64_t>(n));
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
      if (first) meter.began();
      first = false;
      flow.received.add(static_cast<std::uint64_t>(n));
    });
  }
}

constexpr TransferOps kOps = {send_streams, receive_streams, kStreams};

Engine make_engine(Transport transport, std::vector<std::string_view> more) {
  Engine engine = {
      .name = "epoll",
      .summary = kEpollSummary,
      .kind = Kind::throughput,
      .transport = transport,
      .parameters = {"message_size", "streams", "threads", "duration", "warmup", "bytes",
                     "messages", "reverse", "bidirectional", "send_buffer", "receive_buffer",
                     "verify", "pin.client", "pin.server"},
      .unavailable = always_available,
      .listen = [](const Session& s) { return listen_transfer(kOps, s); },
      .connect = [](const Session& s) { return connect_transfer(kOps, s); },
      .objection = [](const Options& o) -> std::optional<std::string> {
        const auto threads = threads_objection(o);
        return threads ? threads : stream_objection(o);
      },
      .serves_external = true,
  };
  engine.parameters.insert(engine.parameters.end(), more.begin(), more.end());
  return engine;
}

}  // namespace

std::span<const Engine> epoll_throughput() {
  static const std::vector<Engine> engines = {
      make_engine(Transport::tcp,
                  {"congestion_control", "nodelay", "mss", "tos", "ip", "port", "receive"}),
      make_engine(Transport::unix_stream, {}),
  };
  return engines;
}

}  // namespace pingperf
