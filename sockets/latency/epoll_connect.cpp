// Connect, ping, pong and disconnect with epoll(7), many connections at once per thread.
#include <fcntl.h>
#include <sys/socket.h>

#include "sockets/core/poller.h"
#include "sockets/latency/connect_client.h"
#include "sockets/latency/connect_engines.h"
#include "sockets/latency/connect_server.h"

namespace pingperf {
namespace {

// Sends the rest of `message` without blocking. Returns false with errno on an error. If the buffer
// is full, returns true with c.sent < message.size().
template <typename Connection>
bool send_rest(Connection& c, const std::vector<char>& message) noexcept {
  while (c.sent < message.size()) {
    const ssize_t n = ::send(c.fd.get(), message.data() + c.sent, message.size() - c.sent,
                             MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno == EAGAIN;
    c.sent += static_cast<std::size_t>(n);
  }
  return true;
}

// The client. A connection is watched edge-triggered, so that one epoll_ctl() is enough for
// connect, ping and pong.
class EpollConnects {
 public:
  EpollConnects(PingThread& t, Meter& meter, const EndpointConfig& config)
      : t_(t), meter_(meter), config_(config), client_(t, meter, config), many_(client_, t, meter) {
    t.incoming.resize(std::min(client_.pong_size(), kMaxChunk));
  }

  void run() noexcept {
    while (!many_.is_over()) {
      many_.start_due([&](Dialed& c) { start(c); });
      poller_.wait(many_.longest_wait());
      poller_.for_each_ready([&](Dialed& c) { proceed(c); });
    }
    client_.send_end();
  }

 private:
  void start(Dialed& c) noexcept {
    if (!many_.begin(c)) return;
    c.fd = open_or_errno([&] { return open_stream(config_, SOCK_NONBLOCK); });
    if (!c.fd) return fail(t_, meter_, "socket");
    const Address& address = config_.address;
    const bool is_connected = ::connect(c.fd.get(), address.data(), address.size()) == 0;
    if (!is_connected && errno != EINPROGRESS) return many_.connect_failed(c, errno);
    if (is_connected && !send_ping(c)) return;
    const bool is_sent = c.sent == client_.ping().size();
    if (!poller_.try_watch(c, EPOLLIN | EPOLLET | (is_sent ? 0u : EPOLLOUT)))
      fail(t_, meter_, "epoll_ctl");
  }

  void proceed(Dialed& c) noexcept {
    if (c.sent < client_.ping().size()) {  // the pong will be another event
      send_ping(c);
      return;
    }
    while (!t_.error) {
      const std::size_t room = std::min(t_.incoming.size(), client_.pong_size() - c.received);
      const ssize_t n = ::recv(c.fd.get(), t_.incoming.data(), room, 0);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EAGAIN) return;
      if (n == 0) errno = 0;
      if (n <= 0) return fail(t_, meter_, "ping and pong");
      if (many_.take(c, t_.incoming.data(), static_cast<std::size_t>(n))) return start(c);
      if (!c.fd) return;  // is paused
    }
  }

  // Sends as much of token and ping as fits. Returns false on an error. The first send() returns
  // the error of a connect() that failed later.
  bool send_ping(Dialed& c) noexcept {
    const bool is_first = c.sent == 0;
    if (is_first) c.steps.connected = fast_now_ns();
    if (send_rest(c, client_.ping())) return true;
    fail(t_, meter_, is_first ? "connect" : "ping and pong");
    return false;
  }

  PingThread& t_;
  Meter& meter_;
  const EndpointConfig& config_;
  Poller<Dialed> poller_;
  ConnectClient client_;
  ManyConnects many_;
};

void ping_many(PingThread& t, Meter& meter, const EndpointConfig& config) {
  EpollConnects(t, meter, config).run();
}

// The server. Its threads share the listener. Each connection wakes one of them (EPOLLEXCLUSIVE).
class EpollAccepts {
 public:
  EpollAccepts(PingThread& t, Meter& meter, const EndpointConfig& config)
      : t_(t), meter_(meter), connections_(t, meter, config) {
    const int listener = t.flows.front().fd.get();
    check(::fcntl(listener, F_SETFL, O_NONBLOCK), "O_NONBLOCK of the listener");
    listener_.fd = Fd(check(::fcntl(listener, F_DUPFD_CLOEXEC, 0), "dup of the listener"));
    poller_.watch(listener_, EPOLLIN | EPOLLEXCLUSIVE);
    t.incoming.resize(std::min(sizeof(Token) + t.expected.size(), kMaxChunk));
  }

