#include "sockets/core/options.h"

#include <algorithm>
#include <array>

namespace pingperf {
namespace {

constexpr std::array<std::string_view, 3> kKinds = {"throughput", "latency", "connect"};
constexpr std::array<std::string_view, 7> kTransports = {"tcp", "udp",  "unix", "unix-datagram",
                                                         "raw", "icmp", "mptcp"};

template <typename Enum, std::size_t N>
std::optional<Enum> from(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

std::vector<Parameter> make_parameters() {
  using O = Options;
  using enum Unit;
  constexpr double kMaxLength = 36000e9, kGiB = 1 << 30;
  return {
      {"message_size", "message_size_bytes", size, &O::message_size,
       "bytes per send; of a latency workload, bytes per ping and per pong", 1, kGiB},
      {"streams", "streams", count, &O::streams, "parallel flows", 1, 10000},
      {"threads", "threads", count, &O::threads, "threads at each end", 1, 1024},
      {"duration", "duration_s", duration, &O::duration, "measured time, after the warmup", 1e6,
       kMaxLength},
      {"warmup", "warmup_s", duration, &O::warmup,
       "time at the start that is left out of every figure, at both ends", 0, kMaxLength},
      {"bytes",
       "bytes_limit",
       size,
       &O::bytes,
       "ends after so many bytes (per trial), instead of after duration",
       1,
       1e18,
       {},
       1},
      {"messages",
       "messages_limit",
       count,
       &O::messages,
       "ends after so many messages (per trial), instead of after duration",
       1,
       1e15,
       {},
       1},
      {"rate", "rate_bps", rate, &O::rate_bps, "offered rate of all streams together", 1000, 1e13},
      {"frequency", "frequency_hz", frequency, &O::frequency_hz,
       "pings a second on an intended schedule (open loop)", 1e-3, 1e8},
      {"reverse", "reverse", flag, &O::reverse, "the server sends, the client receives"},
      {"bidirectional", "bidirectional", flag, &O::bidirectional, "both ends send and receive"},
      {"congestion_control", "congestion_control", text, &O::congestion_control,
       "TCP congestion control, as in /proc/sys/net/ipv4/tcp_available_congestion_control"},
      {"nodelay", "nodelay", flag, &O::nodelay, "TCP_NODELAY: no Nagle algorithm (tcp(7))"},
      {"send_buffer", "send_buffer_bytes", size, &O::send_buffer,
       "SO_SNDBUF asked for (socket(7)); empty: the kernel's autotuning", 1, kGiB},
      {"receive_buffer", "receive_buffer_bytes", size, &O::receive_buffer,
       "SO_RCVBUF asked for (socket(7)); empty: the kernel's autotuning", 1, kGiB},
      {"mss", "mss_bytes", size, &O::mss, "TCP_MAXSEG: maximum segment size (tcp(7))", 88, 32767},
      {"tos", "tos", count, &O::tos, "IP type-of-service byte; dscp: N sets it to N times 4", 0,
       255},
      {"zero_copy", "zero_copy", flag, &O::zero_copy,
       "send without copying from user space (iperf3: sendfile)"},
      {"gso", "gso", flag, &O::gso, "UDP_SEGMENT: many datagrams per send (udp(7))"},
      {"gro", "gro", flag, &O::gro, "UDP_GRO: receive coalesced datagrams (udp(7))"},
      {"batch", "batch", count, &O::batch, "datagrams per sendmmsg/recvmmsg", 1, 1024},
      {"receive",
       "receive",
       text,
       &O::receive,
       "copy: into user space; discard: dropped in the kernel (MSG_TRUNC); splice: to /dev/null",
       0,
       0,
       {"copy", "discard", "splice"}},
      {"busy_poll", "busy_poll_us", duration, &O::busy_poll, "SO_BUSY_POLL (socket(7))", 0, 1e9},
      {"cpu_wakeful", "cpu_wakeful", flag, &O::cpu_wakeful,
       "hold /dev/cpu_dma_latency at 0, so that idle CPUs wake at once"},
      {"pin.client", "client_cpu", count, &O::client_cpu, "CPU that the client runs on", 0, 4095},
      {"pin.server", "server_cpu", count, &O::server_cpu, "CPU that the server runs on", 0, 4095},
      {"timestamps",
       "timestamps",
       text,
       &O::timestamps,
       "kernel: SO_TIMESTAMPING stamps of every ping at both ends",
       0,
       0,
       {"kernel"}},
      {"ip", "ip", count, &O::ip, "IP version, 4 or 6", 4, 6},
      {"port", "port", count, &O::port, "the server's port; empty: one that is free", 1, 65535},
      {"arrivals",
       "arrivals",
       text,
       &O::arrivals,
       "of a frequency: uniform, or poisson (exponential gaps, the same in every trial)",
       0,
       0,
       {"uniform", "poisson"},
       2},
      {"ping_timeout",
       "ping_timeout_s",
       duration,
       &O::ping_timeout,
       "a datagram's pong that takes longer is lost; 200 ms unless set",
       1e5,
       60e9,
       {},
       2},
      {"spin_time",
       "spin_time_us",
       duration,
       &O::spin_time,
       "how long hybrid asks again and again before it sleeps; 50 µs unless set",
       0,
       1e9,
       {},
       2},
      {"sqpoll",
       "sqpoll",
       flag,
       &O::sqpoll,
       "IORING_SETUP_SQPOLL: a kernel thread submits (io_uring_setup(2))",
       0,
       0,
       {},
       2},
      {"queue_depth",
       "queue_depth",
       count,
       &O::queue_depth,
       "sends of a stream under way at once; 4 unless set",
       1,
       1024,
       {},
       2},
      {"verify",
       "verify",
       flag,
       &O::verify,
       "both ends compare every payload with what it must be",
       0,
       0,
       {},
       2},
      {"samples",
       "samples",
       text,
       &O::samples,
       "all: every round trip, in the order of sending, in samples/*.npy",
       0,
       0,
       {"all"},
       2},
      {"burst",
       "burst",
       count,
       &O::burst,
       "messages that a paced sender may send before it looks at its rate again (iperf3 -b RATE/N)",
       1,
       1000,
       {},
       3},
      {"pacing_timer",
       "pacing_timer_us",
       duration,
       &O::pacing_timer,
       "how often a paced sender looks at its rate again, to send all that is due at once (iperf3 "
       "--pacing-timer); 0s: every message at its own time",
       0,
       1e9,
       {},
       3},
      {"fq_rate",
       "fq_rate_bps",
       rate,
       &O::fq_rate_bps,
       "SO_MAX_PACING_RATE of each stream (socket(7)): the kernel paces; over UDP only with the fq "
       "queueing discipline",
       1000,
       34e9,
       {},
       3},
      {"flow_label",
       "flow_label",
       count,
       &O::flow_label,
       "IPv6 flow label of what the client sends (RFC 6437)",
       1,
       0xfffff,
       {},
       3},
      {"bind_device",
       "bind_device",
       text,
       &O::bind_device,
       "network interface that the client's sockets are bound to (SO_BINDTODEVICE, socket(7))",
       0,
       0,
       {},
       3},
      {"dont_fragment",
       "dont_fragment",
       flag,
       &O::dont_fragment,
       "the client's datagrams are not fragmented: one that is longer than the path takes is an "
       "error (IP_MTU_DISCOVER, ip(7))",
       0,
       0,
       {},
       3},
      {"repeating_payload",
       "repeating_payload",
       flag,
       &O::repeating_payload,
       "a payload that repeats, instead of random bytes, for links that compress",
       0,
       0,
       {},
       3},
      {"iperf3_options",
       "iperf3_options",
       text,
       &O::iperf3_options,
       "words for the command line of libiperf's client: a list of them, or a text with blanks "
       "between",
       0,
       0,
       {},
       3},
  };
}

}  // namespace

std::string_view name(Kind kind) {
  return kKinds[static_cast<std::size_t>(kind)];
}
std::string_view name(Transport t) {
  return kTransports[static_cast<std::size_t>(t)];
}
std::optional<Kind> kind_from(std::string_view name) {
  return from<Kind>(kKinds, name);
}
std::optional<Transport> transport_from(std::string_view name) {
  return from<Transport>(kTransports, name);
}
std::span<const std::string_view> kind_names() {
  return kKinds;
}
std::span<const std::string_view> transport_names() {
  return kTransports;
}

std::span<const Parameter> parameters() {
  static const std::vector<Parameter> table = make_parameters();
  return table;
}

const Parameter* find_parameter(std::string_view name) {
  for (const Parameter& parameter : parameters())
    if (parameter.name == name) return &parameter;
  return nullptr;
}

bool is_set(const Options& options, const Parameter& parameter) {
  return std::visit([&](auto field) { return (options.*field).has_value(); }, parameter.field);
}

}  // namespace pingperf
