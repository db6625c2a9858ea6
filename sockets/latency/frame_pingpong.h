// Ping-pong over frames. The loops are templates over a port: PacketSocket, PacketRing, XdpSocket.
#pragma once

#include "sockets/ethernet/frame_path.h"
#include "sockets/latency/datagram_pingpong.h"

namespace pingperf {

// Receives until the pong of the current ping has arrived, which is valid until release(). Returns
// an empty frame with errno: EAGAIN after the timeout, 0 if the meter was stopped, otherwise the
// error of the socket.
template <Wait wait, typename Port>
std::span<char> await_pong_frame(PingThread& t, PingFlow& flow, Port& port, const Meter& meter,
                                 Nanoseconds timeout) noexcept {
  while (!meter.stopped()) {
    const std::span<char> frame = port.template receive<wait>();
    if (!frame.empty()) {
      if (is_awaited(t, flow, frame.data(), static_cast<ssize_t>(frame.size()))) return frame;
      port.release();
    } else if (errno != EAGAIN && errno != EINTR) {
      return {};
    }
    if (fast_now_ns() - flow.sent > timeout) {
      errno = EAGAIN;
      return {};
    }
  }
  errno = 0;
  return {};
}

template <Wait wait, typename Port>
void ping_frames(PingThread& t, Meter& meter, const EndpointConfig& config) {
  PingFlow& flow = t.flows.front();
  const Nanoseconds timeout = config.options.ping_timeout.value_or(kPingTimeout);
  const FrameStart start = std::span<const char>(t.outgoing).first<kFrameMark>();
  Port port(flow.fd.get(), config.options, start);
  open_path(port, start, meter);
  const PingWindow window = open_window(t, meter);
  while (!meter.stopped()) {
    flow.sent = fast_now_ns();
    if (!window.may_send(t, flow.sent)) break;
    flow.number = t.take_number();
    flow.waiting = true;
    prepare_ping(t, flow.number, flow.sent);
    if (!send_frame(port, t.outgoing)) return fail(t, meter, "send of a ping");
    const std::span<char> pong = await_pong_frame<wait>(t, flow, port, meter, timeout);
    const Nanoseconds now = fast_now_ns();
    flow.waiting = false;
    if (!pong.empty()) {
      window.record(t, flow, flow.sent, now);
      if (!is_intact_datagram(t, pong.data())) return fail(t, meter, "payload of a pong");
      port.release();
    } else if (errno == EAGAIN) {
      window.record_lost(t, flow.number, flow.sent, now);
    } else {
      return fail(t, meter, "receive of a pong");
    }
  }
  prepare_ping(t, kEnd, 0);
  for (int i = 0; i < 3; ++i) send_frame(port, t.outgoing);  // each can be lost
}

template <Wait wait, typename Port>
void pong_frames(PingThread& t, Meter& meter, const EndpointConfig& config) {
  Port port(t.flows.front().fd.get(), config.options, t.framing.mark);
  while (!meter.stopped()) {
    const std::span<char> frame = port.template receive<wait>();
    auto n = static_cast<ssize_t>(frame.size());
    if (n == 0) {
      if (errno == EAGAIN || errno == EINTR) continue;
      return fail(t, meter, "receive of a ping");
    }
    if (is_hello_frame(frame)) set_destination(t.framing.mark, frame);  // once, before the pings
    switch (reply_to(t, meter, frame.data(), n)) {
      case Reply::none:
        break;
      case Reply::over:
        return;
      case Reply::corrupt:
        return fail(t, meter, "payload of a ping");
      case Reply::send:
        if (!send_frame(port, frame)) return fail(t, meter, "send of a pong");
    }
    port.release();
  }
}

}  // namespace pingperf
