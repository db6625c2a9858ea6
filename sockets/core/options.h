// Options: every parameter of one trial, and the one table that describes them.
//
// The YAML reader, the built-in defaults, the JSON Schema, the agent's protocol, the columns of
// trials.csv and docs/parameters.md read the table.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sockets/core/clock.h"

namespace pingperf {

// The kind of a workload: the figures that it measures.
enum class Kind { throughput, latency, connect };

// The protocol that carries the bytes.
enum class Transport {
  tcp,
  udp,
  unix_stream,
  unix_datagram,
  raw,
  icmp,
  mptcp,
  unix_seqpacket,
  vsock,
  multicast,  // UDP from one sender to a group of receivers
  ethernet,   // frames of an EtherType of our own
};

// Returns true if connections carry the bytes, in order; the other transports carry datagrams.
constexpr bool is_stream(Transport t) {
  return t == Transport::tcp || t == Transport::unix_stream || t == Transport::mptcp ||
         t == Transport::unix_seqpacket || t == Transport::vsock;
}

// Returns true if addresses of the transport are those of unix sockets.
constexpr bool is_unix(Transport t) {
  return t == Transport::unix_stream || t == Transport::unix_datagram ||
         t == Transport::unix_seqpacket;
}

// Returns true if addresses of the transport have a port.
constexpr bool has_port(Transport t) {
  return t == Transport::tcp || t == Transport::udp || t == Transport::mptcp;
}

// Return the name as in YAML: "throughput", "unix-datagram".
std::string_view name(Kind kind);
std::string_view name(Transport transport);
// Return nullopt if no kind or transport has the name.
std::optional<Kind> kind_from(std::string_view name);
std::optional<Transport> transport_from(std::string_view name);
// Return all names, in the order of the enumerators.
std::span<const std::string_view> kind_names();
std::span<const std::string_view> transport_names();

// All parameters of one trial. An empty parameter does not apply, or the kernel decides.
struct Options {
  Kind kind = Kind::throughput;
  Transport transport = Transport::tcp;
  std::string engine;

