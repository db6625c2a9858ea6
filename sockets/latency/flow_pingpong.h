// Ping-pong over many flows: each flow has one current ping, and sends the next one when its pong
// has arrived.
#pragma once

#include "sockets/latency/datagram_pingpong.h"
#include "sockets/latency/stream_pingpong.h"
#include "sockets/latency/think_time.h"

namespace pingperf {

// The client of the flows of one thread.
class FlowPinger {
 public:
  FlowPinger(PingThread& t, Meter& meter, const EndpointConfig& config)
      : t_(t),
        meter_(meter),
        stream_(is_stream(config.options.transport)),
        timeout_(config.options.ping_timeout.value_or(kPingTimeout)),
        window_(open_window(t, meter)) {}

  bool is_over() const noexcept { return waiting_ == 0 || meter_.stopped() || t_.error != 0; }
  // Does the same with flows that pause. Their pauses end with the window.
  bool is_over(const ThinkingFlows& thinking) const noexcept {
    if (thinking.empty()) return is_over();
    return meter_.stopped() || t_.error != 0 || (waiting_ == 0 && fast_now_ns() >= t_.closed);
  }

  // Turns the thread's message into the next ping of `flow`. Returns false if no more pings may be
  // sent. `mixed`: pings have the sizes of a mix.
  template <bool mixed = false>
  bool next(PingFlow& flow) noexcept {
    flow.sent = fast_now_ns();
    if (!window_.may_send(t_, flow.sent)) return false;
    if constexpr (mixed) {
      t_.select_size(stream_ ? flow.answered_up_to : t_.next_number);
      window_.issue_share(t_, flow.sent);
    }
    if (stream_) {
      number_ping(t_, flow);
    } else {
      flow.number = t_.take_number();
      prepare_ping(t_, flow.number, flow.sent);
    }
    flow.waiting = true;
    ++waiting_;
    return true;
  }

  // Handles n received bytes of `flow`, the last bytes of `message`. Returns true if they complete
  // the pong, which is then recorded.
  template <bool mixed = false>
  bool take(PingFlow& flow, const char* message, ssize_t n) noexcept {
    if constexpr (mixed) select_size(flow);
    if (stream_) {
      flow.received += static_cast<std::size_t>(n);
      if (flow.received < t_.expected.size()) return false;
      flow.received = 0;
    } else if (!is_awaited(t_, flow, message, n)) {
      return false;
    }
    const Nanoseconds now = fast_now_ns();
    window_.record(t_, flow, flow.sent, now);
    if constexpr (mixed) window_.record_share(t_, flow.sent, now);
    end(flow);
    if constexpr (mixed) flow.answered_up_to += stream_ ? 1 : 0;
    if (!(stream_ ? is_intact_pong(t_, flow, message) : is_intact_datagram(t_, message)))
      fail(t_, meter_, "payload of a pong");
    return true;
  }

  // With a mix: makes the thread's messages those of the current ping of `flow`.
  void select_size(const PingFlow& flow) noexcept {
    t_.select_size(stream_ ? flow.answered_up_to : flow.number);
  }

  // Records pings whose pong has not arrived within the timeout as lost. Calls again(flow) for each
  // of their flows.
  template <typename Again>
  void give_up_overdue(Again again) noexcept {
    if (stream_) return;
    const Nanoseconds now = fast_now_ns();
    if (now < next_check_) return;
    next_check_ = now + timeout_ / 8;
    for (PingFlow& flow : t_.flows)
      if (flow.waiting && now - flow.sent > timeout_) {
        window_.record_lost(t_, flow.number, flow.sent, now);
        end(flow);
        again(flow);
      }
  }

  // Returns the maximum time of a wait, so that timeouts are noticed. Negative: no maximum.
  Nanoseconds longest_wait() const noexcept { return stream_ ? -1 : timeout_ / 8; }

  // Tells the server that the client has finished.
  void finish() noexcept {
    for (const PingFlow& flow : t_.flows) finish_flow(t_, flow.fd.get(), stream_);
  }

 private:
  void end(PingFlow& flow) noexcept {
    flow.waiting = false;
    --waiting_;
  }

  PingThread& t_;
  Meter& meter_;
  const bool stream_;
  const Nanoseconds timeout_;
  const PingWindow window_;
  std::size_t waiting_ = 0;  // flows with a current ping
  Nanoseconds next_check_ = 0;
};

// Returns the server's reaction to n received bytes of `flow`, the last bytes of `message`. Sets n
// to the size of the pong. `mixed`: pings have the sizes of a mix.
template <bool mixed = false>
Reply reply_on(PingThread& t, Meter& meter, PingFlow& flow, bool stream, char* message,
               ssize_t& n) noexcept {
  if constexpr (mixed)
    stream ? t.select_size(flow.answered_up_to) : select_size_of_ping(t, message, n);
  if (!stream) return reply_to(t, meter, message, n);
  flow.received += static_cast<std::size_t>(n);
  if (flow.received < t.expected.size()) return Reply::none;
  flow.received = 0;
  if (!t.is_intact(message)) return Reply::corrupt;
  if (t.total_exchanges++ == 0) meter.first_byte();
  if constexpr (mixed) ++flow.answered_up_to;
  n = static_cast<ssize_t>(t.outgoing.size());
  return Reply::send;
}

}  // namespace pingperf
