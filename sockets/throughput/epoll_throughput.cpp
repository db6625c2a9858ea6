// Bulk transfer with epoll(7), over byte streams and UDP. Each of `threads` threads has a share of
// the streams and serves them in turn: one message each, or one burst of datagrams.
#include <algorithm>
#include <deque>
#include <iterator>

#include "sockets/core/poller.h"
#include "sockets/core/socket_options.h"
#include "sockets/throughput/datagram_bursts.h"
#include "sockets/throughput/stream_transfer.h"
#include "sockets/throughput/transfer_engines.h"
#include "sockets/transport/stream.h"

namespace pingperf {
namespace {

// ---- Byte streams

template <typename Writes>
class StreamSender {
 public:
  StreamSender(Flow& flow, const Options&) : fd(flow.fd), flow_(flow), writes_(flow) {}

  Flow& flow() const noexcept { return flow_; }

  // Sends the rest of a message as far as the buffer has space. Returns false with errno on an
  // error.
  bool send() noexcept {
    const std::span<const char> bytes = writes_.next();
    const ssize_t n = ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) return is_transient(errno);
    flow_.sent.add(static_cast<std::uint64_t>(n));
    writes_.sent(static_cast<std::size_t>(n));
    if (const std::size_t cost = writes_.cost()) flow_.pace.advance(cost);
    return true;
  }

  // Ends the stream. finish() also waits for the end of the receiver's stream.
  void shut_down() const noexcept { ::shutdown(fd.get(), SHUT_WR); }
  void finish(const Meter& meter) noexcept { finish_sending(flow_, meter); }

  const Fd& fd;

 private:
  Flow& flow_;
  Writes writes_;
};

class StreamReceiver {
 public:
  StreamReceiver(Flow& flow, const Options& options, Meter& meter, Coalescing&) noexcept
      : fd(flow.fd),
        flow_(flow),
        meter_(meter),
        flags_(MSG_DONTWAIT | receive_flags(options)),
        verify_(options.verify.value_or(false)) {}

  // Receives once. Returns false at the end of the stream or on an error.
  bool receive() noexcept {
    const ssize_t n = ::recv(fd.get(), flow_.incoming.data(), flow_.incoming.size(), flags_);
    if (n < 0 && is_transient(errno)) return true;
    const bool failed = n < 0 || (verify_ && !is_pattern(flow_, flow_.incoming.data(),
                                                         static_cast<std::size_t>(n)));
    if (failed) flow_.fail(meter_);
    if (n == 0) finish_receiving(flow_);
    if (failed || n == 0) return false;
    if (first_) meter_.first_byte();
    first_ = false;
    flow_.received.add(static_cast<std::uint64_t>(n));
    return true;
  }

  const Fd& fd;

 private:
  Flow& flow_;
  Meter& meter_;
  const int flags_;
  const bool verify_;
  bool first_ = true;
};

// ---- Datagrams

class DatagramSender {
 public:
  DatagramSender(Flow& flow, const Options& options) : fd(flow.fd), burst_(flow, options) {}

  Flow& flow() const noexcept { return burst_.flow(); }

  // Sends a burst. Returns false with errno on an error.
  bool send() noexcept {
    const ssize_t sent = burst_.send(MSG_DONTWAIT);
    if (sent > 0) flow().pace.advance(static_cast<std::size_t>(sent));
    return sent >= 0;
  }

  void shut_down() const noexcept {}
  void finish(const Meter&) noexcept { burst_.finish(); }

  const Fd& fd;

 private:
  BurstSender burst_;
};

class DatagramReceiver {
 public:
  DatagramReceiver(Flow& flow, const Options& options, Meter& meter, Coalescing& coalescing)
      : fd(flow.fd), meter_(meter), burst_(flow, options, meter, coalescing) {}

  // Receives once. Returns false at the end of the flow or on an error.
  bool receive() noexcept {
    const int count = burst_.receive(MSG_DONTWAIT);
    if (count >= 0) return burst_.count(count) && !meter_.stopped();
    if (is_transient_send(errno)) return !meter_.stopped();
    burst_.flow().fail(meter_);
    return false;
  }

  const Fd& fd;

