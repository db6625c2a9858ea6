#include "harness/engines/iperf3_limits.h"

#include "harness/engines/iperf3_result.h"
#include "sockets/throughput/transfer_engines.h"
#include "sockets/transport/datagram.h"

namespace pingperf {
namespace {

// Checks a limit of bytes or messages.
std::optional<std::string> validate_limit(const Options& o) {
  const bool reverse = o.reverse.value_or(false);
  if (o.warmup.value_or(0) % kSecond != 0)
    return "iperf3 with a limit of bytes or messages can leave out whole seconds only: set warmup "
           "to 0s or 1s";
  if (o.messages && (reverse || o.bidirectional.value_or(false)))
    return "iperf3 counts the messages that the client sends: with reverse or bidirectional set "
           "bytes or duration";
  if (reverse && o.transport == Transport::udp)
    return "iperf3's client waits for all bytes, and a lost datagram never comes: with reverse set "
           "duration";
  return std::nullopt;
}

std::optional<std::string> validate_offloads(const Options& o) {
  if (o.receive && o.receive != "copy" && o.receive != "discard")
    return "receive: iperf3 cannot " + *o.receive + ": set copy or discard";
  const bool gso = o.gso.value_or(false), gro = o.gro.value_or(false);
  if (gso != gro)
    return std::string(gso ? "gso" : "gro") +
           ": iperf3 has one option for gso and gro (--gsro): give both the same value";
  return std::nullopt;
}

std::optional<std::string> validate_pacing_and_headers(const Options& o) {
  if ((o.burst || o.pacing_timer) && !o.rate_bps)
    return "burst and pacing_timer are of a paced rate: set rate";
  if (o.pacing_timer && *o.pacing_timer < kMicrosecond)
    return "pacing_timer: iperf3 would never sleep: 1us at least";
  if (o.flow_label && o.ip != 6) return "flow_label: only IPv6 has one: set ip: 6";
  if (o.dont_fragment.value_or(false) && (o.ip == 6 || o.reverse.value_or(false)))
    return "dont_fragment: it is for IPv4 datagrams that the client sends: leave ip: 6 and reverse "
           "out";
  return std::nullopt;
}

}  // namespace

std::optional<std::string> validate_iperf3_limits(const Options& o) {
  // If its header does not fit into a datagram, libiperf counts nonsense without an error.
  if (o.transport == Transport::udp)
    if (auto error = validate_datagram(o)) return error;
  if (o.send_buffer && o.receive_buffer && o.send_buffer != o.receive_buffer)
    return "iperf3 has one buffer size (-w): give send_buffer and receive_buffer the same "
           "value, or one of them alone";
  if (o.duration && *o.duration < kIperf3Interval)
    return "iperf3 reports intervals of 100ms: duration must be that at least";
  if (o.streams.value_or(1) > 128) return "iperf3 has at most 128 streams";
  if (o.rate_bps && *o.rate_bps < o.streams.value_or(1))
    return "rate is that of all streams together: it must be 1 bit/s a stream at least";
  if (o.message_size)
    if (auto error = validate_rate(o)) return error;
  if (is_limited(o))
    if (auto error = validate_limit(o)) return error;
  if (auto error = validate_offloads(o)) return error;
  return validate_pacing_and_headers(o);
}

}  // namespace pingperf
