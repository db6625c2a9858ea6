// The client of a connect workload: repeats connect, ping, pong and close.
//
//   client                              server
//     | is admitted (stream.h)            |
//     | connect                           | accept
//     |--- token + ping ----------------->| compares; rejects and counts other peers
//     |<-- pong --------------------------|
//     | close                             | close
//     …
//     | connect, token, end of stream --->| a thread of the client has finished
//
// The client always closes first, after it has received the whole pong. So TIME_WAIT is at the
// client, and a reset (reset_on_close) cannot lose a byte of the pong.
#pragma once

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "sockets/core/io.h"
#include "sockets/latency/pingpong.h"
#include "sockets/transport/stream.h"

namespace pingperf {

inline constexpr Nanoseconds kPortRetry = kMillisecond;  // pause if no port is free

// Returns true if connect() failed because all ephemeral ports are in use, most in TIME_WAIT.
inline bool is_out_of_ports(int error) noexcept {
  return error == EADDRNOTAVAIL || error == EADDRINUSE;
}

// The times of the steps of one exchange.
struct Steps {
  Nanoseconds due = 0;      // start of the first attempt to connect
  Nanoseconds started = 0;  // start of the last attempt
  Nanoseconds connected = 0;
  Nanoseconds secured = 0;  // end of the TLS handshake, if there is one
  Nanoseconds first_byte = 0;
  Nanoseconds answered = 0;
};

// Calls `open`, which returns a socket or throws std::system_error. Returns an empty Fd with errno
// on an error.
template <typename Open>
Fd open_or_errno(Open open) noexcept {
  try {
    return open();
  } catch (const std::system_error& e) {
    errno = e.code().value();
    return Fd();
  }
}

// The messages of one thread and the record of its exchanges.
class ConnectClient {
 public:
  // Puts the token in front of the ping. Then starts the warmup.
  ConnectClient(PingThread& t, Meter& meter, const EndpointConfig& config)
      : t_(t),
        meter_(meter),
        config_(config),
        reset_(config.options.reset_on_close.value_or(false)),
        think_time_(config.options.think_time.value_or(0)),
        connects_(t.spans[Span::connect]),
        first_bytes_(t.spans[Span::first_byte]),
        closes_(t.spans[Span::close]) {
    if (!config.external)
      t.outgoing.insert(t.outgoing.begin(), config.token.begin(), config.token.end());
    window_ = open_window(t, meter);
  }

  // The token and the ping.
  const std::vector<char>& ping() const noexcept { return t_.outgoing; }
  std::size_t pong_size() const noexcept { return t_.expected.size(); }
  Nanoseconds think_time() const noexcept { return think_time_; }

  // Returns true if another exchange may start now. Sets steps.due.
  bool may_start(Steps& steps) noexcept {
    steps.due = fast_now_ns();
    return window_.may_send(t_, steps.due);
  }

  // Takes back may_start() of an exchange for which no port became free.
  void give_up(const Steps& steps) noexcept {
    if (steps.due >= window_.open) --t_.issued;
  }

  // Compares n received bytes with those of the pong from `offset` on, if `verify` is on. If they
  // differ, makes the thread fail.
  bool is_intact(const char* bytes, std::size_t offset, std::size_t n) noexcept {
    if (!t_.verify || std::memcmp(bytes, t_.expected.data() + offset, n) == 0) return true;
    errno = EBADMSG;
    fail(t_, meter_, "payload of a pong");
    return false;
  }

  // Closes the connection of an exchange whose pong has arrived, and records the exchange. The rate
  // includes the wait for a port and the disconnect. The round trip does not.
  // last_words() runs before the close.
  template <typename LastWords>
  void finish(Fd& fd, const Steps& steps, PingFlow& flow, LastWords last_words) noexcept {
    if (reset_) {
      constexpr linger kReset{1, 0};
      ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &kReset, sizeof kReset);
    }
    const Nanoseconds closing = fast_now_ns();
    last_words();
    fd = Fd();
    const Nanoseconds closed = fast_now_ns();
    window_.record(t_, flow, steps.due, steps.due + (steps.answered - steps.started));
    if (steps.due < window_.open) return;
    connects_.record(steps.connected - steps.started);
    first_bytes_.record(steps.first_byte - std::max(steps.connected, steps.secured));
    closes_.record(closed - closing);
  }
  void finish(Fd& fd, const Steps& steps, PingFlow& flow) noexcept {
    finish(fd, steps, flow, [] {});
  }

  // Tells the server that this thread has finished: opens a connection with the token and no ping.
  // If this fails, the server has ended or will be stopped.
  void send_end() const noexcept {
    if (config_.external || t_.error != 0) return;
    const auto* const token = reinterpret_cast<const char*>(config_.token.data());
    if (const Fd fd = open_or_errno([&] { return dial_stream(config_); }))
      send_all(fd.get(), token, sizeof(Token));
  }

