// Bulk transfer over byte streams with epoll(7): `threads` threads, each with a share of the
// streams, which take turns, one message each.
#include <sys/epoll.h>

#include <array>

#include "sockets/engines.h"
#include "sockets/error.h"
#include "sockets/stream.h"
#include "sockets/stream_transfer.h"

namespace pingperf {
namespace {

// Watches flows for one thing that they can be ready for.
class FlowPoller {
 public:
  FlowPoller(const std::vector<Flow*>& flows, std::uint32_t events)
      : epoll_(check(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")) {
    for (Flow* const flow : flows) {
      epoll_event event{};
      event.events = events;
      event.data.ptr = flow;
      check(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, flow->fd.get(), &event), "epoll_ctl");
    }
  }

  // Calls take(flow) with each that is ready, after at most `timeout_ms`.
  template <typename Take>
  void for_each_ready(int timeout_ms, Take take) noexcept {
    const int ready = ::epoll_wait(epoll_.get(), events_.data(), kMostEvents, timeout_ms);
    for (int i = 0; i < ready; ++i)
      take(*static_cast<Flow*>(events_[static_cast<std::size_t>(i)].data.ptr));
  }

  void forget(const Flow& flow) noexcept {
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, flow.fd.get(), nullptr);
  }

 private:
  static constexpr int kMostEvents = 64;

  const Fd epoll_;
  std::array<epoll_event, kMostEvents> events_{};
};

bool is_transient(int error) {
  return error == EAGAIN || error == EINTR;
}

void send_streams(FlowGroup& group, Meter& meter) {
  constexpr int kNap_ms = 50;  // how long a closed meter can go unnoticed by blocked flows
  FlowPoller poller(group.flows, EPOLLOUT);
  std::size_t open = group.flows.size();
  const auto close = [&](const Flow& flow) {
    poller.forget(flow);
    --open;
  };
  meter.began();
  while (open > 0 && !meter.closed())
    poller.for_each_ready(kNap_ms, [&](Flow& flow) {
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
  for (Flow* const flow : group.flows) ::shutdown(flow->fd.get(), SHUT_WR);
  for (Flow* const flow : group.flows) finish_sending(*flow, meter);
  group.copies = 1;
}

void receive_streams(FlowGroup& group, Meter& meter) {
  FlowPoller poller(group.flows, EPOLLIN);
  const int flags = MSG_DONTWAIT | receive_flags(group.options);
  const bool verify = group.options.verify.value_or(false);
  std::size_t open = group.flows.size();
  bool first = true;
  const auto close = [&](const Flow& flow) {
    poller.forget(flow);
    --open;
  };
  group.copies = flags == MSG_DONTWAIT ? 1 : 0;
  while (open > 0)
    poller.for_each_ready(-1, [&](Flow& flow) {
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
