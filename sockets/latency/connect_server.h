// The server of a connect workload that serves many connections at once: authenticates each by its
// token (connect_client.h), and assembles its ping.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <list>

#include "sockets/latency/connect_listener.h"
#include "sockets/latency/pingpong.h"

namespace pingperf {

// The size of the chunks in which large pings and pongs are received.
inline constexpr std::size_t kMaxChunk = 64 * 1024;

// One accepted connection.
struct Accepted {
  enum class State { pending, admitted, rejected };

  Fd fd;
  State state = State::pending;
  Token shown{};
  std::size_t received = 0;  // bytes of token and ping
  std::size_t sent = 0;      // bytes of the pong
  std::list<Accepted>::iterator self;
};

// The connections of one thread. Allocates nothing after the constructor.
class AcceptedConnections {
 public:
  enum class Next { wait, answer, reject, fail };

  AcceptedConnections(PingThread& t, Meter& meter, const EndpointConfig& config)
      : t_(t),
        meter_(meter),
        token_(config.token),
        max_pending_(std::max<std::size_t>(
            1, PendingConnections::kMaxPending / thread_count(config.options))),
        // The client has at most `streams` connections. As many can have ended without their end
        // having been read, and each of its threads opens one that has no ping.
        free_(max_pending_ + 1 + 2 * config.options.streams.value_or(1) +
              thread_count(config.options)) {
    for (auto it = free_.begin(); it != free_.end(); ++it) it->self = it;
  }
  ~AcceptedConnections() { t_.rejected_peers += rejected_ + pending_.size(); }
  AcceptedConnections(const AcceptedConnections&) = delete;
  AcceptedConnections& operator=(const AcceptedConnections&) = delete;

  // Returns the number of connections that can be added.
  std::size_t room() const noexcept { return free_.size(); }

  // Adds a connection, which is pending until it has shown the token. Requires room.
  Accepted& add(Fd fd) noexcept {
    Accepted& c = free_.front();
    c.fd = std::move(fd);
    c.state = Accepted::State::pending;
    c.received = c.sent = 0;
    pending_.splice(pending_.end(), free_, c.self);
    return c;
  }

  // Returns the oldest pending connection, or null.
  Accepted* oldest_pending() noexcept { return pending_.empty() ? nullptr : &pending_.front(); }
  bool has_too_many_pending() const noexcept { return pending_.size() > max_pending_; }

  // Handles n received bytes of `c`. fail: a byte of the ping is wrong; errno is EBADMSG.
  Next take(Accepted& c, const char* bytes, std::size_t n) noexcept {
    if (c.state == Accepted::State::rejected) return Next::wait;
    if (c.received < sizeof(Token)) {
      const std::size_t part = std::min(n, sizeof(Token) - c.received);
      std::memcpy(c.shown.data() + c.received, bytes, part);
      c.received += part;
      bytes += part;
      n -= part;
      if (c.received < sizeof(Token)) return Next::wait;
      if (!same_token(c.shown, token_)) return Next::reject;
      c.state = Accepted::State::admitted;
      others_.splice(others_.end(), pending_, c.self);
    }
    return take_ping(c, bytes, n);
  }

  // Counts `c` as rejected. Its descriptor stays open until end().
  void reject(Accepted& c) noexcept {
    ++rejected_;
    if (c.state == Accepted::State::pending) others_.splice(others_.end(), pending_, c.self);
    c.state = Accepted::State::rejected;
  }

  // Closes `c`, whose stream has ended, or which has failed or was rejected. An orderly end after
  // the token alone means that a thread of the client has finished.
  void end(Accepted& c, bool orderly) noexcept {
    if (c.state == Accepted::State::pending) reject(c);
    const bool is_last = c.state == Accepted::State::admitted && c.received == sizeof(Token);
    c.fd = Fd();
    free_.splice(free_.begin(), others_, c.self);
    if (orderly && is_last) t_.listener->client_finished();
  }

 private:
  Next take_ping(Accepted& c, const char* bytes, std::size_t n) noexcept {
    const std::size_t offset = c.received - sizeof(Token);
    n = std::min(n, t_.expected.size() - offset);
    if (n == 0) return Next::wait;  // no ping yet, or bytes after the ping
    if (t_.verify && std::memcmp(bytes, t_.expected.data() + offset, n) != 0) {
      errno = EBADMSG;
      return Next::fail;
    }
    c.received += n;
    if (offset + n < t_.expected.size()) return Next::wait;
    if (t_.total_exchanges++ == 0) meter_.first_byte();
    return Next::answer;
  }

  PingThread& t_;
  Meter& meter_;
  const Token token_;
  const std::size_t max_pending_;  // the threads share PendingConnections::kMaxPending
  std::list<Accepted> free_, pending_, others_;  // pending_: the oldest first
  std::uint64_t rejected_ = 0;
};

}  // namespace pingperf
