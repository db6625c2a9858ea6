// TCP v2: ping-pong on one connection. Also runs over other byte streams.
#pragma once

#include "sockets/core/io.h"
#include "sockets/latency/pingpong.h"
#include "sockets/latency/think_time.h"
#include "sockets/transport/stream.h"

namespace pingperf {

// Takes the number of the next ping. Writes it to the message if the client verifies pongs and the
// number fits.
inline void number_ping(PingThread& t, PingFlow& flow) noexcept {
  flow.number = t.take_number();
  if (t.verify && t.head == kPingNumber) std::memcpy(t.outgoing.data(), &flow.number, kPingNumber);
}

// Returns true if a pong has the number and the payload of its ping, or if the client does not
// verify. Otherwise sets errno to EBADMSG.
inline bool is_intact_pong(const PingThread& t, const PingFlow& flow, const char* pong) noexcept {
  if (!t.verify || t.head != kPingNumber || std::memcmp(pong, &flow.number, kPingNumber) == 0)
    return t.is_intact(pong);
  errno = EBADMSG;
  return false;
}

// `shaped`: pauses for think_time between pings, and pings have the sizes of a mix, if there is
// one.
template <Wait wait, bool shaped = false>
void ping_stream(PingThread& t, Meter& meter, const EndpointConfig& config) {
  PingFlow& flow = t.flows.front();
  const int fd = flow.fd.get();
  const char* const ping = t.outgoing.data();
  char* const pong = t.incoming.data();
  const std::size_t ping_size = t.outgoing.size(), pong_size = t.expected.size();
  const Nanoseconds spin = config.options.spin_time.value_or(kSpinTime);
  const bool mixed = shaped && !t.mix.empty();
  const Nanoseconds pause = config.options.think_time.value_or(0);
  const PingWindow window = open_window(t, meter);
  while (!meter.stopped()) {
    if (mixed) t.select_size(t.next_number);
    number_ping(t, flow);
    const Nanoseconds sent = fast_now_ns();
    if (!window.may_send(t, sent)) break;
    if (mixed) window.issue_share(t, sent);
    if (!send_all<wait>(fd, mixed ? t.outgoing.data() : ping,
                        mixed ? t.outgoing.size() : ping_size))
      return fail(t, meter, "send of a ping");
    if (!receive_all<wait>(fd, pong, mixed ? t.expected.size() : pong_size, spin))
      return fail(t, meter, "receive of a pong");
    const Nanoseconds now = fast_now_ns();
    window.record(t, flow, sent, now);
    if (mixed) window.record_share(t, sent, now);
    if (!is_intact_pong(t, flow, pong)) return fail(t, meter, "payload of a pong");
    if constexpr (shaped) think<wait>(now + pause, t, meter);
  }
  ::shutdown(fd, SHUT_WR);  // tells the server that the client has finished
}

template <Wait wait, bool mixed = false>
void pong_stream(PingThread& t, Meter& meter, const EndpointConfig& config) {
  const int fd = t.flows.front().fd.get();
  char* const data = t.incoming.data();
  const std::size_t ping_size = t.expected.size(), pong_size = t.outgoing.size();
  const Nanoseconds spin = config.options.spin_time.value_or(kSpinTime);
  if constexpr (mixed) t.select_size(0);
  for (; receive_all<wait>(fd, data, mixed ? t.expected.size() : ping_size, spin);
       ++t.total_exchanges) {
    if (t.total_exchanges == 0) meter.first_byte();
    if (!t.is_intact(data)) return fail(t, meter, "payload of a ping");
    if (!send_all<wait>(fd, data, mixed ? t.outgoing.size() : pong_size))
      return fail(t, meter, "send of a pong");
    if constexpr (mixed) t.select_size(t.total_exchanges + 1);
  }
  if (errno != 0) fail(t, meter, "receive of a ping");  // 0: the client has finished
}

}  // namespace pingperf
