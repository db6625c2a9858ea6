// Open loop: pings are sent on a fixed schedule, even if earlier ones are unanswered. A round trip
// starts at the intended send. So a stall is visible in every ping that it delays. A closed loop
// shows it only in one ping ("coordinated omission": Tene, How NOT to measure latency).
#pragma once

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>

#include "sockets/latency/datagram_pingpong.h"
#include "sockets/latency/flow_buffers.h"
#include "sockets/measure/sequence.h"

namespace pingperf {

// The intended send times.
class Schedule {
 public:
  Schedule(Nanoseconds first, const Options& options) noexcept
      : gap_ns_(1e9 / options.frequency_hz.value()),
        poisson_(options.arrivals == "poisson"),
        next_ns_(static_cast<double>(first)) {}

  // Returns the next send time.
  Nanoseconds next() const noexcept { return static_cast<Nanoseconds>(next_ns_); }

  // Returns the number of pings that are due before `end`; an estimate for Poisson arrivals.
  std::uint64_t due_before(Nanoseconds end) const noexcept {
    const double left = static_cast<double>(end) - next_ns_;
    return left <= 0 ? 0 : static_cast<std::uint64_t>(std::ceil(left / gap_ns_));
  }

  // Moves to the next send time.
  void advance() noexcept {
    if (!poisson_) {
      next_ns_ += gap_ns_;
      return;
    }
    const double uniform = (static_cast<double>(random_() >> 11) + 0.5) * 0x1p-53;  // in (0, 1)
    next_ns_ -= gap_ns_ * std::log(uniform);
  }

 private:
  const double gap_ns_;
  const bool poisson_;
  double next_ns_;          // a double holds a nanosecond of CLOCK_MONOTONIC for 104 days of uptime
  std::mt19937_64 random_;  // default seed: the same gaps in every trial
};

// Records the round trips that a closed-loop tool would report. A round trip starts at the actual
// send. A ping that is sent while an earlier one has no answer is not recorded.
class UncorrectedRtt {
 public:
  UncorrectedRtt(Histogram& rtt, Nanoseconds timeout) noexcept : rtt_(rtt), timeout_(timeout) {}

  // Handles the send of a ping.
  void sent(std::uint64_t number, Nanoseconds now) noexcept {
    if (waiting_ && (number == number_ || now - sent_ < timeout_)) return;
    waiting_ = true;
    number_ = number;
    sent_ = now;
  }

  // Handles a pong. Records its round trip if `counts`.
  void answered(std::uint64_t number, Nanoseconds now, bool counts) noexcept {
    if (!waiting_ || number != number_) return;
    waiting_ = false;
    if (counts) rtt_.record(now - sent_);
  }

 private:
  Histogram& rtt_;
  const Nanoseconds timeout_;
  bool waiting_ = false;
  std::uint64_t number_ = 0;
  Nanoseconds sent_ = 0;
};

// The client's loop. A Waiter waits for a pong, for space in a send buffer, or for the next send
// time:
//
//   void wait(Nanoseconds until, int blocked_fd);    blocked_fd: the full socket, or -1
//   template <F> void for_each_ready(F take);        take(flow) for flows that may have data
template <typename Waiter>
class OpenLoop {
 public:
  OpenLoop(PingThread& t, Meter& meter, const EndpointConfig& config)
      : t_(t),
        meter_(meter),
        stream_(is_stream(config.options.transport)),
        timeout_(stream_ ? kNever : config.options.ping_timeout.value_or(kPingTimeout)),
        naive_(t.spans[Span::naive], timeout_),
        waiter_(t.flows, config.options),
        buffers_(t, stream_),
        window_(open_window(t, meter)),
        schedule_(fast_now_ns(), config.options) {}

  void run() {
    while (!meter_.stopped() && t_.error == 0) {
      const Nanoseconds now = fast_now_ns();
      if (!sending_ && (t_.total_exchanges >= t_.next_number || now >= drain_until_)) break;
      send_due(now);
      const bool at_once = sending_ && !blocked_;
      const Nanoseconds turn = at_once ? schedule_.next() : now + kStopCheck;
      waiter_.wait(std::min(turn, now + kStopCheck), blocked_ ? next_flow().fd.get() : -1);
      waiter_.for_each_ready([this](PingFlow& flow) { receive_from(flow); });
    }
    for (const PingFlow& flow : t_.flows) finish_flow(t_, flow.fd.get(), stream_);
    const std::uint64_t answered = t_.exchanges.load(std::memory_order_relaxed);
    t_.lost = t_.issued - std::min(t_.issued, answered);
    t_.duplicates = sequence_.duplicates() - duplicates_before_;
    t_.out_of_order = sequence_.out_of_order();
  }

 private:
  static constexpr Nanoseconds kNever = INT64_MAX / 4;      // streams lose no pings
  static constexpr Nanoseconds kGrace = 10 * kMillisecond;  // for late pings after the window
  static constexpr int kMaxAtOnce = 32;                     // sends before the next receive

  PingFlow& next_flow() noexcept { return t_.flows[t_.next_number % t_.flows.size()]; }

  bool is_last() const noexcept {
    return schedule_.next() >= window_.open &&
           (schedule_.next() >= window_.close || t_.issued == t_.limit);
  }

