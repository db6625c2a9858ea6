// Ping-pong over datagrams. Pings are numbered, so that the client counts lost pings and
// distinguishes late, duplicate and reordered pongs from the expected one.
#pragma once

#include <sys/socket.h>

#include "sockets/core/io.h"
#include "sockets/latency/pingpong.h"
#include "sockets/latency/think_time.h"
#include "sockets/transport/datagram.h"

namespace pingperf {

// Writes the header of a ping and completes the message.
inline void prepare_ping(PingThread& t, std::uint64_t number, Nanoseconds value) noexcept {
  set_header(t.outgoing.data() + t.framing.sent_offset(), {number, value});
  if (t.framing.seal) t.framing.seal(t.outgoing.data(), t.outgoing.size());
}

// Sends the thread's message as ping `number`. Returns false with errno on an error.
inline bool send_ping(PingThread& t, int fd, std::uint64_t number, Nanoseconds value) noexcept {
  prepare_ping(t, number, value);
  return ::send(fd, t.outgoing.data(), t.outgoing.size(), MSG_NOSIGNAL) >= 0;
}

// Returns true if a received datagram of n bytes has a header.
inline bool has_header(const PingThread& t, ssize_t n) noexcept {
  return n >= static_cast<ssize_t>(t.framing.received_offset() + kMinDatagram);
}

inline DatagramHeader received_header(const PingThread& t, const char* datagram) noexcept {
  return header_of(datagram + t.framing.received_offset());
}

inline bool is_intact_datagram(const PingThread& t, const char* datagram) noexcept {
  return t.is_intact(datagram + t.framing.ip_header);
}

// Counts an unexpected pong of `flow`: as late if its ping had timed out, otherwise as a duplicate.
inline void count_stray(PingThread& t, const PingFlow& flow, std::uint64_t number) noexcept {
  if (number < t.first_counted || number >= t.next_number) return;  // a warmup ping or a mark
  if (auto given_up = t.given_up[number % t.given_up.size()]; given_up) {
    given_up = false;
    ++t.late;
    if (number < flow.answered_up_to) ++t.out_of_order;
  } else {
    ++t.duplicates;
  }
}

// Returns true if a datagram that is no pong of the current ping can be one of an earlier ping,
// which had another size of the mix.
inline bool is_earlier_size(const PingThread& t, const PingFlow& flow, const char* datagram,
                            ssize_t n) noexcept {
  return !t.mix.empty() && has_header(t, n) && received_header(t, datagram).number < flow.number;
}

// Returns true if a received datagram is the pong of the current ping of `flow`.
inline bool is_awaited(PingThread& t, PingFlow& flow, const char* datagram, ssize_t n) noexcept {
  if (n != static_cast<ssize_t>(t.framing.ip_header + t.expected.size())) {
    if (is_earlier_size(t, flow, datagram, n))
      count_stray(t, flow, received_header(t, datagram).number);
    return false;
  }
  const std::uint64_t answered = received_header(t, datagram).number;
  if (answered == flow.number && flow.waiting) {
    flow.answered_up_to = answered + 1;
    return true;
  }
  count_stray(t, flow, answered);
  return false;
}

// Tells the server that the client has finished. Sends the end three times, because each can be
// lost. Sends nothing over ICMP, where a kernel answers.
inline void end_pings(PingThread& t, int fd) noexcept {
  if (t.framing.seal) return;
  prepare_ping(t, kEnd, 0);
  const std::size_t size = t.framing.sent_offset() + kMinDatagram;
  for (int i = 0; i < 3; ++i) ::send(fd, t.outgoing.data(), size, MSG_NOSIGNAL);
}

// Tells the server that the client has finished with a flow.
inline void finish_flow(PingThread& t, int fd, bool stream) noexcept {
  if (stream)
    ::shutdown(fd, SHUT_WR);
  else
    end_pings(t, fd);
}

// Receives until the pong of the current ping of `flow` has arrived. Returns false with errno:
// EAGAIN after the timeout, 0 if the meter was stopped, otherwise the error of the socket.
template <Wait wait>
bool await_pong(PingThread& t, PingFlow& flow, const Meter& meter, Nanoseconds spin,
                Nanoseconds timeout) noexcept {
  while (!meter.stopped()) {
    const ssize_t n = receive<wait>(flow.fd.get(), t.incoming.data(), t.incoming.size(), spin);
    if (n >= 0 && is_awaited(t, flow, t.incoming.data(), n)) return true;
    if (n < 0 && !is_retry(wait, errno)) return false;
    // Unexpected pongs and polling do not end by the receive timeout of the socket.
    if ((n >= 0 || wait == Wait::spin) && fast_now_ns() - flow.sent > timeout) {
      errno = EAGAIN;
      return false;
    }
  }
  errno = 0;
  return false;
}

// `shaped`: pauses for think_time between pings, and pings have the sizes of a mix, if there is
// one.
template <Wait wait, bool shaped = false>
void ping_datagrams(PingThread& t, Meter& meter, const EndpointConfig& config) {
  PingFlow& flow = t.flows.front();
  const Nanoseconds spin = config.options.spin_time.value_or(kSpinTime);
  const Nanoseconds timeout = config.options.ping_timeout.value_or(kPingTimeout);
  if (wait != Wait::spin) set_receive_timeout(flow.fd.get(), timeout);
  const bool mixed = shaped && !t.mix.empty();
  const Nanoseconds pause = config.options.think_time.value_or(0);
  const PingWindow window = open_window(t, meter);
  while (!meter.stopped()) {
    flow.sent = fast_now_ns();
    if (!window.may_send(t, flow.sent)) break;
    if (mixed) {
      t.select_size(t.next_number);
      window.issue_share(t, flow.sent);
    }
    flow.number = t.take_number();
    flow.waiting = true;
    if (!send_ping(t, flow.fd.get(), flow.number, flow.sent))
      return fail(t, meter, "send of a ping");
    const bool answered = await_pong<wait>(t, flow, meter, spin, timeout);
    const Nanoseconds now = fast_now_ns();
    flow.waiting = false;
    if (answered) {
      window.record(t, flow, flow.sent, now);
      if (mixed) window.record_share(t, flow.sent, now);
      if (!is_intact_datagram(t, t.incoming.data())) return fail(t, meter, "payload of a pong");
      if constexpr (shaped) think<wait>(now + pause, t, meter);
    } else if (errno == EAGAIN) {
      window.record_lost(t, flow.number, flow.sent, now);
    } else {
      return fail(t, meter, "receive of a pong");
    }
  }
  end_pings(t, flow.fd.get());
}

// Returns true if a server's call failed because the client has closed its socket while pongs were
// in transit (ICMP port unreachable). That is not an error of the trial.
inline bool is_client_gone(int error) noexcept {
  return error == ECONNREFUSED;
}

// The reaction of a server to a received datagram.
enum class Reply { none, send, over, corrupt };

// Returns true if a ping of n bytes has the expected size and payload, or if the server does not
// verify. Otherwise sets errno.
inline bool is_intact_ping(const PingThread& t, const char* datagram, ssize_t n) noexcept {
  if (!t.verify) return true;
  errno = EBADMSG;
  return n == static_cast<ssize_t>(t.framing.ip_header + t.expected.size()) &&
         is_intact_datagram(t, datagram);
}

// Restores the part of a pong that is longer than the ping, since a repeated hello can be longer
// than both.
inline void restore_tail(PingThread& t, char* datagram) noexcept {
  if (const std::size_t ping = t.expected.size(); ping < t.outgoing.size())
    std::copy(t.outgoing.begin() + static_cast<std::ptrdiff_t>(ping), t.outgoing.end(),
              datagram + t.framing.ip_header + ping);
}

// Returns the reaction to a received datagram of n bytes. Turns a ping into its pong, and sets n to
// the size of the pong. The answer to a hello has the size of the hello.
inline Reply reply_to(PingThread& t, Meter& meter, char* datagram, ssize_t& n) noexcept {
  if (!has_header(t, n)) return Reply::none;
  const std::uint64_t number = received_header(t, datagram).number;
  if (number == kEnd) return Reply::over;
  std::copy_n(t.framing.mark.begin(), t.framing.mark_size, datagram + t.framing.ip_header);
  if (number == kHello) return Reply::send;  // the first answer was lost
  if (!is_intact_ping(t, datagram, n)) return Reply::corrupt;
  if (t.verify) restore_tail(t, datagram);
  n = static_cast<ssize_t>(t.framing.ip_header + t.outgoing.size());
  if (t.total_exchanges++ == 0) meter.first_byte();
  return Reply::send;
}

// With a mix: makes the messages of the server those of a received ping.
inline void select_size_of_ping(PingThread& t, const char* datagram, ssize_t n) noexcept {
  if (has_header(t, n)) t.select_size(received_header(t, datagram).number);
}

template <Wait wait, bool mixed = false>
void pong_datagrams(PingThread& t, Meter& meter, const EndpointConfig& config) {
  const int fd = t.flows.front().fd.get();
  const Nanoseconds spin = config.options.spin_time.value_or(kSpinTime);
  char* const datagram = t.incoming.data();
  while (!meter.stopped()) {
    ssize_t n = receive<wait>(fd, datagram, t.incoming.size(), spin);
    if (n < 0 && is_retry(wait, errno)) continue;
    if (n < 0 && is_client_gone(errno)) return;
    if (n < 0) return fail(t, meter, "receive of a ping");
    if constexpr (mixed) select_size_of_ping(t, datagram, n);
    switch (reply_to(t, meter, datagram, n)) {
      case Reply::none:
        break;
      case Reply::over:
        return;
      case Reply::corrupt:
        return fail(t, meter, "payload of a ping");
      case Reply::send:
        if (::send(fd, datagram + t.framing.ip_header,
                   static_cast<std::size_t>(n) - t.framing.ip_header, MSG_NOSIGNAL) < 0)
          return is_client_gone(errno) ? void() : fail(t, meter, "send of a pong");
    }
  }
}

}  // namespace pingperf
