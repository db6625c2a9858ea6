// Ping-pong over many flows with level-triggered epoll(7): one recv() per event.
#include "sockets/core/poller.h"
#include "sockets/latency/flow_pingpong.h"
#include "sockets/latency/latency_engines.h"
#include "sockets/latency/open_loop.h"
#include "sockets/latency/pipelined_pingpong.h"
#include "sockets/latency/think_time.h"

namespace pingperf {
namespace {

// Returns a poller that waits until flows can be read.
Poller<PingFlow> poll_for_reading(std::vector<PingFlow>& flows) {
  Poller<PingFlow> poller;
  for (PingFlow& flow : flows) poller.watch(flow, EPOLLIN);
  return poller;
}

template <bool thinks, bool mixed>
void ping_all(PingThread& t, Meter& meter, const EndpointConfig& config) {
  const bool stream = is_stream(config.options.transport);
  Poller<PingFlow> poller = poll_for_reading(t.flows);
  FlowBuffers buffers(t, stream);
  ThinkingFlows thinking(thinks ? t.flows.size() : 0, config.options.think_time.value_or(0));
  FlowPinger pinger(t, meter, config);
  const auto ping = [&](PingFlow& flow) {
    if (pinger.next<mixed>(flow) && !send_all(flow.fd.get(), t.outgoing.data(), t.outgoing.size()))
      fail(t, meter, "send of a ping");
  };
  for (PingFlow& flow : t.flows) ping(flow);
  while (thinks ? !pinger.is_over(thinking) : !pinger.is_over()) {
    if constexpr (thinks)
      poller.wait(thinking.wait(kStopCheck));
    else
      poller.wait(pinger.longest_wait());
    poller.for_each_ready([&](PingFlow& flow) {
      if constexpr (mixed) pinger.select_size(flow);
      const ssize_t n = buffers.receive(flow);
      if (n < 0 && is_transient(errno)) return;
      if (n == 0 && stream) errno = 0;
      if (n < 0 || (n == 0 && stream)) return fail(t, meter, "receive of a pong");
      if (!pinger.take<mixed>(flow, buffers.message(flow), n)) return;
      if constexpr (thinks)
        thinking.add(flow);
      else
        ping(flow);
    });
    if constexpr (thinks) thinking.wake_due(ping);
    pinger.give_up_overdue(ping);
  }
  pinger.finish();
}

// The loop with several pings in flight on each flow.
void ping_all_pipelined(PingThread& t, Meter& meter, const EndpointConfig& config) {
  Poller<PingFlow> poller = poll_for_reading(t.flows);
  PipelinedPinger pinger(t, meter, config);
  const auto ping = [&](PingFlow& flow) {
    const bool was_blocked = pinger.is_blocked(flow);
    const bool is_blocked = !pinger.send_pings(flow);
    if (is_blocked != was_blocked)
      poller.change(flow, static_cast<std::uint32_t>(is_blocked ? EPOLLIN | EPOLLOUT : EPOLLIN));
  };
  for (PingFlow& flow : t.flows) ping(flow);
  while (!pinger.is_over()) {
    poller.wait(pinger.longest_wait());
    poller.for_each_ready([&](PingFlow& flow) {
      const std::span<char> room = pinger.room(flow);
      pinger.take(flow, ::recv(flow.fd.get(), room.data(), room.size(), MSG_DONTWAIT));
      if (t.error == 0) ping(flow);
    });
    pinger.give_up_overdue(ping);
  }
  pinger.finish();
}

template <bool mixed>
void pong_all(PingThread& t, Meter& meter, const EndpointConfig& config) {
  const bool stream = is_stream(config.options.transport);
  Poller<PingFlow> poller = poll_for_reading(t.flows);
  FlowBuffers buffers(t, stream);
  std::size_t open = t.flows.size();
  const auto close = [&](const PingFlow& flow) {
    poller.forget(flow);
    --open;
  };
  while (open > 0 && !meter.stopped() && t.error == 0) {
    poller.wait(-1);
    poller.for_each_ready([&](PingFlow& flow) {
      char* const message = buffers.message(flow);
      if (mixed && stream) t.select_size(flow.answered_up_to);
      ssize_t n = buffers.receive(flow);
      if (n < 0 && is_transient(errno)) return;
      if (n == 0 && stream && flow.received == 0) return close(flow);
      if (n == 0 && stream) errno = 0;
      if (n < 0 && is_client_gone(errno)) return close(flow);
      if (n < 0 || (n == 0 && stream)) return fail(t, meter, "receive of a ping");
      switch (reply_on<mixed>(t, meter, flow, stream, message, n)) {
        case Reply::none:
          return;
        case Reply::over:
          return close(flow);
        case Reply::corrupt:
          return fail(t, meter, "payload of a ping");
        case Reply::send:
          if (send_all(flow.fd.get(), message + t.framing.ip_header,
                       static_cast<std::size_t>(n) - t.framing.ip_header))
            return;
          if (is_client_gone(errno)) return close(flow);
          fail(t, meter, "send of a pong");
      }
    });
  }
}

// The waiter of an open loop over many flows (open_loop.h).
class EpollWaiter {
 public:
  EpollWaiter(std::vector<PingFlow>& flows, const Options&) : poller_(poll_for_reading(flows)) {}

