#include "sockets/latency/latency_engines.h"

#include "sockets/core/message_limits.h"
#include "sockets/transport/datagram.h"
#include "sockets/transport/raw.h"
#include "sockets/transport/stream.h"

namespace pingperf {
namespace {

using Parameters = std::vector<std::string_view>;

// The part of an engine's row that depends on the transport.
struct Row {
  Transport transport;
  const TransportOps& transport_ops;
  Parameters parameters;
  std::optional<std::string> (*validate)(const Options&) = nullptr;
  std::optional<std::string> (*unavailable)() = always_available;
};

const std::vector<Row>& rows() {
  static const Parameters tcp = {"nodelay", "congestion_control", "tos", "busy_poll", "ip", "port"};
  static const Parameters udp = {"ping_timeout", "tos", "busy_poll", "ip", "port", "dont_fragment"};
  static const Parameters raw = {"ping_timeout", "tos", "ip"};
  static const std::vector<Row> rows = {
      {Transport::tcp, kStreams, tcp},
      {Transport::udp, kDatagrams, udp, validate_datagram},
      {Transport::unix_stream, kStreams, {}},
      {Transport::unix_datagram, kDatagrams, {"ping_timeout"}, validate_datagram},
      {Transport::raw, kRaw, raw, validate_raw, raw_unavailable},
      {Transport::icmp, kIcmp, raw, validate_raw, icmp_unavailable},
      {Transport::mptcp, kStreams, tcp, nullptr, mptcp_unavailable},
      {Transport::unix_seqpacket, kStreams, {}},
      {Transport::vsock, kStreams, {}, nullptr, vsock_unavailable},
  };
  return rows;
}

// Returns an error if the loop with several pings in flight, with pauses or with a mix of sizes is
// combined with another loop.
std::optional<std::string> validate_loop(const Options& o) {
  const bool pipelined = o.in_flight.value_or(1) > 1;
  const char* const other = o.frequency_hz ? "frequency" : o.timestamps ? "timestamps" : nullptr;
  if (o.size_mix && o.message_size) return "size_mix: replaces message_size; set only one of them";
  if (o.size_mix && other) return std::string("size_mix: cannot be combined with ") + other;
  if (o.size_mix && pipelined) return "size_mix: cannot be combined with in_flight above 1";
  if (pipelined && other) return std::string("in_flight: cannot be combined with ") + other;
  if (!o.think_time) return std::nullopt;
  if (other) return std::string("think_time: cannot be combined with ") + other;
  if (pipelined) return "think_time: cannot be combined with in_flight above 1";
  return std::nullopt;
}

// Returns an error if options contradict each other. These rules hold for every latency engine.
std::optional<std::string> validate_latency(const Options& o) {
  if (o.arrivals && !o.frequency_hz) return "arrivals: requires frequency";
  if (o.frequency_hz && o.message_size.value_or(64) < kMinDatagram)
    return "frequency: requires a message_size of at least 16 bytes (sequence number and time)";
  if (o.frequency_hz && o.response_size.value_or(64) < kMinDatagram)
    return "frequency: requires a response_size of at least 16 bytes (sequence number and time)";
  if (o.frequency_hz && o.timestamps) return "timestamps: cannot be combined with frequency";
  if (o.timestamps && o.verify.value_or(false))
    return "verify: cannot be combined with timestamps, because pongs carry the server's stamps";
  if (auto error = validate_loop(o)) return error;
  if (auto error = validate_threads(o)) return error;
  if (o.frequency_hz && o.threads.value_or(1) > 1)
    return "frequency: requires threads: 1, because one thread keeps the schedule; use streams "
           "instead of threads";
  return std::nullopt;
}

Parameters parameters_of(const LatencyFamily& family, const Row& row) {
  Parameters all = latency_parameters({});
  const auto add = [&](const Parameters& more) { all.insert(all.end(), more.begin(), more.end()); };
  add(row.parameters);
  add(family.parameters);
  if (is_stream(row.transport) || row.transport == Transport::udp) add(family.flow_parameters);
  if (row.transport_ops.listen) all.push_back("response_size");  // the kernel echoes over ICMP
  if (row.transport == Transport::tcp || row.transport == Transport::udp)
    add(family.inet_parameters);
  return all;
}

Engine make_row(const LatencyFamily& family, const Row& row) {
  const PingPongOps ops =
      row.transport_ops.is_stream()
          ? PingPongOps{family.ping_stream, family.pong_stream, row.transport_ops}
          : PingPongOps{family.ping_datagrams, family.pong_datagrams, row.transport_ops};
  Engine engine = {
      .name = family.name,
      .summary = family.summary,
      .kind = Kind::latency,
      .transport = row.transport,
      .parameters = parameters_of(family, row),
      .unavailable =
          [&row, unavailable = family.unavailable] {
            const auto why = unavailable();
            return why ? why : row.unavailable();
          },
      .connect = [ops](const EndpointConfig& s) { return connect_pingpong(ops, s); },
      .validate = [&row, family_validate =
                             family.validate](const Options& o) -> std::optional<std::string> {
        for (const auto validate :
             {row.validate, family_validate, validate_latency, validate_send_buffer})
          if (validate)
            if (auto error = validate(o)) return error;
        return std::nullopt;
      },
      .serves_external = true,
  };
  if (row.transport_ops.listen)
    engine.listen = [ops](const EndpointConfig& s) { return listen_pingpong(ops, s); };
  return engine;
}

}  // namespace

std::vector<std::string_view> latency_parameters(std::initializer_list<std::string_view> more) {
  Parameters all = {"message_size", "duration",       "warmup",     "messages",
                    "send_buffer",  "receive_buffer", "pin.client", "pin.server",
                    "cpu_wakeful",  "verify",         "samples"};
  all.insert(all.end(), more);
  return all;
}

std::vector<Engine> make_latency_engines(const LatencyFamily& family) {
  std::vector<Engine> engines;
  for (const Row& row : rows()) engines.push_back(make_row(family, row));
  return engines;
}

}  // namespace pingperf