  // Sends all pings that are due, also late ones. Counts pings that could not be sent before the
  // window closed.
  void send_due(Nanoseconds now) noexcept {
    const bool too_late = now >= window_.close && now - window_.close >= kGrace;
    if (sending_ && too_late && offset_ == 0) {  // 0: no message is partly sent
      if (!is_last())
        t_.unsent = std::min(t_.limit - t_.issued, schedule_.due_before(window_.close));
      return finish(now);
    }
    for (int i = 0; i < kMaxAtOnce && sending_ && schedule_.next() <= now; ++i) {
      if (is_last()) return finish(now);
      if (!send_next()) return;
    }
  }

  // Sends the next ping. Returns false if the send buffer is full or the call failed.
  bool send_next() noexcept {
    const Nanoseconds due = schedule_.next();
    if (offset_ == 0) {
      prepare_ping(t_, t_.next_number, due);
      naive_.sent(t_.next_number, fast_now_ns());  // the pong can arrive before send() returns
    }
    const int fd = next_flow().fd.get();
    while (offset_ < t_.outgoing.size()) {
      const ssize_t n = ::send(fd, t_.outgoing.data() + offset_, t_.outgoing.size() - offset_,
                               MSG_NOSIGNAL | MSG_DONTWAIT);
      blocked_ = n < 0 && errno == EAGAIN;
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && !blocked_) fail(t_, meter_, "send of a ping");
      if (n < 0) return false;
      offset_ += static_cast<std::size_t>(n);
    }
    offset_ = 0;
    if (due >= window_.open && t_.issued++ == 0) duplicates_before_ = sequence_.duplicates();
    t_.take_number();
    schedule_.advance();
    return true;
  }

  void finish(Nanoseconds now) noexcept {
    sending_ = false;
    drain_until_ = now + timeout_;
  }

  // Receives pongs until none is left or the next ping is due.
  void receive_from(PingFlow& flow) noexcept {
    for (;;) {
      const ssize_t n = buffers_.receive(flow);
      if (meter_.stopped() || (n < 0 && (errno == EAGAIN || errno == EINTR))) return;
      if (n < 0 || (n == 0 && stream_)) {
        if (n == 0) errno = 0;
        return fail(t_, meter_, "receive of a pong");
      }
      take(flow, buffers_.message(flow), n);
      if (t_.error != 0 || (sending_ && !blocked_ && schedule_.next() <= fast_now_ns())) return;
    }
  }

  void take(PingFlow& flow, const char* data, ssize_t n) noexcept {
    if (stream_) {
      flow.received += static_cast<std::size_t>(n);
      if (flow.received < t_.expected.size()) return;
      flow.received = 0;
    } else if (n != static_cast<ssize_t>(t_.framing.ip_header + t_.expected.size())) {
      return;
    }
    const DatagramHeader header = received_header(t_, data);
    if (header.number >= t_.next_number) return;  // a mark, or an invalid number
    const Nanoseconds now = fast_now_ns();
    if (!sequence_.received(header.number, header.value, now)) return;
    naive_.answered(header.number, now, header.value >= window_.open);
    window_.record(t_, flow, header.value, now);
    if (!is_intact_datagram(t_, data)) fail(t_, meter_, "payload of a pong");
  }

  PingThread& t_;
  Meter& meter_;
  const bool stream_;
  const Nanoseconds timeout_;
  UncorrectedRtt naive_;
  Waiter waiter_;
  FlowBuffers buffers_;
  const PingWindow window_;
  Schedule schedule_;
  SequenceTracker sequence_;
  std::uint64_t duplicates_before_ = 0;  // duplicates before the window
  std::size_t offset_ = 0;               // bytes of the next ping that have been sent
  bool blocked_ = false;                 // the send buffer is full
  bool sending_ = true;
  Nanoseconds drain_until_ = 0;
};

// Runs an open loop. The loop is on the heap because of its size.
template <typename Waiter>
void ping_on_schedule(PingThread& t, Meter& meter, const EndpointConfig& config) {
  std::make_unique<OpenLoop<Waiter>>(t, meter, config)->run();
}

// The waiter of an open loop over one flow. block: sleeps in ppoll(2); spin: does not wait; hybrid:
// polls for spin_time, then sleeps.
template <Wait how>
class OneFlowWaiter {
 public:
  OneFlowWaiter(std::vector<PingFlow>& flows, const Options& options) noexcept
      : flow_(flows.front()), spin_(options.spin_time.value_or(kSpinTime)) {}

  void wait(Nanoseconds until, int blocked_fd) noexcept {
    if constexpr (how == Wait::spin) return;
    pollfd p{flow_.fd.get(), static_cast<short>(blocked_fd >= 0 ? POLLIN | POLLOUT : POLLIN), 0};
    if constexpr (how == Wait::hybrid) {
      const Nanoseconds asleep = std::min(until, fast_now_ns() + spin_);
      while (fast_now_ns() < asleep)
        if (::poll(&p, 1, 0) != 0) return;
    }
    const Nanoseconds left = std::max<Nanoseconds>(0, until - fast_now_ns());
    const timespec timeout{left / kSecond, left % kSecond};
    ::ppoll(&p, 1, &timeout, nullptr);
  }

  template <typename Take>
  void for_each_ready(Take take) noexcept {
    take(flow_);
  }

 private:
  PingFlow& flow_;
  const Nanoseconds spin_;
};

}  // namespace pingperf