  void wait(Nanoseconds until, int blocked_fd) noexcept {
    constexpr Nanoseconds kBlocked = 100 * kMicrosecond;  // interval of retries for a full buffer
    const Nanoseconds left = std::max<Nanoseconds>(0, until - fast_now_ns());
    poller_.wait(blocked_fd >= 0 ? std::min(left, kBlocked) : left);
  }

  template <typename Take>
  void for_each_ready(Take take) noexcept {
    poller_.for_each_ready(take);
  }

 private:
  Poller<PingFlow> poller_;
};

void ping(PingThread& t, Meter& meter, const EndpointConfig& config) {
  if (config.options.frequency_hz) return ping_on_schedule<EpollWaiter>(t, meter, config);
  if (config.options.in_flight.value_or(1) > 1) return ping_all_pipelined(t, meter, config);
  const bool thinks = config.options.think_time.value_or(0) > 0;
  if (config.options.size_mix)
    return thinks ? ping_all<true, true>(t, meter, config)
                  : ping_all<false, true>(t, meter, config);
  thinks ? ping_all<true, false>(t, meter, config) : ping_all<false, false>(t, meter, config);
}

void pong(PingThread& t, Meter& meter, const EndpointConfig& config) {
  config.options.size_mix ? pong_all<true>(t, meter, config) : pong_all<false>(t, meter, config);
}

// Sends block. If both ends waited for space in the buffers of different flows, neither would
// continue.
std::optional<std::string> validate_large_message(const Options& o) {
  constexpr std::uint64_t kFitsEveryBuffer = 64 * 1024;
  const std::uint64_t ping = max_message(o), pong = o.response_size.value_or(ping);
  if (o.streams.value_or(1) == 1 || std::min(ping, pong) <= kFitsEveryBuffer) return std::nullopt;
  return "engine epoll with several streams requires a message_size or a response_size of at most "
         "64KiB, so that a message fits into the socket's buffers";
}

}  // namespace

std::span<const Engine> epoll_latency() {
  static const std::vector<Engine> engines = make_latency_engines({
      .name = "epoll",
      .summary = kEpollSummary,
      .ping_stream = ping,
      .pong_stream = pong,
      .ping_datagrams = ping,
      .pong_datagrams = pong,
      .parameters = {"frequency", "arrivals", "in_flight", "think_time", "size_mix"},
      .flow_parameters = {"streams", "threads"},
      .validate = validate_large_message,
      .unavailable = epoll_unavailable,
  });
  return engines;
}

}  // namespace pingperf
