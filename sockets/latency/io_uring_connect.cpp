// Connect, ping, pong and disconnect with io_uring(7), many connections at once per thread. The
// sockets are opened and closed with system calls, because a ring cannot set their options.
#include <sys/socket.h>

#include "sockets/core/uring.h"
#include "sockets/latency/connect_client.h"
#include "sockets/latency/connect_engines.h"
#include "sockets/latency/connect_server.h"

namespace pingperf {
namespace {

// Returns the number of entries for a ring of so many connections.
unsigned entries_for(std::size_t connections) {
  return static_cast<unsigned>(std::min<std::size_t>(2 * connections + 2, 4096));
}

// The client.
class RingConnects {
 public:
  RingConnects(PingThread& t, Meter& meter, const EndpointConfig& config)
      : t_(t),
        meter_(meter),
        config_(config),
        chunk_(std::min<std::size_t>(response_size(config.options), kMaxChunk)),
        chunks_(t.flows.size() * chunk_),
        ring_(entries_for(t.flows.size()), config.options.sqpoll.value_or(false)),
        client_(t, meter, config),
        many_(client_, t, meter) {
    ring_.tick_every(kStopCheck);
  }
  ~RingConnects() { ring_.exit(); }  // ends the receives before the buffers are freed
  RingConnects(const RingConnects&) = delete;
  RingConnects& operator=(const RingConnects&) = delete;

  void run() noexcept {
    while (!many_.is_over()) {
      many_.start_due([&](Dialed& c) { start(c); });
      if (many_.has_pauses())
        ring_.submit_and_wait(many_.longest_wait());
      else
        ring_.submit_and_wait();
      ring_.for_each_completion([&](const io_uring_cqe& cqe) {
        if (ring_.take_tick(cqe)) return;
        proceed(many_.all()[cqe.user_data >> 2], cqe.user_data & 3, cqe.res);
      });
    }
    client_.send_end();
  }

 private:
  enum Request : std::uint64_t { kConnect, kSend, kReceive };

  void start(Dialed& c) noexcept {
    if (!many_.begin(c)) return;
    c.fd = open_or_errno([&] { return open_stream(config_); });
    if (!c.fd) return fail(t_, meter_, "socket");
    io_uring_sqe* const sqe = ring_.next();
    ::io_uring_prep_connect(sqe, c.fd.get(), config_.address.data(), config_.address.size());
    ::io_uring_sqe_set_data64(sqe, index(c) << 2 | kConnect);
  }

  void proceed(Dialed& c, std::uint64_t request, int result) noexcept {
    if (request == kConnect && result < 0) return many_.connect_failed(c, -result);
    if (request == kConnect) return send_and_receive(c);
    if (request == kReceive && (result == -EINTR || result == -EAGAIN)) return receive(c);
    errno = -result;
    if (result <= 0) return fail(t_, meter_, "ping and pong");
    if (many_.take(c, chunk_of(c), static_cast<std::size_t>(result)))
      start(c);
    else if (c.fd)
      receive(c);
  }

  void send_and_receive(Dialed& c) noexcept {
    c.steps.connected = fast_now_ns();
    io_uring_sqe* const sqe = ring_.next();
    ::io_uring_prep_send(sqe, c.fd.get(), client_.ping().data(), client_.ping().size(),
                         MSG_NOSIGNAL | MSG_WAITALL);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    ::io_uring_sqe_set_data64(sqe, index(c) << 2 | kSend);
    receive(c);
  }

  void receive(Dialed& c) noexcept {
    io_uring_sqe* const sqe = ring_.next();
    ::io_uring_prep_recv(sqe, c.fd.get(), chunk_of(c),
                         std::min(chunk_, client_.pong_size() - c.received), 0);
    ::io_uring_sqe_set_data64(sqe, index(c) << 2 | kReceive);
  }

  std::uint64_t index(const Dialed& c) noexcept {
    return static_cast<std::uint64_t>(&c - many_.all().data());
  }
  char* chunk_of(const Dialed& c) noexcept { return chunks_.data() + index(c) * chunk_; }

  PingThread& t_;
  Meter& meter_;
  const EndpointConfig& config_;
  const std::size_t chunk_;
  std::vector<char> chunks_;  // one per connection
  TickingRing ring_;
  ConnectClient client_;
  ManyConnects many_;
};

void ping_ring(PingThread& t, Meter& meter, const EndpointConfig& config) {
  RingConnects(t, meter, config).run();
}

// The server. Several accepts wait at once, and each connection has a multishot receive.
class RingAccepts {
 public:
  RingAccepts(PingThread& t, Meter& meter, const EndpointConfig& config)
      : t_(t),
        meter_(meter),
        connections_(t, meter, config),
        max_accepts_(std::min<std::size_t>(16, config.options.streams.value_or(1))),
        ring_(entries_for(connections_.room()), config.options.sqpoll.value_or(false)),
        buffers_(ring_, std::min<std::size_t>(connections_.room(), 1024),
                 std::min(sizeof(Token) + t.expected.size(), kMaxChunk)) {
    ring_.tick_every(kStopCheck);
  }
  ~RingAccepts() { ring_.exit(); }
  RingAccepts(const RingAccepts&) = delete;
  RingAccepts& operator=(const RingAccepts&) = delete;

