// Ping-pong over TCP and UDP with the kernel's time stamps at both ends (timestamps: kernel).
// Splits each round trip into its parts.
//
//   client                                       server
//   send() ─┐ app_to_kernel
//   TX stamp┘─────── oneway_forward ───────────> RX stamp ─┐
//                                                          │ turnaround
//   RX stamp┐<────── oneway_reverse ──────────── TX stamp ─┘
//   recv() ─┘ kernel_to_app
//
// kernel_to_kernel is the sum of both ways: the time between the client's stamps minus the
// turnaround. So it requires no common clock. A message has a DatagramHeader, ServerStamps and
// payload. The server writes its stamps into the pong. The stamp of a pong's transmission is in the
// next pong.
#pragma once

#include <algorithm>

#include "sockets/latency/datagram_pingpong.h"
#include "sockets/measure/timestamps.h"

namespace pingperf {

// The stamps of the server's kernel, on CLOCK_REALTIME. 0: unknown.
struct ServerStamps {
  Nanoseconds received;       // of this ping
  Nanoseconds previous_sent;  // of the previous pong
};

// Maximum time between the readings of the two clocks before a ping. If the thread loses its CPU
// between them, the round trip is not split.
inline constexpr Nanoseconds kMaxClockReadGap = kMicrosecond;

inline constexpr std::size_t kMinStamped = sizeof(DatagramHeader) + sizeof(ServerStamps);

// Returns an error if messages are too small for the stamps, as Engine::validate.
inline std::optional<std::string> validate_timestamps(const Options& o) {
  const std::uint64_t ping = o.message_size.value_or(64), pong = o.response_size.value_or(ping);
  if (!o.timestamps || std::min(ping, pong) >= kMinStamped) return std::nullopt;
  return ping < kMinStamped ? "timestamps: requires a message_size of at least 32 bytes, because "
                              "pongs carry the server's stamps"
                            : "timestamps: requires a response_size of at least 32 bytes, because "
                              "pongs carry the server's stamps";
}

// Receives one whole message. Sets `stamp` to the stamp of its last piece. Returns the size, 0 at
// the end of a stream, or -1 with errno.
template <Wait wait>
ssize_t receive_message(const EndpointConfig& config, int fd, std::vector<char>& buffer,
                        std::size_t size, const Meter& meter, Nanoseconds deadline,
                        Nanoseconds& stamp) noexcept {
  const bool stream = is_stream(config.options.transport);
  std::size_t have = 0;
  for (;;) {
    const ssize_t n =
        receive_stamped(fd, buffer.data() + have, (stream ? size : buffer.size()) - have,
                        wait == Wait::spin ? MSG_DONTWAIT : 0, stamp);
    if (n < 0 && is_retry(wait, errno) && !meter.stopped() && fast_now_ns() < deadline) continue;
    if (n <= 0) return n;
    have += static_cast<std::size_t>(n);
    if (!stream || have == size) return static_cast<ssize_t>(have);
  }
}

// The times of a ping after its pong has arrived, on CLOCK_REALTIME. The server's transmit stamp is
// missing, because the next pong carries it.
struct StampedPing {
  bool counts = false;  // the ping is in the window, and all stamps of the client are known
  Nanoseconds began = 0;
  Nanoseconds sent = 0;             // by the client's kernel
  Nanoseconds server_received = 0;  // 0: the server does not stamp
  Nanoseconds received = 0;         // by the client's kernel
  Nanoseconds ended = 0;
};

// The parts of the round trips. All parts of a ping are recorded together, so their sum is its
// round trip.
class StampedSpans {
 public:
  explicit StampedSpans(PingThread& t)
      : app_to_kernel_(t.spans[Span::app_to_kernel]),
        kernel_to_app_(t.spans[Span::kernel_to_app]),
        kernel_to_kernel_(t.spans[Span::kernel_to_kernel]),
        turnaround_(t.spans[Span::turnaround]),
        forward_(t.spans[Span::oneway_forward]),
        reverse_(t.spans[Span::oneway_reverse]) {}

  // Records all parts. `server_sent` is the server's transmit stamp.
  void record(const StampedPing& ping, Nanoseconds server_sent) noexcept {
    record_client(ping);
    const Nanoseconds turnaround = difference(server_sent, ping.server_received);
    turnaround_.record(turnaround);
    kernel_to_kernel_.record(difference(ping.received - ping.sent, turnaround));
    forward_.record(difference(ping.server_received, ping.sent));
    reverse_.record(difference(ping.received, server_sent));
  }

  // Records only the parts at the client, for a server without stamps.
  void record_client(const StampedPing& ping) noexcept {
    app_to_kernel_.record(ping.sent - ping.began);
    kernel_to_app_.record(ping.ended - ping.received);
  }