 private:
  Meter& meter_;
  BurstReceiver burst_;
};

// ---- Loops

template <typename End>
Poller<End> poll_for(std::deque<End>& ends, std::uint32_t events) {
  Poller<End> poller;
  for (End& end : ends) poller.watch(end, events);
  return poller;
}

// Updates the schedules of paced flows whose next message is not due, and polls for those that have
// become due. Returns the time until the next update; 0 if it has updated them now.
template <typename Sender>
Nanoseconds update_waiting_flows(std::deque<Sender>& senders, Poller<Sender>& poller) noexcept {
  const Nanoseconds now = now_ns();
  Nanoseconds next = now + kStopCheck;
  for (const Sender& sender : senders)
    if (!sender.flow().pace.is_due()) next = std::min(next, sender.flow().pace.next_update());
  if (next > now) return next - now;
  for (Sender& sender : senders)
    if (!sender.flow().pace.is_due() && sender.flow().pace.update(now))
      poller.change(sender, EPOLLOUT);
  return 0;
}

template <typename Sender>
void send_flows(FlowGroup& group, Meter& meter) {
  std::deque<Sender> senders;
  for (Flow* const flow : group.flows) senders.emplace_back(*flow, group.options);
  const bool paced = group.flows.front()->pace.paced();
  Poller<Sender> poller = poll_for(senders, paced ? 0U : std::uint32_t{EPOLLOUT});
  std::size_t open = senders.size();
  group.copies = 1;
  group.await_others();
  meter.first_byte();
  while (open > 0 && !meter.window_closed()) {
    poller.wait(paced ? update_waiting_flows(senders, poller) : kStopCheck);
    poller.for_each_ready([&](Sender& sender) {
      const bool sent = sender.send();
      if (!sent) sender.flow().fail(meter);
      if (!sent || sender.flow().sent.full()) {
        poller.forget(sender);
        --open;
      } else if (!sender.flow().pace.is_due()) {
        poller.change(sender, 0);
      }
    });
  }
  for (const Sender& sender : senders) sender.shut_down();
  for (Sender& sender : senders) sender.finish(meter);
}

void wait_for_data(Poller<StreamReceiver>& poller, Coalescing&) noexcept {
  poller.wait(-1);
}

// If the sockets of fast flows are empty, sleeps before it waits.
void wait_for_data(Poller<DatagramReceiver>& poller, Coalescing& coalescing) noexcept {
  poller.wait(0);
  if (poller.any_ready()) return;
  coalescing.gather();
  poller.wait(-1);
}

template <typename Receiver>
void receive_flows(FlowGroup& group, Meter& meter) {
  // The flows of a thread gather as if they shared one buffer.
  Coalescing coalescing(buffer_size(group.flows.front()->fd.get(), SO_RCVBUF).value_or(0));
  std::deque<Receiver> receivers;
  for (Flow* const flow : group.flows)
    receivers.emplace_back(*flow, group.options, meter, coalescing);
  Poller<Receiver> poller = poll_for(receivers, EPOLLIN);
  std::size_t open = receivers.size();
  group.copies = group.options.receive == "discard" ? 0 : 1;
  group.await_others();
  while (open > 0) {
    wait_for_data(poller, coalescing);
    poller.for_each_ready([&](Receiver& receiver) {
      if (receiver.receive()) return;
      poller.forget(receiver);
      --open;
    });
  }
}

void send_streams(FlowGroup& group, Meter& meter) {
  group.options.size_mix ? send_flows<StreamSender<MixedWrites>>(group, meter)
                         : send_flows<StreamSender<EqualWrites>>(group, meter);
}

constexpr TransferOps kStreamOps = {send_streams, receive_flows<StreamReceiver>, kStreams};
constexpr TransferOps kDatagramOps = {send_flows<DatagramSender>, receive_flows<DatagramReceiver>,
                                      kDatagrams};

TransferRow row(Transport transport, const TransferOps& ops,
                std::vector<std::string_view> parameters) {
  parameters.insert(parameters.end(), {"threads", "verify", "size_mix", "on_off.on", "on_off.off"});
  return {.name = "epoll",
          .summary = kEpollSummary,
          .transport = transport,
          .ops = ops,
          .parameters = std::move(parameters),
          .unavailable = epoll_unavailable};
}

}  // namespace

std::span<const Engine> epoll_throughput() {
  static const std::vector<Engine> engines = [] {
    std::vector<Engine> all =
        make_plain_stream_engines(row(Transport::unix_stream, kStreamOps, {}));
    const auto more = {row(Transport::tcp, kStreamOps, {"receive"}),
                       row(Transport::udp, kDatagramOps, {"receive", "batch", "gso", "gro"})};
    std::ranges::transform(more, std::inserter(all, all.begin()), make_transfer_engine);
    return all;
  }();
  return engines;
}

}  // namespace pingperf