 private:
  PingThread& t_;
  const Meter& meter_;
  const EndpointConfig& config_;
  const bool reset_;
  const Nanoseconds think_time_;
  Histogram &connects_, &first_bytes_, &closes_;
  PingWindow window_{};
};

// One of the connections that a thread has in progress at once.
struct Dialed {
  Fd fd;
  PingFlow* flow = nullptr;
  Steps steps;
  std::size_t sent = 0;      // bytes of token and ping
  std::size_t received = 0;  // bytes of the pong
  bool retries = false;      // the last attempt found no free port
  Nanoseconds resumes = 0;   // end of the current pause
};

// Many connections in progress at once: decides when each of them starts. A loop calls start(c) for
// the connections of start_due(), begins the attempt if begin(c) returns true, and passes the
// received bytes to take().
class ManyConnects {
 public:
  ManyConnects(ConnectClient& client, PingThread& t, Meter& meter)
      : client_(client), t_(t), meter_(meter), all_(t.flows.size()), active_(all_.size()) {
    paused_.reserve(all_.size());
    for (std::size_t i = 0; i < all_.size(); ++i) {
      all_[i].flow = &t.flows[i];
      pause(all_[i], 0);
    }
  }

  // Returns true if no connection is in progress or will start.
  bool is_over() const noexcept { return active_ == 0 || meter_.stopped() || t_.error != 0; }

  // Returns the maximum time of a wait, so that pauses and a stop end it.
  Nanoseconds longest_wait() const noexcept {
    if (paused_.empty()) return kStopCheck;
    return std::clamp<Nanoseconds>(paused_.front()->resumes - fast_now_ns(), 0, kStopCheck);
  }
  bool has_pauses() const noexcept { return !paused_.empty(); }

  // Calls start(c) for each connection whose pause is over.
  template <typename Start>
  void start_due(Start start) noexcept {
    while (!paused_.empty() && paused_.front()->resumes <= fast_now_ns()) {
      std::pop_heap(paused_.begin(), paused_.end(), later);
      Dialed& c = *paused_.back();
      paused_.pop_back();
      start(c);
    }
  }

  // Returns true if `c` may connect now. Otherwise `c` has ended, or is paused.
  bool begin(Dialed& c) noexcept {
    const bool may_start = c.retries ? fast_now_ns() < t_.closed : client_.may_start(c.steps);
    if (!may_start) {
      if (c.retries) client_.give_up(c.steps);
      --active_;
      return false;
    }
    c.steps.started = fast_now_ns();
    if (c.steps.started < next_port_) {
      c.retries = true;
      pause(c, next_port_);
      return false;
    }
    c.sent = c.received = 0;
    return true;
  }

  // Handles a failed attempt. If no port is free, pauses `c` and the next attempts of the thread.
  // A unix listener whose queue is full is EAGAIN.
  void connect_failed(Dialed& c, int error) noexcept {
    c.fd = Fd();
    errno = error;
    if (!is_out_of_ports(error) && error != EAGAIN) return fail(t_, meter_, "connect");
    if (is_out_of_ports(error)) ++t_.port_waits;
    c.retries = true;
    next_port_ = fast_now_ns() + kPortRetry;
    pause(c, next_port_);
  }

  // Handles n received bytes of the pong. Returns true if they complete it: then the exchange is
  // recorded, and `c` may start again unless it is paused.
  bool take(Dialed& c, const char* bytes, std::size_t n) noexcept {
    c.steps.answered = fast_now_ns();
    if (c.received == 0) c.steps.first_byte = c.steps.answered;
    if (!client_.is_intact(bytes, c.received, n)) return false;
    c.received += n;
    if (c.received < client_.pong_size()) return false;
    client_.finish(c.fd, c.steps, *c.flow);
    c.retries = false;
    if (client_.think_time() == 0) return true;
    pause(c, fast_now_ns() + client_.think_time());
    return false;
  }

  std::vector<Dialed>& all() noexcept { return all_; }

 private:
  static bool later(const Dialed* a, const Dialed* b) noexcept { return a->resumes > b->resumes; }

  void pause(Dialed& c, Nanoseconds until) noexcept {
    c.resumes = until;
    paused_.push_back(&c);
    std::push_heap(paused_.begin(), paused_.end(), later);
  }

  ConnectClient& client_;
  PingThread& t_;
  const Meter& meter_;
  std::vector<Dialed> all_;
  std::vector<Dialed*> paused_;  // a heap: the next to resume first
  std::size_t active_;           // connections that have not ended
  Nanoseconds next_port_ = 0;    // when the next attempt may find a free port
};

}  // namespace pingperf
