// Ping-pong with several pings in flight on a flow with io_uring(7). Each flow has one
// receive and one send in progress, because two sends of a stream could change their order.
#pragma once

#include <sys/socket.h>

#include <algorithm>
#include <span>

#include "sockets/core/uring.h"
#include "sockets/latency/flow_pingpong.h"
#include "sockets/latency/pipelined_pingpong.h"

namespace pingperf {

// The ring of one thread. Every request completes once.
class OneShotRing {
 public:
  OneShotRing(const PingThread& t, const EndpointConfig& config)
      : t_(t),
        stream_(is_stream(config.options.transport)),
        ring_(static_cast<unsigned>(std::min<std::size_t>(2 * t.flows.size() + 2, 4096)),
              config.options.sqpoll.value_or(false)) {
    std::vector<int> files;
    for (const PingFlow& flow : t.flows) files.push_back(flow.fd.get());
    ring_.register_files(files);
  }

  // Queues a receive of `flow`. `whole`: of a stream, it completes when `room` is full.
  void receive(const PingFlow& flow, std::span<char> room, bool whole = false) noexcept {
    io_uring_sqe* const sqe = ring_.next();
    ::io_uring_prep_recv(sqe, index(flow), room.data(), room.size(), whole ? MSG_WAITALL : 0);
    sqe->flags |= IOSQE_FIXED_FILE;
    ::io_uring_sqe_set_data64(sqe, t_.index_of(flow) << 1);
  }

  // Queues a send of the whole `message`, which must not change until it has been sent.
  void send(const PingFlow& flow, std::span<const char> message) noexcept {
    io_uring_sqe* const sqe = ring_.next();
    ::io_uring_prep_send(sqe, index(flow), message.data(), message.size(),
                         MSG_NOSIGNAL | (stream_ ? MSG_WAITALL : 0));
    sqe->flags |= IOSQE_FIXED_FILE;
    ::io_uring_sqe_set_data64(sqe, t_.index_of(flow) << 1 | 1);
  }

  void tick_every(Nanoseconds period) noexcept { ring_.tick_every(period); }
  void submit_and_wait() noexcept { ring_.submit_and_wait(); }

  // Calls received(flow, result) for each receive and sent(flow, result) for each send. The result
  // is a number of bytes, or -errno.
  template <typename Received, typename Sent>
  void for_each_completion(std::vector<PingFlow>& flows, Received received, Sent sent) noexcept {
    ring_.for_each_completion([&](const io_uring_cqe& cqe) {
      if (ring_.take_tick(cqe)) return;
      PingFlow& flow = flows[cqe.user_data >> 1];
      if (cqe.user_data & 1)
        sent(flow, cqe.res);
      else
        received(flow, cqe.res);
    });
  }

 private:
  int index(const PingFlow& flow) const noexcept { return static_cast<int>(t_.index_of(flow)); }

  const PingThread& t_;
  const bool stream_;
  TickingRing ring_;
};

// The client's loop.
inline void ping_ring_pipelined(PingThread& t, Meter& meter, const EndpointConfig& config) {
  constexpr std::size_t kHead = 64;  // bytes of a message that can differ from ping to ping
  const std::size_t size = t.outgoing.size();
  std::vector<char> messages;  // one per flow
  for (std::size_t i = 0; i < t.flows.size(); ++i)
    messages.insert(messages.end(), t.outgoing.begin(), t.outgoing.end());
  PipelinedPinger pinger(t, meter, config);
  OneShotRing ring(t, config);  // ends before the buffers
  const auto ping = [&](PingFlow& flow) {
    if (!pinger.next(flow)) return;
    char* const message = messages.data() + t.index_of(flow) * size;
    std::copy_n(t.outgoing.begin(), std::min(kHead, size), message);
    ring.send(flow, {message, size});
  };
  for (PingFlow& flow : t.flows) {
    ring.receive(flow, pinger.room(flow));
    ping(flow);
  }
  if (pinger.longest_wait() >= 0) ring.tick_every(pinger.longest_wait());
  while (!pinger.is_over()) {
    ring.submit_and_wait();
    ring.for_each_completion(
        t.flows,
        [&](PingFlow& flow, int n) {
          errno = -std::min(n, 0);
          pinger.take(flow, n < 0 ? -1 : n);
          if (t.error != 0) return;
          ring.receive(flow, pinger.room(flow));
          ping(flow);
        },
        [&](PingFlow& flow, int n) {
          errno = -std::min(n, 0);
          if (n < 0) return fail(t, meter, "send of a ping");
          pinger.sent(flow);
          ping(flow);
        });
    pinger.give_up_overdue(ping);
  }
  pinger.finish();
}

// The server's loop: receives one ping of a flow, sends its pong, and so on.
inline void pong_ring_pipelined(PingThread& t, Meter& meter, const EndpointConfig& config) {
  const bool stream = is_stream(config.options.transport);
  const std::size_t size = t.incoming.size();
  std::vector<char> messages;  // one per flow
  for (std::size_t i = 0; i < t.flows.size(); ++i)
    messages.insert(messages.end(), t.incoming.begin(), t.incoming.end());
  OneShotRing ring(t, config);  // ends before the buffers
  std::size_t open = t.flows.size();
  const auto message_of = [&](const PingFlow& flow) {
    return messages.data() + t.index_of(flow) * size;
  };
  const auto receive = [&](PingFlow& flow) {
    const std::size_t room = stream ? t.expected.size() - flow.received : size;
    ring.receive(flow, {message_of(flow) + flow.received, room}, stream);
  };
  const auto received = [&](PingFlow& flow, int result) {
    ssize_t n = result;
    if ((n == 0 && stream && flow.received == 0) || is_client_gone(-result)) {
      --open;
    } else if (result == -EAGAIN || result == -EINTR) {
      receive(flow);
    } else if (n < 0 || (n == 0 && stream)) {
      errno = -result;
      fail(t, meter, "receive of a ping");
    } else {
      char* const message = message_of(flow);
      switch (reply_on(t, meter, flow, stream, message, n)) {
        case Reply::none:
          return receive(flow);
        case Reply::over:
          --open;
          return;
        case Reply::corrupt:
          return fail(t, meter, "payload of a ping");
        case Reply::send:
          const std::size_t ip_header = t.framing.ip_header;
          ring.send(flow, {message + ip_header, static_cast<std::size_t>(n) - ip_header});
      }
    }
  };
  for (PingFlow& flow : t.flows) receive(flow);
  if (!stream) ring.tick_every(kStopCheck);  // shutdown(2) does not end receives of datagrams
  while (open > 0 && !meter.stopped() && t.error == 0) {
    ring.submit_and_wait();
    ring.for_each_completion(t.flows, received, [&](PingFlow& flow, int n) {
      if (n >= 0) return receive(flow);
      errno = -n;
      if (is_client_gone(-n))
        --open;
      else
        fail(t, meter, "send of a pong");
    });
  }
}

}  // namespace pingperf
