#include "sockets/throughput/transfer_engines.h"

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
  if (row.transport == Transport::tcp)
    add({"congestion_control", "nodelay", "mss", "fq_rate", "receive_low_watermark"});
  if (row.transport == Transport::mptcp) add({"congestion_control", "nodelay"});
  add(row.parameters);
  return all;
}

// Returns an error if there is no rate to pace, or if a stream sends no message in the duration.
std::optional<std::string> validate_pace(const Options& o) {
  if (o.pacing_timer && !o.rate_bps) return "pacing_timer: requires rate";
  if (!o.rate_bps || !o.duration) return std::nullopt;
  const std::uint64_t rate_per_stream = *o.rate_bps / o.streams.value_or(1);
  const double bits_per_stream = static_cast<double>(rate_per_stream) * to_seconds(*o.duration);
  if (bits_per_stream >= 8 * static_cast<double>(o.message_size.value_or(0))) return std::nullopt;
  return "the rate is too low: a stream sends less than one message in the duration; lower "
         "message_size, or raise rate or duration";
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
  if (auto error = validate_threads(o)) return error;
  if (o.gso.value_or(false) && o.message_size.value_or(1400) > kMaxUdp / 2)
    return "gso: requires a message_size of at most " + std::to_string(kMaxUdp / 2) +
           " bytes, so that two datagrams fit into one send";
  if (auto error = validate_receive(o, receives)) return error;
  if (o.verify.value_or(false) && o.receive.value_or("copy") != "copy")
    return "verify: requires receive: copy, because other data does not reach user space";
  return validate_pace(o);
}

// Returns why one of the two conditions of an engine is not met, as Engine::unavailable.
using Unavailable = std::optional<std::string> (*)();
auto either_unavailable(Unavailable a, Unavailable b) {
  return [a, b] {
    const auto why = a();
    return why ? why : b();
  };
}

}  // namespace

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
  constexpr std::pair<Transport, Unavailable> kTransports[] = {
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
