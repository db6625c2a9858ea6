#include "sockets/core/options.h"

#include <algorithm>
#include <array>
#include <type_traits>

#include "sockets/core/cpu_set.h"

namespace pingperf {
namespace {

constexpr std::array<std::string_view, 3> kKinds = {"throughput", "latency", "connect"};
constexpr std::array<std::string_view, 11> kTransports = {
    "tcp",   "udp",       "unix",    "unix-datagram", "raw", "icmp", "mptcp", "unix-seqpacket",
    "vsock", "multicast", "ethernet"};

template <typename Enum, std::size_t N>
std::optional<Enum> from(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

// The conditions of the defaults.
bool measures_pings(const Options& o) {
  return o.kind != Kind::throughput;
}
bool is_udp(const Options& o) {
  return o.transport == Transport::udp || o.transport == Transport::multicast;
}
bool has_no_limit(const Options& o) {
  return !is_limited(o);
}
bool has_frames(const Options& o) {
  return o.frame_every.has_value();
}
bool has_rate(const Options& o) {
  return o.rate_bps.has_value();
}
bool has_frequency(const Options& o) {
  return o.frequency_hz.has_value();
}

// clang-format would put each field on its own line.
// clang-format off
std::vector<Parameter> make_parameters() {
  using O = Options;
  using enum Unit;
  using namespace std::string_view_literals;
  constexpr double kMaxLength = 36000e9, kGiB = 1 << 30;
  return {
      {.name = "message_size", .column = "message_size_bytes", .unit = size,
       .field = &O::message_size,
       .doc = "bytes per send call; for kinds latency and connect, bytes per ping",
       .minimum = 1, .maximum = kGiB,
       .defaults = {{64ul, measures_pings, "kinds latency and connect"},
                     {kDatagramSize, is_udp, "throughput over udp or multicast"},
                     {128ul * 1024}}},
      {.name = "streams", .column = "streams", .unit = count, .field = &O::streams,
       .doc = "parallel flows", .minimum = 1, .maximum = 10000, .defaults = {{1ul}}},
      {.name = "threads", .column = "threads", .unit = count, .field = &O::threads,
       .doc = "threads per end; the streams are divided among them", .minimum = 1, .maximum = 1024,
       .defaults = {{1ul}}},
      {.name = "duration", .column = "duration_s", .unit = duration, .field = &O::duration,
       .doc = "measured time, after the warmup", .minimum = 1e6, .maximum = kMaxLength,
       .defaults = {{kSecond, has_no_limit, "if neither bytes nor messages is set"}}},
      {.name = "warmup", .column = "warmup_s", .unit = duration, .field = &O::warmup,
       .doc = "time at the start of a trial that no figure counts, at both ends",
       .maximum = kMaxLength,
       .defaults = {{Nanoseconds{0}, is_limited, "with bytes or messages"}, {200 * kMillisecond}}},
      {.name = "bytes", .column = "bytes_limit", .unit = size, .field = &O::bytes,
       .doc = "the trial ends after so many bytes instead of after duration", .minimum = 1,
       .maximum = 1e18, .generation = 1},
      {.name = "messages", .column = "messages_limit", .unit = count, .field = &O::messages,
       .doc = "the trial ends after so many messages or pings instead of after duration",
       .minimum = 1, .maximum = 1e15, .generation = 1},
      {.name = "rate", .column = "rate_bps", .unit = rate, .field = &O::rate_bps,
       .doc = "offered rate of all streams together", .minimum = 1000, .maximum = 1e13},
      {.name = "frequency", .column = "frequency_hz", .unit = frequency, .field = &O::frequency_hz,
       .doc = "pings per second on an intended schedule (open loop), all streams together",
       .minimum = 1e-3, .maximum = 1e8},
      {.name = "reverse", .column = "reverse", .unit = flag, .field = &O::reverse,
       .doc = "the server sends and the client receives", .defaults = {{false}}},
      {.name = "bidirectional", .column = "bidirectional", .unit = flag,
       .field = &O::bidirectional,
       .doc = "both ends send and receive at the same time", .defaults = {{false}}},
      {.name = "congestion_control", .column = "congestion_control", .unit = text,
       .field = &O::congestion_control,
       .doc = "TCP congestion control, a name from "
              "/proc/sys/net/ipv4/tcp_available_congestion_control"},
      {.name = "nodelay", .column = "nodelay", .unit = flag, .field = &O::nodelay,
       .doc = "TCP_NODELAY (tcp(7)): no Nagle algorithm",
       .defaults = {{true, measures_pings, "kinds latency and connect"},
                     {true, has_frames, "with frame"},
                     {false}}},
      {.name = "send_buffer", .column = "send_buffer_bytes", .unit = size,
       .field = &O::send_buffer,
       .doc = "SO_SNDBUF that is requested (socket(7))", .minimum = 1, .maximum = kGiB},
      {.name = "receive_buffer", .column = "receive_buffer_bytes", .unit = size,
       .field = &O::receive_buffer,
       .doc = "SO_RCVBUF that is requested (socket(7))", .minimum = 1, .maximum = kGiB},
      {.name = "mss", .column = "mss_bytes", .unit = size, .field = &O::mss,
       .doc = "TCP_MAXSEG (tcp(7)): maximum segment size", .minimum = 88, .maximum = 32767},
      {.name = "tos", .column = "tos", .unit = count, .field = &O::tos,
       .doc = "IP type-of-service byte (IPv6: traffic class); dscp: N sets it to N times 4",
       .maximum = 255},
      {.name = "zero_copy", .column = "zero_copy", .unit = flag, .field = &O::zero_copy,
       .doc = "sends without a copy from user space", .defaults = {{false}}},
      {.name = "gso", .column = "gso", .unit = flag, .field = &O::gso,
       .doc = "UDP_SEGMENT (udp(7)): hands the kernel up to 64 datagrams as one send",
       .defaults = {{false}}},
      {.name = "gro", .column = "gro", .unit = flag, .field = &O::gro,
       .doc = "UDP_GRO (udp(7)): receives coalesced datagrams", .defaults = {{false}}},
      {.name = "batch", .column = "batch", .unit = count, .field = &O::batch,
       .doc = "datagrams per sendmmsg or recvmmsg call", .minimum = 1, .maximum = 1024},
      {.name = "receive", .column = "receive", .unit = text, .field = &O::receive,
       .doc = "copy: into user space; discard: the kernel drops the data (MSG_TRUNC); splice: to "
              "/dev/null; map: the kernel maps the pages of the data (TCP_ZEROCOPY_RECEIVE)",
       .choices = {"copy", "discard", "splice", "map"}, .defaults = {{"copy"sv}}},
      {.name = "busy_poll", .column = "busy_poll_us", .unit = duration, .field = &O::busy_poll,
       .doc = "SO_BUSY_POLL (socket(7)): how long the kernel polls the network device before it "
              "sleeps",
       .maximum = 1e9},
      {.name = "cpu_wakeful", .column = "cpu_wakeful", .unit = flag, .field = &O::cpu_wakeful,
       .doc = "holds /dev/cpu_dma_latency at 0, so that idle CPUs do not enter sleep states",
       .defaults = {{false}}},
      {.name = "pin.client", .column = "client_cpu", .unit = text, .field = &O::client_cpu,
       .doc = "CPUs that the client runs on: `0`, `0-3`, `0,2` or `node0`"},
      {.name = "pin.server", .column = "server_cpu", .unit = text, .field = &O::server_cpu,
       .doc = "CPUs that the server runs on: `0`, `0-3`, `0,2` or `node0`"},
      {.name = "timestamps", .column = "timestamps", .unit = text, .field = &O::timestamps,
       .doc = "kernel: SO_TIMESTAMPING software stamps of every ping and pong at both ends",
       .choices = {"kernel"}},
      {.name = "ip", .column = "ip", .unit = count, .field = &O::ip,
       .doc = "IP version, 4 or 6", .minimum = 4, .maximum = 6, .defaults = {{4ul}}},
      {.name = "port", .column = "port", .unit = count, .field = &O::port,
       .doc = "the server's port; empty: a free one", .minimum = 1, .maximum = 65535},
      {.name = "arrivals", .column = "arrivals", .unit = text, .field = &O::arrivals,
       .doc = "uniform: pings are evenly spaced; poisson: exponential gaps, the same in every "
              "trial",
       .choices = {"uniform", "poisson"},
       .defaults = {{"uniform"sv, has_frequency, "if frequency is set"}}, .generation = 2},
      {.name = "ping_timeout", .column = "ping_timeout_s", .unit = duration,
       .field = &O::ping_timeout,
       .doc = "a ping over a datagram transport whose pong takes longer is lost", .minimum = 1e5,
       .maximum = 60e9, .defaults = {{kPingTimeout}}, .generation = 2},
      {.name = "spin_time", .column = "spin_time_us", .unit = duration, .field = &O::spin_time,
       .doc = "how long engine hybrid polls before it sleeps", .maximum = 1e9,
       .defaults = {{kSpinTime}}, .generation = 2},
      {.name = "sqpoll", .column = "sqpoll", .unit = flag, .field = &O::sqpoll,
       .doc = "IORING_SETUP_SQPOLL (io_uring_setup(2)): a kernel thread submits the requests",
       .defaults = {{false}}, .generation = 2},
      {.name = "queue_depth", .column = "queue_depth", .unit = count, .field = &O::queue_depth,
       .doc = "sends of a stream that are in progress at once", .minimum = 1, .maximum = 1024,
       .defaults = {{32ul, is_udp, "over udp"}, {4ul}}, .generation = 2},
      {.name = "verify", .column = "verify", .unit = flag, .field = &O::verify,
       .doc = "both ends compare every payload with the expected bytes", .defaults = {{false}},
       .generation = 2},
      {.name = "samples", .column = "samples", .unit = text, .field = &O::samples,
       .doc = "all: writes every round trip, in the order of sending, to samples/*.npy",
       .choices = {"all"}, .generation = 2},
      {.name = "burst", .column = "burst", .unit = count, .field = &O::burst,
       .doc = "messages that a paced sender may send before it checks its rate again (iperf3 -b "
              "RATE/N)",
       .minimum = 1, .maximum = 1000, .generation = 3},
      {.name = "pacing_timer", .column = "pacing_timer_us", .unit = duration,
       .field = &O::pacing_timer,
       .doc = "interval at which a paced sender checks its rate and sends what is due (iperf3 "
              "--pacing-timer)",
       .maximum = 1e9, .defaults = {{kPacingTimer, has_rate, "if rate is set"}}, .generation = 3},
      {.name = "fq_rate", .column = "fq_rate_bps", .unit = rate, .field = &O::fq_rate_bps,
       .doc = "SO_MAX_PACING_RATE of each stream (socket(7)): the kernel paces", .minimum = 1000,
       .maximum = 34e9, .generation = 3},
      {.name = "flow_label", .column = "flow_label", .unit = count, .field = &O::flow_label,
       .doc = "IPv6 flow label of the client's packets (RFC 6437)", .minimum = 1,
       .maximum = 0xfffff, .generation = 3},
      {.name = "bind_device", .column = "bind_device", .unit = text, .field = &O::bind_device,
       .doc = "network interface that the client's sockets are bound to (SO_BINDTODEVICE, "
              "socket(7))",
       .generation = 3},
      {.name = "dont_fragment", .column = "dont_fragment", .unit = flag,
       .field = &O::dont_fragment,
       .doc = "datagrams are not fragmented (IP_MTU_DISCOVER, ip(7)); iperf3: those of the client",
       .defaults = {{false}}, .generation = 3},
      {.name = "repeating_payload", .column = "repeating_payload", .unit = flag,
       .field = &O::repeating_payload,
       .doc = "a payload that repeats, instead of random bytes, for links that compress",
       .defaults = {{false}}, .generation = 3},
      {.name = "iperf3_options", .column = "iperf3_options", .unit = text,
       .field = &O::iperf3_options,
       .doc = "more arguments for libiperf's client: a list, or a text with blanks between",
       .generation = 3},
      {.name = "receive_low_watermark", .column = "receive_low_watermark_bytes", .unit = size,
       .field = &O::receive_low_watermark,
       .doc = "SO_RCVLOWAT (socket(7)) of receiving ends: a receiver sleeps until so many bytes have "
              "arrived; 1B: any; default: 512KiB for a stream that is faster than 4 Gbit/s in the "
              "warmup, not paced, and not pinned to one CPU at both ends",
       .minimum = 1, .maximum = kGiB, .generation = 5},
      {.name = "libiperf", .column = "libiperf", .unit = text, .field = &O::libiperf,
       .doc = "the libiperf that the trial's workers load: a file, or the folder of libiperf.so.0",
       .generation = 5},
      {.name = "response_size", .column = "response_size_bytes", .unit = size,
       .field = &O::response_size,
       .doc = "bytes per pong, if they differ from those of a ping (netperf -r)", .minimum = 1,
       .maximum = kGiB, .generation = 8},
      {.name = "in_flight", .column = "in_flight", .unit = count, .field = &O::in_flight,
       .doc = "pings in flight at once on a flow, in a closed loop (netperf's burst)",
       .minimum = 1, .maximum = 1024,
       .defaults = {{1ul, measures_pings, "kinds latency and connect"}}, .generation = 8},
      {.name = "think_time", .column = "think_time_us", .unit = duration, .field = &O::think_time,
       .doc = "pause of a flow between a pong and its next ping", .maximum = 60e9,
       .generation = 8},
      {.name = "reset_on_close", .column = "reset_on_close", .unit = flag,
       .field = &O::reset_on_close,
       .doc = "closes connections with a reset (SO_LINGER 0, socket(7)), which leaves no TIME_WAIT",
       .defaults = {{false}}, .generation = 8},
      {.name = "size_mix", .column = "size_mix", .unit = text, .field = &O::size_mix,
       .doc = "sizes of messages and their weights, such as {64: 7, 570: 4, 1518: 1}; the order is "
              "the same in every trial",
       .generation = 8},
      {.name = "on_off.on", .column = "on_time_us", .unit = duration, .field = &O::on_time,
       .doc = "how long a sender sends before it pauses", .minimum = 1e3, .maximum = 60e9,
       .generation = 8},
      {.name = "on_off.off", .column = "off_time_us", .unit = duration, .field = &O::off_time,
       .doc = "how long a sender pauses after on_off.on", .minimum = 1e3, .maximum = 60e9,
       .generation = 8},
      {.name = "frame.every", .column = "frame_every_us", .unit = duration,
       .field = &O::frame_every,
       .doc = "isochronous traffic: the interval at which a frame is due", .minimum = 1e5,
       .maximum = 60e9, .generation = 8},
      {.name = "frame.bytes", .column = "frame_bytes", .unit = size, .field = &O::frame_bytes,
       .doc = "bytes of a frame, sent in messages of message_size", .minimum = 1, .maximum = kGiB,
       .generation = 8},
      {.name = "frame.deadline", .column = "frame_deadline_us", .unit = duration,
       .field = &O::frame_deadline,
       .doc = "a frame that is not whole so long after it was due is late", .minimum = 1e3,
       .maximum = 60e9, .generation = 8},
      {.name = "tls_cipher", .column = "tls_cipher", .unit = text, .field = &O::tls_cipher,
       .doc = "cipher suite of TLS 1.3 (RFC 8446 §B.4); OpenSSL prefers the default",
       .choices = {"aes-128-gcm", "aes-256-gcm", "chacha20-poly1305"},
       .defaults = {{"aes-256-gcm"sv}}, .generation = 8},
      {.name = "tls_resumption", .column = "tls_resumption", .unit = flag,
       .field = &O::tls_resumption,
       .doc = "connections after the first resume its session (RFC 8446 §2.2)",
       .defaults = {{false}}, .generation = 8},
      {.name = "ktls", .column = "ktls", .unit = flag, .field = &O::ktls,
       .doc = "the kernel encrypts what an end sends (kTLS)", .defaults = {{false}},
       .generation = 8},
      {.name = "interface.client", .column = "client_interface", .unit = text,
       .field = &O::client_interface, .doc = "network interface of the client", .generation = 8},
      {.name = "interface.server", .column = "server_interface", .unit = text,
       .field = &O::server_interface, .doc = "network interface of the server", .generation = 8},
      {.name = "mapped_ring", .column = "mapped_ring", .unit = flag, .field = &O::mapped_ring,
       .doc = "the kernel shares rings of frames with the process (PACKET_MMAP, packet(7))",
       .defaults = {{false}},
       .generation = 8},
      {.name = "qdisc_bypass", .column = "qdisc_bypass", .unit = flag, .field = &O::qdisc_bypass,
       .doc = "PACKET_QDISC_BYPASS (packet(7)): frames go to the driver without a queue",
       .defaults = {{false}},
       .generation = 8},
      {.name = "need_wakeup", .column = "need_wakeup", .unit = flag, .field = &O::need_wakeup,
       .doc = "XDP_USE_NEED_WAKEUP: the process calls the kernel only if the driver asks for it",
       .defaults = {{true}},
       .generation = 8},
      {.name = "wait", .column = "wait", .unit = text, .field = &O::wait,
       .doc = "sleep: in the kernel until a frame arrives; spin: poll without a system call",
       .choices = {"sleep", "spin"}, .defaults = {{"sleep"sv}}, .generation = 8},
      {.name = "group", .column = "multicast_group", .unit = text, .field = &O::multicast_group,
       .doc = "IPv4 address of the multicast group", .defaults = {{"239.255.77.77"sv}},
       .generation = 8},
      {.name = "receivers", .column = "receivers", .unit = count, .field = &O::receivers,
       .doc = "receivers of a multicast group: sockets of the server", .minimum = 1,
       .maximum = 1000, .defaults = {{1ul}}, .generation = 8},
      {.name = "notsent_low_watermark", .column = "notsent_low_watermark_bytes", .unit = size,
       .field = &O::notsent_low_watermark,
       .doc = "TCP_NOTSENT_LOWAT of sending ends: a sender sleeps while more bytes wait in the socket "
              "without having been sent; bytes in flight do not count",
       .minimum = 1, .maximum = kGiB,
       .defaults = {{std::uint64_t{64 * 1024}, share_one_cpu, "both ends are pinned to one CPU"}},
       .generation = 9},
  };
}
// clang-format on

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

void set_default(Options& options, const Parameter& parameter) {
  const auto set = [&](auto field, const auto& value) {
    using Value = typename std::remove_reference_t<decltype(options.*field)>::value_type;
    using Given = std::decay_t<decltype(value)>;
    constexpr bool kIsText = std::is_same_v<Value, std::string>;
    if constexpr (std::is_same_v<Given, Value> ||
                  (kIsText && std::is_same_v<Given, std::string_view>))
      options.*field = Value(value);
  };
  for (const Default& entry : parameter.defaults)
    if (!entry.applies || entry.applies(options)) {
      std::visit(set, parameter.field, entry.value);
      return;
    }
}

}  // namespace pingperf