  void run() noexcept {
    while (!t_.listener->is_over() && !meter_.stopped() && t_.error == 0) {
      poller_.wait(-1);
      poller_.for_each_ready([&](Accepted& c) {
        if (&c == &listener_)
          accept();
        else if (c.fd)  // an earlier event may have closed it
          serve(c);
      });
    }
  }

 private:
  void accept() noexcept {
    constexpr int kMaxAtOnce = 16;  // then the connections have their turn
    for (int i = 0; i < kMaxAtOnce && connections_.room() > 0; ++i) {
      Fd fd(::accept4(listener_.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!fd && errno == EAGAIN) return;
      if (!fd && !may_continue(errno)) return;
      if (!fd) continue;
      Accepted& c = connections_.add(std::move(fd));
      if (!poller_.try_watch(c, EPOLLIN)) return fail(t_, meter_, "epoll_ctl");
      if (connections_.has_too_many_pending()) reject(*connections_.oldest_pending());
    }
  }

  // Returns true if the next accept4() may succeed. If no descriptor is free, closes the oldest
  // pending connection first.
  bool may_continue(int error) noexcept {
    const AcceptFailure failure = classify_accept_error(error);
    if (failure == AcceptFailure::per_connection) return true;
    Accepted* const oldest = connections_.oldest_pending();
    if (failure == AcceptFailure::out_of_resources && oldest) {
      reject(*oldest);
      return true;
    }
    if (!t_.listener->is_over()) fail(t_, meter_, "accept");
    return false;
  }

  void reject(Accepted& c) noexcept {
    connections_.reject(c);
    connections_.end(c, false);
  }

  void serve(Accepted& c) noexcept {
    if (c.sent > 0 && c.sent < t_.outgoing.size()) return answer(c);
    const ssize_t n = ::recv(c.fd.get(), t_.incoming.data(), t_.incoming.size(), MSG_DONTWAIT);
    if (n < 0 && is_transient(errno)) return;
    if (n <= 0) return connections_.end(c, n == 0);
    switch (connections_.take(c, t_.incoming.data(), static_cast<std::size_t>(n))) {
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

  // Sends as much of the pong as fits. The client reports its errors itself.
  void answer(Accepted& c) noexcept {
    const bool is_first = c.sent == 0;
    if (!send_rest(c, t_.outgoing)) return connections_.end(c, false);
    const bool is_sent = c.sent == t_.outgoing.size();
    if (!is_sent && is_first) poller_.change(c, EPOLLOUT);
    if (is_sent && !is_first) poller_.change(c, EPOLLIN);
  }

  PingThread& t_;
  Meter& meter_;
  AcceptedConnections connections_;
  Accepted listener_;
  Poller<Accepted> poller_;
};

void pong_many(PingThread& t, Meter& meter, const EndpointConfig& config) {
  EpollAccepts(t, meter, config).run();
}

}  // namespace

std::span<const Engine> epoll_connect() {
  static const std::vector<Engine> engines =
      make_connect_engines({.name = "epoll",
                            .summary = kEpollSummary,
                            .ping = ping_many,
                            .pong = pong_many,
                            .parameters = {"threads"},
                            .unavailable = epoll_unavailable});
  return engines;
}

}  // namespace pingperf
