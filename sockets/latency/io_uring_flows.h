// Ping-pong over many flows with io_uring(7). Each flow has one multishot receive, which does not
// end. So a ping takes one submission, and one system call submits it and waits for the next
// message.
#pragma once

#include <sys/socket.h>

#include <algorithm>

#include "sockets/core/uring.h"
#include "sockets/latency/flow_pingpong.h"
#include "sockets/latency/think_time.h"

namespace pingperf {

// The ring of one thread. A received message stays in its buffer until the next message of the flow
// arrives, so that it can be sent back from there.
class FlowRing {
 public:
  FlowRing(PingThread& t, const EndpointConfig& config)
      : t_(t),
        stream_(is_stream(config.options.transport)),
        ring_(static_cast<unsigned>(std::min(2 * t.flows.size() + 2, kMaxSubmissions)),
              config.options.sqpoll.value_or(false)),
        buffers_(ring_, 2 * t.flows.size() + 2, t.incoming.size()),
        held_(t.flows.size()),
        stride_(t.incoming.size()) {
    std::vector<int> files;
    for (const PingFlow& flow : t.flows) files.push_back(flow.fd.get());
    ring_.register_files(files);
  }

  // Ends the receives before the buffers are freed.
  ~FlowRing() { ring_.exit(); }

  // Client: allocates one message per flow, because several can be in progress at once. Each has
  // the payload of `incoming`, with which all messages begin behind their heads.
  void make_room_for_pings() {
    outgoing_.resize(t_.flows.size() * stride_);
    const auto payload = t_.incoming.begin() + static_cast<std::ptrdiff_t>(t_.framing.ip_header);
    for (std::size_t i = 0; i < t_.flows.size(); ++i)
      std::copy(payload, t_.incoming.end(), ping_of(i));
  }

  // Server: sets the bytes of a pong that is longer than its ping.
  void fill_buffers() noexcept { buffers_.fill(t_.incoming); }

  // Queues the multishot receive of `flow`.
  void receive(const PingFlow& flow) noexcept {
    io_uring_sqe* const sqe = ring_.next();
    ::io_uring_prep_recv_multishot(sqe, static_cast<int>(t_.index_of(flow)), nullptr, 0, 0);
    sqe->flags |= IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
    sqe->buf_group = ProvidedBuffers::kGroup;
    ::io_uring_sqe_set_data64(sqe, t_.index_of(flow) << 1);
  }

  // Queues the thread's message as a ping on `flow`.
  void send_ping(const PingFlow& flow) noexcept {
    char* const message = ping_of(t_.index_of(flow));
    std::copy_n(t_.outgoing.begin(), std::min(kHead, t_.outgoing.size()), message);
    send(flow, message, t_.outgoing.size());
  }

  // Queues a send on `flow`. `message` must not change until it has been sent.
  void send(const PingFlow& flow, const char* message, std::size_t size) noexcept {
    io_uring_sqe* const sqe = ring_.next();
    ::io_uring_prep_send(sqe, static_cast<int>(t_.index_of(flow)), message, size,
                         MSG_NOSIGNAL | (stream_ ? MSG_WAITALL : 0));
    sqe->flags |= IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
    ::io_uring_sqe_set_data64(sqe, t_.index_of(flow) << 1 | 1);
  }

  void tick_every(Nanoseconds period) noexcept { ring_.tick_every(period); }

  void submit_and_wait() noexcept { ring_.submit_and_wait(); }
  void submit_and_wait(Nanoseconds timeout) noexcept { ring_.submit_and_wait(timeout); }

  // Calls take(flow, message, n) for each receive. n is the number of received bytes, which are the
  // last bytes of `message`; 0 at the end of a stream; -errno on an error. Calls failed(errno) for
  // each failed send.
  template <typename Take, typename Failed>
  void for_each_received(Take take, Failed failed) noexcept {
    ring_.for_each_completion([&](const io_uring_cqe& cqe) {
      if (ring_.take_tick(cqe)) return;
      if (cqe.user_data & 1) return failed(-cqe.res);
      PingFlow& flow = t_.flows[cqe.user_data >> 1];
      char* const message = cqe.flags & IORING_CQE_F_BUFFER ? keep(flow, cqe) : nullptr;
      const bool continues = (cqe.flags & IORING_CQE_F_MORE) != 0;
      if (!continues && (cqe.res > 0 || is_transient(cqe.res))) receive(flow);
      if (!is_transient(cqe.res)) take(flow, message, cqe.res);
    });
  }

 private:
  static constexpr std::size_t kHead = 64;  // bytes of a message that can differ from ping to ping
  static constexpr std::size_t kMaxSubmissions = 4096;

  // Returns true if a receive has ended without data or an error and must be repeated.
  static bool is_transient(int result) noexcept {
    return result == -EINTR || result == -EAGAIN || result == -ENOBUFS;
  }

  char* ping_of(std::uint64_t flow) noexcept { return outgoing_.data() + flow * stride_; }

