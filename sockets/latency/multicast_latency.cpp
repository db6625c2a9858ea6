// Ping-pong with a multicast group: the client sends one ping to the group, and every receiver
// answers it with a pong of its own. Each pong is one round trip. The next ping is sent when all
// receivers have answered, or after the timeout.
#include <algorithm>
#include <vector>

#include "sockets/latency/datagram_pingpong.h"
#include "sockets/latency/latency_engines.h"
#include "sockets/transport/availability.h"
#include "sockets/transport/multicast.h"

namespace pingperf {
namespace {

// The pongs of one receiver.
struct Receiver {
  Histogram rtt;
  std::uint64_t lost = 0;
  bool has_answered = false;  // the current ping
};

// The client's side of the trial.
class MulticastClient {
 public:
  MulticastClient(PingThread& t, const EndpointConfig& config)
      : t_(t),
        flow_(t.flows.front()),
        group_(group_of(flow_.fd.get(), config.options)),
        timeout_(config.options.ping_timeout.value_or(kPingTimeout)),
        receivers_(config.options.receivers.value_or(1)) {
    t.receivers.resize(receivers_.size());
  }

  // Sends the first `size` bytes of the message to the group. Returns false with errno.
  bool send(std::uint64_t number, std::size_t size) noexcept {
    prepare_ping(t_, number, flow_.sent);
    return ::sendto(flow_.fd.get(), t_.outgoing.data(), size, MSG_NOSIGNAL, group_.data(),
                    group_.size()) >= 0;
  }

  // Waits for the pongs of all receivers. Returns false with errno on an error.
  bool await_pongs(const PingWindow& window, const Meter& meter) noexcept {
    for (Receiver& receiver : receivers_) receiver.has_answered = false;
    for (std::size_t missing = receivers_.size(); missing > 0 && !meter.stopped();) {
      if (!wait_readable(flow_.fd.get(), flow_.sent + timeout_)) break;
      const ssize_t n =
          ::recv(flow_.fd.get(), t_.incoming.data(), t_.incoming.size(), MSG_DONTWAIT);
      if (n < 0 && errno != EAGAIN && errno != EINTR) return false;
      if (n < 0 || !is_new(n)) continue;
      --missing;
      if (!is_intact_datagram(t_, t_.incoming.data())) return false;
      take_pong(window);
    }
    take_losses(window, meter);
    return true;
  }

  void report() {
    for (std::size_t i = 0; i < receivers_.size(); ++i) {
      const Histogram& rtt = receivers_[i].rtt;
      ReceiverFigures& figures = t_.receivers[i];
      figures.received = rtt.count();
      figures.lost = receivers_[i].lost;
      if (rtt.has_quantile(0.5)) figures.rtt_p50_ns = rtt.quantile(0.5);
      if (rtt.has_quantile(0.99)) figures.rtt_p99_ns = rtt.quantile(0.99);
    }
  }

 private:
  // Returns true if the received datagram is the first pong of a receiver to the current ping.
  bool is_new(ssize_t n) noexcept {
    if (n != static_cast<ssize_t>(t_.outgoing.size())) return false;
    const DatagramHeader header = received_header(t_, t_.incoming.data());
    const auto index = static_cast<std::uint64_t>(header.value);
    if (header.number != flow_.number || index >= receivers_.size() ||
        receivers_[index].has_answered) {
      count_stray(t_, flow_, header.number);
      return false;
    }
    answering_ = &receivers_[index];
    return answering_->has_answered = true;
  }

  void take_pong(const PingWindow& window) noexcept {
    const Nanoseconds now = fast_now_ns();
    window.record(t_, flow_, flow_.sent, now);
    if (flow_.sent >= window.open) answering_->rtt.record(now - flow_.sent);
  }

  void take_losses(const PingWindow& window, const Meter& meter) noexcept {
    if (meter.stopped()) return;
    for (Receiver& receiver : receivers_) {
      if (receiver.has_answered) continue;
      window.record_lost(t_, flow_.number, flow_.sent, fast_now_ns());
      if (flow_.sent >= window.open) ++receiver.lost;
    }
  }

  PingThread& t_;
  PingFlow& flow_;
  const Address group_;
  const Nanoseconds timeout_;
  std::vector<Receiver> receivers_;
  Receiver* answering_ = nullptr;
};

void ping_group(PingThread& t, Meter& meter, const EndpointConfig& config) {
  MulticastClient group(t, config);
  PingFlow& flow = t.flows.front();
  const PingWindow window = open_window(t, meter);
  while (!meter.stopped()) {
    flow.sent = fast_now_ns();
    if (!window.may_send(t, flow.sent)) break;
    flow.number = t.take_number();
    if (!group.send(flow.number, t.outgoing.size())) return fail(t, meter, "send of a ping");
    if (!group.await_pongs(window, meter)) return fail(t, meter, "receive of a pong");
  }
  for (int i = 0; i < 3; ++i) group.send(kEnd, kMinDatagram);  // each can be lost
  group.report();
}

// Answers the pings that one receiver gets. The pong has the index of the receiver.
void pong_receiver(PingThread& t, Meter& meter, const EndpointConfig&) {
  PingFlow& flow = t.flows.front();
  char* const datagram = t.incoming.data();
  while (!meter.stopped()) {
    ssize_t n = ::recv(flow.fd.get(), datagram, t.incoming.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && is_client_gone(errno)) return;
    if (n < 0) return fail(t, meter, "receive of a ping");
    const Reply reply = reply_to(t, meter, datagram, n);
    if (reply == Reply::over) return;
    if (reply == Reply::corrupt) return fail(t, meter, "payload of a ping");
    if (reply == Reply::none) continue;
    set_header(datagram, {header_of(datagram).number, static_cast<std::int64_t>(flow.index)});
    if (::send(flow.fd.get(), datagram, static_cast<std::size_t>(n), MSG_NOSIGNAL) < 0)
      return is_client_gone(errno) ? void() : fail(t, meter, "send of a pong");
  }
}

// A receiver has a thread, the client one in all.
EndpointConfig with_threads(EndpointConfig config, std::uint64_t threads) {
  config.options.threads = threads;
  config.options.streams = threads;
  return config;
}

}  // namespace

const Engine& multicast_latency() {
  static const PingPongOps ops = {ping_group, pong_receiver, kMulticast};
  static const Engine engine = {
      .name = "blocking",
      .summary = kBlockingSummary,
      .kind = Kind::latency,
      .transport = Transport::multicast,
      .parameters = latency_parameters({"ping_timeout", "tos", "port", "group", "receivers"}),
      .unavailable = always_available,
      .listen =
          [](const EndpointConfig& c) {
            return listen_pingpong(ops, with_threads(c, c.options.receivers.value_or(1)));
          },
      .connect = [](const EndpointConfig& c) { return connect_pingpong(ops, with_threads(c, 1)); },
      .validate = validate_multicast,
  };
  return engine;
}

}  // namespace pingperf
