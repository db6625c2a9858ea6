// Ping-pong over many flows with io_uring(7): the send of a message and the receive of the next go
// to the kernel in one system call, which waits too.
#include <sys/socket.h>

#include <algorithm>

#include "sockets/flow_pingpong.h"
#include "sockets/latency_engines.h"
#include "sockets/uring.h"

namespace pingperf {
namespace {

constexpr std::size_t kHead = 64;             // of a message, what differs from ping to ping
constexpr std::size_t kMostSubmissions = 4096;

// The ring of one thread, and each flow's two buffers: a message leaves while the next one comes.
class FlowRing {
 public:
  FlowRing(PingThread& t, const Session& session)
      : t_(t),
        stream_(is_stream(session.options.transport)),
        ring_(static_cast<unsigned>(std::min(2 * t.flows.size() + 2, kMostSubmissions)),
              session.options.sqpoll.value_or(false)),
        incoming_(t.flows.size() * t.incoming.size()),
        outgoing_(t.flows.size() * t.outgoing.size()) {
    std::vector<int> files;
    for (const PingFlow& flow : t.flows) {
      std::copy(t.outgoing.begin(), t.outgoing.end(),
                outgoing_.begin() + static_cast<std::ptrdiff_t>(files.size() * t.outgoing.size()));
      files.push_back(flow.fd.get());
    }
    ring_.register_files(files);
  }

  char* received(const PingFlow& flow) noexcept {
    return incoming_.data() + index(flow) * t_.incoming.size();
  }

  // Queues the receive of the rest of a message.
  void receive(const PingFlow& flow) noexcept {
    const std::size_t have = stream_ ? flow.received : 0;
    const std::size_t room = stream_ ? t_.outgoing.size() - have : t_.incoming.size();
    io_uring_sqe* const sqe = ring_.next();
    ::io_uring_prep_recv(sqe, static_cast<int>(index(flow)), received(flow) + have, room,
                         stream_ ? MSG_WAITALL : 0);
    sqe->flags |= IOSQE_FIXED_FILE;
    ::io_uring_sqe_set_data64(sqe, index(flow) << 1);
  }

  // Queues the thread's message.
  void send_ping(const PingFlow& flow) noexcept {
    char* const message = outgoing_.data() + index(flow) * t_.outgoing.size();
    std::copy_n(t_.outgoing.begin(), std::min(kHead, t_.outgoing.size()), message);
    send(flow, message, t_.outgoing.size(), 0);
  }

  // Queues `size` received bytes; what is queued next begins when they are sent, since it may
  // overwrite them.
  void send_back(const PingFlow& flow, const char* message, std::size_t size) noexcept {
    send(flow, message, size, IOSQE_IO_LINK);
  }

  void submit_and_wait(Nanoseconds timeout) noexcept { ring_.submit_and_wait(timeout); }

  // Calls take(flow, result) with each receive that is done, failed(errno) with each failed send.
  template <typename Take, typename Failed>
  void for_each_received(Take take, Failed failed) noexcept {
    ring_.for_each_completion([&](std::uint64_t data, int result) {
      if (data & 1)
        failed(-result);
      else
        take(t_.flows[data >> 1], result);
    });
  }

 private:
  std::uint64_t index(const PingFlow& flow) const noexcept {
    return static_cast<std::uint64_t>(&flow - t_.flows.data());
  }

  void send(const PingFlow& flow, const char* message, std::size_t size, unsigned flags) noexcept {
    io_uring_sqe* const sqe = ring_.next();
    ::io_uring_prep_send(sqe, static_cast<int>(index(flow)), message, size,
                         MSG_NOSIGNAL | (stream_ ? MSG_WAITALL : 0));
    sqe->flags |= static_cast<std::uint8_t>(IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS | flags);
    ::io_uring_sqe_set_data64(sqe, index(flow) << 1 | 1);
  }

  PingThread& t_;
  const bool stream_;
  Ring ring_;
  std::vector<char> incoming_;
  std::vector<char> outgoing_;
};

// Of a receive: true when it is to be asked for again, as if nothing had happened.
bool is_transient(int result) {
  return result == -EINTR || result == -EAGAIN;
}

void ping_all(PingThread& t, Meter& meter, const Session& session) {
  const bool stream = is_stream(session.options.transport);
  FlowRing ring(t, session);
  FlowPinger pinger(t, meter, session);
  const auto send_failed = [&](int error) {
    errno = error;
    fail(t, meter, "send of a ping");
  };
  const auto ping = [&](PingFlow& flow) {
    const bool wanted = pinger.next(flow);
    if (wanted) ring.send_ping(flow);
    return wanted;
  };
  for (PingFlow& flow : t.flows)
    if (ping(flow)) ring.receive(flow);
  while (!pinger.is_over()) {
    ring.submit_and_wait(pinger.longest_wait());
    ring.for_each_received(
        [&](PingFlow& flow, int n) {
          if (is_transient(n)) return ring.receive(flow);
          if (n < 0 || (n == 0 && stream)) {
            errno = -n;
            return fail(t, meter, "receive of a pong");
          }
          const bool complete = pinger.take(flow, ring.received(flow), n);
          if (!complete || ping(flow)) ring.receive(flow);
        },
        send_failed);
    pinger.give_up_overdue([&](PingFlow& flow) { ping(flow); });  // its receive is still queued
  }
  pinger.finish();
}

void pong_all(PingThread& t, Meter& meter, const Session& session) {
  const bool stream = is_stream(session.options.transport);
  FlowRing ring(t, session);
  std::size_t open = t.flows.size();
  const auto send_failed = [&](int error) {
    errno = error;
    fail(t, meter, "send of a pong");
  };
  const auto answer = [&](PingFlow& flow, int n) {
    char* const message = ring.received(flow);
    switch (reply_on(t, meter, flow, stream, message, n)) {
      case Reply::over:
        --open;
        return;
      case Reply::corrupt:
        return fail(t, meter, "payload of a ping");
      case Reply::send: {
        const std::size_t size = stream ? t.outgoing.size() : static_cast<std::size_t>(n);
        ring.send_back(flow, message + t.framing.ip_header, size - t.framing.ip_header);
        break;
      }
      case Reply::none:
        break;
    }
    ring.receive(flow);
  };
  for (const PingFlow& flow : t.flows) ring.receive(flow);
  while (open > 0 && !meter.stopped() && t.error == 0) {
    ring.submit_and_wait(-1);
    ring.for_each_received(
        [&](PingFlow& flow, int n) {
          if (is_transient(n)) return ring.receive(flow);
          if (n == -ECANCELED) return;  // its send failed, and said so
          if (n == 0 && stream && flow.received == 0) {
            --open;
          } else if (n < 0 || (n == 0 && stream)) {
            errno = -n;
            fail(t, meter, "receive of a ping");
          } else {
            answer(flow, n);
          }
        },
        send_failed);
  }
}

}  // namespace

std::span<const Engine> io_uring_latency() {
  static const std::vector<Engine> engines = make_latency_engines({
      .name = "io_uring",
      .summary = kIoUringSummary,
      .ping_stream = ping_all,
      .pong_stream = pong_all,
      .ping_datagrams = ping_all,
      .pong_datagrams = pong_all,
      .parameters = {"sqpoll"},
      .flow_parameters = {"streams", "threads"},
      .unavailable = io_uring_unavailable,
  });
  return engines;
}

}  // namespace pingperf