 private:
  Histogram &app_to_kernel_, &kernel_to_app_, &kernel_to_kernel_, &turnaround_, &forward_,
      &reverse_;
};

template <Wait wait>
void ping_stamped(PingThread& t, Meter& meter, const EndpointConfig& config) {
  PingFlow& flow = t.flows.front();
  const int fd = flow.fd.get();
  const std::size_t size = t.outgoing.size();
  const bool stream = is_stream(config.options.transport);
  const Nanoseconds timeout =
      stream ? INT64_MAX / 2 : config.options.ping_timeout.value_or(kPingTimeout);
  enable_timestamps(fd);
  if (!stream && wait != Wait::spin) set_receive_timeout(fd, timeout);
  TransmitStamps transmitted(fd, stream ? static_cast<std::uint32_t>(size) : 1);
  StampedSpans spans(t);
  StampedPing previous;
  bool server_stamps = false;  // a pong has had a stamp
  std::fill_n(t.outgoing.begin() + sizeof(DatagramHeader), sizeof(ServerStamps), '\0');
  const PingWindow window = open_window(t, meter);
  while (!meter.stopped()) {
    const Nanoseconds before = fast_now_ns();
    const Nanoseconds wall = read_clock(CLOCK_REALTIME);
    flow.sent = fast_now_ns();
    const bool together = flow.sent - before < kMaxClockReadGap;
    if (!window.may_send(t, flow.sent)) break;
    flow.number = t.take_number();
    flow.waiting = true;
    set_header(t.outgoing.data(), {flow.number, flow.sent});
    if (!send_all<wait>(fd, t.outgoing.data(), size)) return fail(t, meter, "send of a ping");
    Nanoseconds received = 0;
    ssize_t n = 0;
    bool awaited = false;
    do {
      n = receive_message<wait>(config, fd, t.incoming, t.expected.size(), meter,
                                flow.sent + timeout, received);
      awaited = n > 0 && is_awaited(t, flow, t.incoming.data(), n);
    } while (n > 0 && !awaited && !meter.stopped() && fast_now_ns() < flow.sent + timeout);
    const Nanoseconds now = fast_now_ns();
    flow.waiting = false;
    if ((n > 0 && !awaited) || (n < 0 && errno == EAGAIN)) {
      window.record_lost(t, flow.number, flow.sent, now);
      previous.counts = false;
      continue;
    }
    if (n == 0) errno = 0;
    if (n <= 0) return fail(t, meter, "receive of a pong");
    window.record(t, flow, flow.sent, now);
    const std::optional<Nanoseconds> sent = transmitted.of(flow.number);
    ServerStamps server;
    std::memcpy(&server, t.incoming.data() + sizeof(DatagramHeader), sizeof server);
    if (previous.counts && server.previous_sent != 0) spans.record(previous, server.previous_sent);
    previous = {flow.sent >= window.open && together && sent && received != 0,
                wall,
                sent.value_or(0),
                server.received,
                received,
                wall + (now - flow.sent)};
    // The kernel begins to stamp some time after the option is set, so one stamp can be missing.
    const bool is_first = t.total_exchanges == 1;
    server_stamps = server_stamps || server.received != 0;
    if (previous.counts && server.received == 0) {
      if (!server_stamps && !is_first) spans.record_client(previous);
      previous.counts = false;
    }
  }
  finish_flow(t, fd, stream);
}

template <Wait wait>
void pong_stamped(PingThread& t, Meter& meter, const EndpointConfig& config) {
  const int fd = t.flows.front().fd.get();
  const bool stream = is_stream(config.options.transport);
  const std::size_t ping_size = t.expected.size();
  enable_timestamps(fd);
  TransmitStamps transmitted(fd, stream ? static_cast<std::uint32_t>(t.outgoing.size()) : 1);
  std::uint64_t sent = 0;  // pongs, with answers to repeated hellos
  while (!meter.stopped()) {
    ServerStamps stamps{};
    ssize_t n =
        receive_message<wait>(config, fd, t.incoming, ping_size, meter, INT64_MAX, stamps.received);
    if (n == 0 && stream) return;
    if (n < 0 && is_client_gone(errno)) return;
    if (n < 0) return fail(t, meter, "receive of a ping");
    const Reply reply = reply_to(t, meter, t.incoming.data(), n);
    if (reply == Reply::over) return;
    if (reply == Reply::none) continue;
    if (sent > 0) stamps.previous_sent = transmitted.of(sent - 1).value_or(0);
    if (n >= static_cast<ssize_t>(kMinStamped) && header_of(t.incoming.data()).number != kHello)
      std::memcpy(t.incoming.data() + sizeof(DatagramHeader), &stamps, sizeof stamps);
    if (!send_all<wait>(fd, t.incoming.data(), static_cast<std::size_t>(n)))
      return fail(t, meter, "send of a pong");
    ++sent;
  }
}

}  // namespace pingperf