  std::optional<std::uint64_t> message_size;  // bytes per send, or per ping
  std::optional<std::uint64_t> streams;
  std::optional<std::uint64_t> threads;
  std::optional<Nanoseconds> duration;  // the measured time, after the warmup
  std::optional<Nanoseconds> warmup;
  std::optional<std::uint64_t> bytes;     // ends the trial, instead of `duration`
  std::optional<std::uint64_t> messages;  // ends the trial, instead of `duration`
  std::optional<std::uint64_t> rate_bps;
  std::optional<double> frequency_hz;
  std::optional<bool> reverse;
  std::optional<bool> bidirectional;
  std::optional<std::string> congestion_control;
  std::optional<bool> nodelay;
  std::optional<std::uint64_t> send_buffer;
  std::optional<std::uint64_t> receive_buffer;
  std::optional<std::uint64_t> mss;
  std::optional<std::uint64_t> tos;
  std::optional<bool> zero_copy;
  std::optional<bool> gso;
  std::optional<bool> gro;
  std::optional<std::uint64_t> batch;
  std::optional<std::string> receive;
  std::optional<Nanoseconds> busy_poll;
  std::optional<bool> cpu_wakeful;
  std::optional<std::string> client_cpu;  // a set of CPUs (cpu_set.h)
  std::optional<std::string> server_cpu;
  std::optional<std::string> timestamps;
  std::optional<std::uint64_t> ip;  // 4 or 6
  std::optional<std::uint64_t> port;
  std::optional<std::string> arrivals;
  std::optional<Nanoseconds> ping_timeout;
  std::optional<Nanoseconds> spin_time;
  std::optional<bool> sqpoll;
  std::optional<std::uint64_t> queue_depth;
  std::optional<bool> verify;
  std::optional<std::string> samples;
  std::optional<std::uint64_t> burst;  // messages that a paced sender sends at once
  std::optional<Nanoseconds> pacing_timer;
  std::optional<std::uint64_t> fq_rate_bps;
  std::optional<std::uint64_t> flow_label;
  std::optional<std::string> bind_device;
  std::optional<bool> dont_fragment;
  std::optional<bool> repeating_payload;
  std::optional<std::uint64_t> receive_low_watermark;
  std::optional<std::string> iperf3_options;   // arguments, separated by blanks
  std::optional<std::string> libiperf;         // absolute path of a file or folder
  std::optional<std::uint64_t> response_size;  // bytes of a pong; empty: as message_size
  std::optional<std::uint64_t> in_flight;      // pings on a flow, in a closed loop
  std::optional<Nanoseconds> think_time;       // from a pong to the next ping of the flow
  std::optional<bool> reset_on_close;
  std::optional<std::string> size_mix;  // "64:7 570:4 1518:1": sizes in bytes, and their weights
  std::optional<Nanoseconds> on_time;   // a sender sends for on_time, and pauses for off_time
  std::optional<Nanoseconds> off_time;
  std::optional<Nanoseconds> frame_every;
  std::optional<std::uint64_t> frame_bytes;
  std::optional<Nanoseconds> frame_deadline;
  std::optional<std::string> tls_cipher;
  std::optional<bool> tls_resumption;
  std::optional<bool> ktls;
  std::optional<std::string> client_interface;
  std::optional<std::string> server_interface;
  std::optional<bool> mapped_ring;
  std::optional<bool> qdisc_bypass;
  std::optional<bool> need_wakeup;
  std::optional<std::string> wait;
  std::optional<std::string> multicast_group;
  std::optional<std::uint64_t> receivers;
  std::optional<std::uint64_t> notsent_low_watermark;
};

// Returns true if the trial ends after a number of bytes or messages instead of after a time.
inline bool is_limited(const Options& o) {
  return o.bytes || o.messages;
}

// Defaults that the engines' loops use too if an option is not set.
inline constexpr Nanoseconds kPingTimeout = 200 * kMillisecond;
inline constexpr Nanoseconds kSpinTime = 50 * kMicrosecond;
// The default message_size of UDP. With the headers of IPv6 and UDP it has 1280 bytes, the smallest
// MTU of IPv6 (RFC 8200), so it fits the paths through tunnels, too.
inline constexpr std::uint64_t kDatagramSize = 1232;
inline constexpr Nanoseconds kPacingTimer = kMillisecond;  // the default of iperf3

// How a parameter is written in YAML, which is also the unit of its column.
enum class Unit { count, size, duration, rate, frequency, flag, text };

// A built-in default: the value of a parameter that the experiment does not set.
struct Default {
  std::variant<std::uint64_t, Nanoseconds, bool, std::string_view> value;
  bool (*applies)(const Options&) = nullptr;  // null: always
  std::string_view condition = {};            // `applies` in words, for the documentation
};

// One parameter: its names, unit, range, default and meaning.
struct Parameter {
  using Field =
      std::variant<std::optional<std::uint64_t> Options::*, std::optional<Nanoseconds> Options::*,
                   std::optional<double> Options::*, std::optional<bool> Options::*,
                   std::optional<std::string> Options::*>;

  std::string_view name;    // in YAML and in the agent's protocol; "pin.client" is client of pin
  std::string_view column;  // in trials.csv
  Unit unit = Unit::count;
  Field field;
  std::string_view doc;
  double minimum = 0;  // of a number, in the column's base unit (bytes, ns, bit/s, Hz)
  double maximum = std::numeric_limits<double>::infinity();
  std::vector<std::string_view> choices = {};  // of a text; empty: anything
  std::vector<Default> defaults = {};  // the first that applies; none: the kernel decides, or off
  int generation = 0;  // of its column: columns of later generations follow all earlier ones
};

// Returns all parameters in the order of their columns.
std::span<const Parameter> parameters();

// Returns the parameter with the YAML name, or null.
const Parameter* find_parameter(std::string_view name);

// Returns true if `options` has a value for `parameter`.
bool is_set(const Options& options, const Parameter& parameter);

// Sets `parameter` to its first default that applies to `options`, if there is one.
void set_default(Options& options, const Parameter& parameter);

}  // namespace pingperf