  void run() noexcept {
    while (!t_.listener->is_over() && !meter_.stopped() && t_.error == 0) {
      while (accepts_ < max_accepts_ && accepts_ < connections_.room()) accept();
      ring_.submit_and_wait();
      ring_.for_each_completion([&](const io_uring_cqe& cqe) {
        if (ring_.take_tick(cqe)) return;
        if (cqe.user_data == kAccept)
          accepted(cqe.res);
        else if (cqe.user_data != kSend)  // the client reports failed sends
          received(*reinterpret_cast<Accepted*>(cqe.user_data), cqe);
      });
    }
  }

 private:
  static constexpr std::uint64_t kAccept = 1, kSend = 2;  // no addresses of a connection

  void accept() noexcept {
    ++accepts_;
    io_uring_sqe* const sqe = ring_.next();
    ::io_uring_prep_accept(sqe, t_.flows.front().fd.get(), nullptr, nullptr, SOCK_CLOEXEC);
    ::io_uring_sqe_set_data64(sqe, kAccept);
  }

  void accepted(int result) noexcept {
    --accepts_;
    if (result < 0) return accept_failed(-result);
    receive(connections_.add(Fd(result)));
    if (connections_.has_too_many_pending()) reject(*connections_.oldest_pending());
  }

  // If no descriptor is free, closes the oldest pending connection.
  void accept_failed(int error) noexcept {
    const AcceptFailure failure = classify_accept_error(error);
    if (failure == AcceptFailure::per_connection || t_.listener->is_over()) return;
    Accepted* const oldest = connections_.oldest_pending();
    if (failure == AcceptFailure::out_of_resources && oldest) return reject(*oldest);
    errno = error;
    fail(t_, meter_, "accept");
  }

  // Ends the receive of `c`, which then closes it.
  void reject(Accepted& c) noexcept {
    connections_.reject(c);
    ::shutdown(c.fd.get(), SHUT_RDWR);
  }

  void receive(Accepted& c) noexcept {
    io_uring_sqe* const sqe = ring_.next();
    ::io_uring_prep_recv_multishot(sqe, c.fd.get(), nullptr, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = ProvidedBuffers::kGroup;
    ::io_uring_sqe_set_data64(sqe, reinterpret_cast<std::uint64_t>(&c));
  }

  void received(Accepted& c, const io_uring_cqe& cqe) noexcept {
    const int n = cqe.res;
    const bool is_transient = n == -EINTR || n == -EAGAIN || n == -ENOBUFS;
    if (n <= 0 && !is_transient) return connections_.end(c, n == 0);
    if (n > 0) {
      const auto id = static_cast<std::uint16_t>(cqe.flags >> IORING_CQE_BUFFER_SHIFT);
      take(c, buffers_.data(id), static_cast<std::size_t>(n));
      buffers_.release(id);
    }
    if ((cqe.flags & IORING_CQE_F_MORE) == 0) receive(c);
  }

  void take(Accepted& c, const char* bytes, std::size_t n) noexcept {
    switch (connections_.take(c, bytes, n)) {
      case AcceptedConnections::Next::wait:
        return;
      case AcceptedConnections::Next::reject:
        return reject(c);
      case AcceptedConnections::Next::fail:
        return fail(t_, meter_, "payload of a ping");
      case AcceptedConnections::Next::answer:
        answer(c);
    }
  }

  void answer(const Accepted& c) noexcept {
    io_uring_sqe* const sqe = ring_.next();
    ::io_uring_prep_send(sqe, c.fd.get(), t_.outgoing.data(), t_.outgoing.size(),
                         MSG_NOSIGNAL | MSG_WAITALL);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    ::io_uring_sqe_set_data64(sqe, kSend);
  }

  PingThread& t_;
  Meter& meter_;
  AcceptedConnections connections_;
  const std::size_t max_accepts_;
  std::size_t accepts_ = 0;  // that wait
  TickingRing ring_;
  ProvidedBuffers buffers_;
};

void pong_ring(PingThread& t, Meter& meter, const EndpointConfig& config) {
  RingAccepts(t, meter, config).run();
}

}  // namespace

std::span<const Engine> io_uring_connect() {
  static const std::vector<Engine> engines =
      make_connect_engines({.name = "io_uring",
                            .summary = kIoUringSummary,
                            .ping = ping_ring,
                            .pong = pong_ring,
                            .parameters = {"threads", "sqpoll"},
                            .unavailable = io_uring_unavailable});
  return engines;
}

}  // namespace pingperf