  // Keeps the buffer of the completion and releases the previous buffer of the flow. If the bytes
  // continue a stream's message, copies them to the previous buffer instead. Returns the message.
  char* keep(const PingFlow& flow, const io_uring_cqe& cqe) noexcept {
    const auto id = static_cast<std::uint16_t>(cqe.flags >> IORING_CQE_BUFFER_SHIFT);
    std::optional<std::uint16_t>& held = held_[t_.index_of(flow)];
    if (held && stream_ && flow.received > 0) {
      const auto size = static_cast<std::size_t>(std::max(0, cqe.res));
      const std::size_t room = t_.incoming.size() - flow.received;
      std::copy_n(buffers_.data(id), std::min(size, room), buffers_.data(*held) + flow.received);
      buffers_.release(id);
      return buffers_.data(*held);
    }
    if (held) buffers_.release(*held);
    held = id;
    return buffers_.data(id);
  }

  PingThread& t_;
  const bool stream_;
  TickingRing ring_;
  ProvidedBuffers buffers_;
  std::vector<std::optional<std::uint16_t>> held_;  // per flow: the buffer of its last message
  const std::size_t stride_;                        // bytes of a message in outgoing_
  std::vector<char> outgoing_;                      // client: one message per flow
};

// The client's loop. `thinks`: pauses for think_time. `mixed`: pings have the sizes of a mix.
template <bool thinks, bool mixed>
void ping_flows(PingThread& t, Meter& meter, const EndpointConfig& config) {
  const bool stream = is_stream(config.options.transport);
  FlowRing ring(t, config);
  ring.make_room_for_pings();
  ThinkingFlows thinking(thinks ? t.flows.size() : 0, config.options.think_time.value_or(0));
  FlowPinger pinger(t, meter, config);
  const auto ping = [&](PingFlow& flow) {
    if (pinger.next<mixed>(flow)) ring.send_ping(flow);
  };
  for (PingFlow& flow : t.flows) {
    ring.receive(flow);
    ping(flow);
  }
  if (pinger.longest_wait() >= 0) ring.tick_every(pinger.longest_wait());
  while (thinks ? !pinger.is_over(thinking) : !pinger.is_over()) {
    if constexpr (thinks)
      ring.submit_and_wait(thinking.wait(kStopCheck));
    else
      ring.submit_and_wait();
    ring.for_each_received(
        [&](PingFlow& flow, const char* pong, int n) {
          if (n < 0 || (n == 0 && stream)) {
            errno = -n;
            fail(t, meter, "receive of a pong");
          } else if (pong && pinger.take<mixed>(flow, pong, n)) {
            if constexpr (thinks)
              thinking.add(flow);
            else
              ping(flow);
          }
        },
        [&](int error) {
          errno = error;
          fail(t, meter, "send of a ping");
        });
    if constexpr (thinks) thinking.wake_due(ping);
    pinger.give_up_overdue(ping);
  }
  pinger.finish();
}

// The server's loop.
template <bool mixed>
void pong_flows(PingThread& t, Meter& meter, const EndpointConfig& config) {
  const bool stream = is_stream(config.options.transport);
  FlowRing ring(t, config);
  if (mixed || t.outgoing.size() > t.expected.size()) ring.fill_buffers();
  std::size_t open = t.flows.size();
  const auto close = [&](PingFlow& flow) {  // counts only the first of repeated ends
    if (flow.waiting) --open;
    flow.waiting = false;
  };
  const auto answer = [&](PingFlow& flow, char* message, ssize_t n) {
    switch (reply_on<mixed>(t, meter, flow, stream, message, n)) {
      case Reply::none:
        return;
      case Reply::over:
        return close(flow);
      case Reply::corrupt:
        return fail(t, meter, "payload of a ping");
      case Reply::send:
        ring.send(flow, message + t.framing.ip_header,
                  static_cast<std::size_t>(n) - t.framing.ip_header);
    }
  };
  for (PingFlow& flow : t.flows) {
    flow.waiting = true;
    ring.receive(flow);
  }
  if (!stream) ring.tick_every(kStopCheck);  // shutdown(2) does not end receives of datagrams
  while (open > 0 && !meter.stopped() && t.error == 0) {
    ring.submit_and_wait();
    ring.for_each_received(
        [&](PingFlow& flow, char* message, int n) {
          if ((n == 0 && stream && flow.received == 0) || is_client_gone(-n)) {
            close(flow);
          } else if (n < 0 || (n == 0 && stream)) {
            errno = -n;
            fail(t, meter, "receive of a ping");
          } else if (message) {
            answer(flow, message, n);
          }
        },
        [&](int error) {
          errno = error;
          if (!is_client_gone(error)) fail(t, meter, "send of a pong");
        });
  }
}

// Runs the client's loops with pauses and with a mix of sizes. They are compiled apart from the
// plain loop, because the compiler inlines less in a larger file.
void ping_shaped_flows(PingThread& t, Meter& meter, const EndpointConfig& config);

}  // namespace pingperf
