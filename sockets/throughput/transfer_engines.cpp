#include "sockets/throughput/transfer_engines.h"

#include "sockets/core/message_limits.h"
#include "sockets/core/size_mix.h"
#include "sockets/throughput/frames.h"
#include "sockets/transport/datagram.h"

namespace pingperf {
namespace {

constexpr std::size_t kMaxUdp = 65507;  // payload of one IPv4 datagram

std::vector<std::string_view> parameters_of(const TransferRow& row) {
  std::vector<std::string_view> all = {
      "message_size", "streams",        "duration",     "warmup",    "bytes",
      "messages",     "rate",           "pacing_timer", "reverse",   "bidirectional",
      "send_buffer",  "receive_buffer", "pin.client",   "pin.server"};
  const auto add = [&](std::vector<std::string_view> more) {
    all.insert(all.end(), more.begin(), more.end());
  };
  if (has_port(row.transport)) add({"tos", "ip", "port"});
  if (row.transport == Transport::udp) add({"dont_fragment"});
  if (row.transport == Transport::tcp)
    add({"congestion_control", "nodelay", "mss", "fq_rate", "receive_low_watermark",
         "notsent_low_watermark"});
  if (row.transport == Transport::mptcp) add({"congestion_control", "nodelay"});
  add(row.parameters);
  return all;
}

std::optional<std::string> validate_mix(const Options& o) {
  if (!o.size_mix) return std::nullopt;
  if (o.message_size) return "size_mix: replaces message_size; set only one of them";
  if (o.gso.value_or(false)) return "size_mix: cannot be combined with gso, which has one size";
  return std::nullopt;
}

std::optional<std::string> validate_on_off(const Options& o) {
  if (o.on_time && !o.off_time) return "on_off.on: requires on_off.off";
  if (o.off_time && !o.on_time) return "on_off.off: requires on_off.on";
  if (!o.on_time || !o.duration) return std::nullopt;
  const Nanoseconds period = *o.on_time + *o.off_time, opens = o.warmup.value_or(0) % period;
  if (opens < *o.on_time || period - opens < *o.duration) return std::nullopt;
  return "on_off.off: the sender pauses for all of the duration after the warmup: lower "
         "on_off.off, "
         "or raise duration";
}

// Returns the parameter that frames cannot be combined with, and why, or an empty text.
std::string_view excluded_by_frames(const Options& o) {
  if (o.rate_bps) return "rate, because frame.every and frame.bytes determine it";
  if (o.size_mix) return "size_mix";
  if (o.on_time) return "on_off";
  if (is_limited(o)) return "bytes or messages; set a duration";
  if (o.bidirectional.value_or(false)) return "bidirectional";
  if (o.zero_copy.value_or(false)) return "zero_copy, because every frame is written anew";
  if (o.verify.value_or(false)) return "verify, because frames carry times";
  if (o.receive.value_or("copy") != "copy") return "receive: discard or map";
  if (o.batch) return "batch";
  if (o.gso.value_or(false)) return "gso";
  if (o.gro.value_or(false)) return "gro";
  return {};
}

// Returns an error if the kernel paces a stream below the rate of its frames.
std::optional<std::string> validate_pacing_of_frames(const Options& o) {
  const double bps = 8 * static_cast<double>(*o.frame_bytes) / to_seconds(*o.frame_every);
  if (!o.fq_rate_bps || bps <= static_cast<double>(*o.fq_rate_bps)) return std::nullopt;
  return "frame.bytes: fq_rate carries " +
         std::to_string(static_cast<std::uint64_t>(static_cast<double>(*o.fq_rate_bps) / 8 *
                                                   to_seconds(*o.frame_every))) +
         " bytes per frame.every: lower frame.bytes, or raise frame.every or fq_rate";
}

std::optional<std::string> validate_frames(const Options& o) {
  if (!o.frame_every) {
    if (o.frame_bytes) return "frame.bytes: requires frame.every";
    if (o.frame_deadline) return "frame.deadline: requires frame.every and frame.bytes";
    return std::nullopt;
  }
  if (!o.frame_bytes) return "frame.every: requires frame.bytes";
  if (o.duration && *o.frame_every > *o.duration) return "frame.every: longer than the duration";
  if (const std::string_view other = excluded_by_frames(o); !other.empty())
    return "frame.every: cannot be combined with " + std::string(other);
  if (auto error = validate_pacing_of_frames(o)) return error;
  if (is_stream(o.transport)) {
    if (*o.frame_bytes >= sizeof(Nanoseconds)) return std::nullopt;
    return "frame.bytes: must be at least 8, for the time at which the frame is due";
  }
  const std::uint64_t size = o.message_size.value_or(kDatagramSize), last = *o.frame_bytes % size;
  if (size >= kMinFrameDatagram && (last == 0 || last >= kMinFrameDatagram)) return std::nullopt;
  return "frame.bytes: every datagram of a frame needs at least 24 bytes (sequence number, time "
         "stamp, due time); the last one of these has " +
         std::to_string(last == 0 ? size : last);
}

// Returns an error if there is no rate to pace, or if it is too low.
std::optional<std::string> validate_pace(const Options& o) {
  if (o.pacing_timer && !o.rate_bps) return "pacing_timer: requires rate";
  return validate_rate(o);
}

// Returns an error if the engine does not support this `receive`.
std::optional<std::string> validate_receive(const Options& o,
                                            const std::vector<std::string_view>& receives) {
  if (!o.receive || std::ranges::find(receives, *o.receive) != receives.end()) return std::nullopt;
  std::string known;
  for (const std::string_view each : receives)
    known += (known.empty() ? "" : ", ") + std::string(each);
  return "receive: " + *o.receive + " is not available with engine " + o.engine +
         "; available: " + known;
}

std::optional<std::string> validate(const Options& o,
                                    const std::vector<std::string_view>& receives) {
  if (!is_stream(o.transport))
    if (auto error = validate_datagram(o)) return error;
  for (const auto validate_shape : {validate_mix, validate_on_off, validate_frames})
    if (auto error = validate_shape(o)) return error;
  for (const auto validate_size : {validate_threads, validate_send_buffer})
    if (auto error = validate_size(o)) return error;
  if (o.gso.value_or(false) && o.message_size.value_or(kDatagramSize) > kMaxUdp / 2)
    return "gso: requires a message_size of at most " + std::to_string(kMaxUdp / 2) +
           " bytes, so that two datagrams fit into one send";
  if (auto error = validate_receive(o, receives)) return error;
  if (o.verify.value_or(false) && o.receive.value_or("copy") != "copy")
    return "verify: requires receive: copy, because other data does not reach user space";
  return validate_pace(o);
}

// Returns why one of two conditions of an engine is not met, as Engine::unavailable.
using Condition = std::optional<std::string> (*)();
auto either_unavailable(Condition a, Condition b) {
  return [a, b] {
    const auto why = a();
    return why ? why : b();
  };
}

}  // namespace

std::optional<std::string> validate_rate(const Options& o) {
  if (!o.rate_bps || !o.duration) return std::nullopt;
  const std::uint64_t rate_per_stream = *o.rate_bps / o.streams.value_or(1);
  const double bits_per_stream =
      static_cast<double>(rate_per_stream) * to_seconds(*o.duration) * OnOff(o).share();
  if (bits_per_stream >= 8 * static_cast<double>(max_message(o))) return std::nullopt;
  return "the rate is too low: a stream sends less than one message in the duration; lower "
         "message_size, or raise rate or duration";
}

std::vector<std::string_view> shaped(std::vector<std::string_view> parameters) {
  parameters.insert(parameters.end(), {"size_mix", "on_off.on", "on_off.off", "frame.every",
                                       "frame.bytes", "frame.deadline"});
  return parameters;
}

Engine make_transfer_engine(const TransferRow& row) {
  return {
      .name = row.name,
      .summary = row.summary,
      .kind = Kind::throughput,
      .transport = row.transport,
      .parameters = parameters_of(row),
      .unavailable = row.unavailable,
      .listen = [&ops = row.ops](const EndpointConfig& s) { return listen_transfer(ops, s); },
      .connect = [&ops = row.ops](const EndpointConfig& s) { return connect_transfer(ops, s); },
      .validate = [receives = row.receives](const Options& o) { return validate(o, receives); },
      .serves_external = true,
  };
}

std::vector<Engine> make_plain_stream_engines(TransferRow row) {
  constexpr std::pair<Transport, Condition> kTransports[] = {
      {Transport::unix_stream, always_available},
      {Transport::unix_seqpacket, always_available},
      {Transport::mptcp, mptcp_unavailable},
      {Transport::vsock, vsock_unavailable}};
  std::vector<Engine> engines;
  for (const auto& [transport, unavailable] : kTransports) {
    row.transport = transport;
    engines.push_back(make_transfer_engine(row));
    engines.back().unavailable = either_unavailable(row.unavailable, unavailable);
  }
  return engines;
}

}  // namespace pingperf
