#include "harness/report/parameter_notes.h"

namespace pingperf {
namespace {

struct Notes {
  std::string_view parameter;
  std::string_view facts;
  std::string_view constraints;
};

constexpr Notes kNotes[] = {
    {"message_size",
     "A TCP stream has no messages: there it is the size of each write and read. Engine tls sends "
     "a message in records of at most 16 KiB, each with a system call of its own (RFC 8446 §5.1). "
     "The default over udp fits every path of IPv6, whose MTU is at least 1280.",
     "Over udp and unix-datagram 16 (sequence number and time stamp) to 65507 B, also for iperf3 "
     "over udp. Over unix-datagram and unix-seqpacket it must fit into the send buffer. In a lab, "
     "datagrams with `gso` or `dont_fragment` must fit into its `mtu`. Over raw and icmp 24 "
     "(mark, sequence number, time stamp) to 65507 B. Over ethernet it is the whole frame: 60 B to "
     "the MTU and 14, for engine xdp at most 3840 B. With `frequency` at least 16 B. With "
     "`timestamps` at least 32 B. With `gso` at most 32753 B, since two datagrams must fit into "
     "one send. Engine epoll, latency with `streams` above 1: at most 64KiB, or a `response_size` "
     "of at most 64KiB."},
    {"streams",
     "A flow is a connection or a socket. blocking, spin, hybrid and splice use one thread per "
     "flow. For latency and connect, epoll and io_uring spread the flows over `threads`. For "
     "connect, a flow is one connection after the other. libiperf before "
     "3.16 serves all streams with one thread. N streams require about N file descriptors per end "
     "(`ulimit -n`).",
     "iperf3 at most 128. Latency by blocking, spin and hybrid at most 1024. Engine spin with "
     "several streams cannot be pinned to one CPU."},
    {"threads", "",
     "At most `streams`. With `frequency` only 1, because one thread keeps the schedule."},
    {"duration",
     "iperf3 counts whole seconds. Its trial runs for the whole seconds that cover warmup and "
     "duration, and the window is cut from its intervals of 0.1 s. Against an external `iperf3 "
     "-s`, warmup and duration are each rounded up to whole seconds.",
     "Only one of `duration`, `bytes` and `messages` can end a trial. A limit in the workload "
     "replaces any limit in `defaults`. iperf3 at least 100ms. Not allowed in `background`, which "
     "lasts as long as the measured workload."},
    {"warmup",
     "In a `background` the default is 1s. Against an external `iperf3 -s` it is rounded up to "
     "whole seconds, which iperf3 omits itself.",
     "iperf3 with `bytes` or `messages`: whole seconds only (0s, 1s, ...)."},
    {"bytes",
     "The bytes of all streams together. Counting starts at the end of the warmup. With iperf3 the "
     "receiver does not read the bytes that are in flight when the sender is done, so it reports "
     "slightly fewer than were sent.",
     "Cannot be combined with `duration` or `messages`. iperf3 over udp: cannot be combined with "
     "`reverse`, because its client waits for all bytes, and a lost datagram never comes."},
    {"messages",
     "Messages for kind throughput, pings for latency and connect. Counting starts at the end of "
     "the warmup.",
     "Cannot be combined with `duration` or `bytes`. iperf3: these are its blocks (`-k`), which "
     "the client sends, so it cannot be combined with `reverse` or `bidirectional`. A workload "
     "with `background` requires `duration`, so it cannot have `messages`."},
    {"rate",
     "iperf3's own `-b` is per stream; the harness divides by `streams`. Without `rate` there is "
     "no limit over udp either, where the iperf3 command would send at 1 Mbit/s; most of it may "
     "then be lost. Each message has a send time on a fixed schedule, so the mean rate holds to 1 "
     "% from 10 kbit/s up. A sender that is delayed catches up for at most 0.1 s.",
     "The engines except iperf3 require that at least one message of each stream is due within "
     "`duration`."},
    {"frequency", "Without it the loop is closed: the next ping leaves after the pong.",
     "Requires a `message_size` and a `response_size` of at least 16 B. Cannot be combined with "
     "`timestamps`, `in_flight`, `think_time`, or with `threads` above 1. With blocking, spin and "
     "hybrid it requires `streams: 1`."},
    {"reverse", "",
     "Cannot be combined with `bidirectional`. Not against an external `pingperf sink`, which only "
     "receives."},
    {"bidirectional", "",
     "Cannot be combined with `reverse`. Not against an external `pingperf sink`."},
    {"congestion_control",
     "The default is net.ipv4.tcp_congestion_control. A name outside "
     "net.ipv4.tcp_allowed_congestion_control requires CAP_NET_ADMIN. `sender_congestion_control` "
     "in trials.csv is the one that was used.",
     ""},
    {"send_buffer",
     "The default is the kernel's autotuning. Limited to net.core.wmem_max without CAP_NET_ADMIN. "
     "`sender_send_buffer_bytes` is the size that the socket had at the end.",
     "iperf3 has one buffer size (`-w`): set only one of `send_buffer` and `receive_buffer`, or "
     "both to the same value."},
    {"receive_buffer",
     "The default is the kernel's autotuning (TCP) or net.core.rmem_default (UDP). Limited to "
     "net.core.rmem_max without CAP_NET_ADMIN. `receiver_receive_buffer_bytes` is the size that "
     "the socket had at the end. Fast UDP requires some MiB: the default buffer overflows.",
     "For iperf3 as `send_buffer`."},
    {"mss", "`sender_mss_bytes` is the value at the end.", ""},
    {"tos", "`dscp: N` (0 to 63) is another spelling of `tos: N*4`.", ""},
    {"zero_copy",
     "blocking uses MSG_ZEROCOPY, io_uring a zero-copy send request, iperf3 `-Z` (sendfile). "
     "`zero_copied_ratio` is the share that the kernel did not copy. On loopback the kernel copies "
     "anyway, and the bookkeeping makes blocking and io_uring slower there. `copies` counts the "
     "copies that remain.",
     ""},
    {"gso", "",
     "Requires a `message_size` of at most 32753 B. iperf3 has one option for gso and gro (3.21 "
     "and "
     "later): both must have the same value."},
    {"batch", "By default, one datagram per system call.", ""},
    {"receive",
     "discard saves the receiver's copy; over udp only the first header of the datagrams that "
     "arrived together is copied. iperf3 has it from 3.19 on (`--skip-rx-copy`).",
     "Splice is for engine splice only, map for engine blocking over TCP. `verify` requires copy."},
    {"busy_poll",
     "The default is net.core.busy_read. Loopback has no device to poll. Raising it requires "
     "CAP_NET_ADMIN.",
     ""},
    {"cpu_wakeful", "Held during the trial. Requires root.", ""},
    {"pin.client",
     "Written `pin: {client: CPUS, server: CPUS}`; one end alone is allowed. CPUS is a CPU (`0`), "
     "a "
     "set (`0-3`, `\"0,2\"`) or a NUMA node (`node0`). By default the scheduler decides. Pins the "
     "whole process of that end. In a set, each thread of a socket engine has a CPU of its own: "
     "the "
     "client's from the first CPU on, the server's from the last on. `client_cpus` and "
     "`server_cpus` are the CPUs where the threads were seen. A trial is "
     "refused if pingperf may not use a CPU of the set, because of a cpuset or because it is "
     "offline.",
     "Engine spin cannot have both ends on one CPU, except over icmp, where the kernel answers."},
    {"pin.server", "As `pin.client`.", ""},
    {"interface.client",
     "Written `interface: {client: NAME, server: NAME}`. The two interfaces are on the same "
     "Ethernet; their hosts or namespaces can be the same.",
     "Required over ethernet. One interface cannot have both ends, except lo with engine packet."},
    {"interface.server", "As `interface.client`.", ""},
    {"mapped_ring", "The rings have slots of one frame (TPACKET_V2), 2 MiB per direction.", ""},
    {"wait", "spin uses a whole CPU at each end.",
     "Latency with `wait: spin` cannot have both ends on one CPU."},
    {"timestamps", "Off by default.",
     "Latency by blocking, spin and hybrid over tcp and udp. Cannot be combined with `frequency` "
     "or `verify`. Requires a `message_size` and a `response_size` of at least 32 B, because pongs "
     "carry the server's stamps."},
    {"ip", "", "A server whose `address` is IPv6 requires `ip: 6`. Labs have both."},
    {"port",
     "For an external server the host's `port` is used unless this is set; one of the two is "
     "required, except over icmp.",
     ""},
    {"arrivals", "poisson is how independent users send.", "Requires `frequency`."},
    {"ping_timeout",
     "The ping is counted as `lost`; the next ping is then sent. A pong that comes later counts as "
     "`late`, and as `out_of_order` if a newer pong came before it. In an open loop the time "
     "counts from the actual send of the ping that waits; see [latency.md](latency.md).",
     ""},
    {"queue_depth", "Throughput only.", ""},
    {"verify",
     "One wrong byte ends the trial with an error. For throughput the payload is a pattern made "
     "from the trial's token. It costs time: it is not for measuring.",
     "Cannot be combined with `timestamps`, because pongs carry stamps, or with a `receive` other "
     "than copy."},
    {"samples",
     "Off by default. The file samples/<case>-<repetition>.npy is a NumPy array of two int64 "
     "fields: `sent_ns` since the window opened, and `rtt_ns`, which is -1 if no pong came. At "
     "most two million per trial; the rest are counted in `samples_dropped`.",
     ""},
    {"reset_on_close",
     "The client closes first, so its host has the connections in TIME_WAIT, each of which keeps "
     "an "
     "ephemeral port busy for 60 s (over loopback 1 s: net.ipv4.tcp_tw_reuse). With it the client "
     "closes by a reset (RST): neither end has a TIME_WAIT, and the rate is not limited by ports. "
     "The client closes after it has received the whole pong, so the reset loses nothing. "
     "`close_p50_ns` and the rate then include a reset instead of the exchange of FINs. "
     "`time_waits` is the number of sockets in TIME_WAIT at the end.",
     ""},
    {"burst", "", "Requires `rate`."},
    {"pacing_timer",
     "`0s` sends every message at its own time, with one wake-up per message (not for iperf3).",
     "Requires `rate`. iperf3 at least 1us."},
    {"fq_rate",
     "Off by default. TCP paces itself; over udp it has an effect only with the fq queueing "
     "discipline.",
     ""},
    {"flow_label", "", "Requires `ip: 6`."},
    {"bind_device",
     "The control connection is bound to it too. A trial fails if the client's host has no such "
     "interface.",
     ""},
    {"dont_fragment",
     "A datagram longer than the path MTU is an error. Without it, such a datagram goes in "
     "fragments: `path_mtu_bytes` is the MTU, and `quality` has a warning.",
     "iperf3: IPv4 only, and not with `reverse`."},
    {"size_mix",
     "Written `size_mix: {64: 7, 570: 4, 1518: 1}`: of 12 messages, 7 have 64 bytes. The sizes are "
     "those of the payload: IMIX (RFC 6985) counts Ethernet frames, whose UDP payload is 46 bytes "
     "shorter over IPv4. Every cycle has exactly the weights, in a shuffled order that is the same "
     "in every trial. `rate` counts bytes, so the mean rate holds for every mix. For latency, a "
     "pong "
     "has the size of its ping or `response_size`, and the columns `size_mix_rtt_p50_ns` and "
     "`size_mix_rtt_p99_ns` have the round trips of each size.",
     "At most 16 sizes, weights from 1, and a sum of at most 10000. Cannot be combined with "
     "`message_size`, `gso` or `frame`; for latency also not with `frequency`, `timestamps` or "
     "`in_flight` above 1. Over udp the sizes are 16 to 65507 B."},
    {"on_off.on",
     "Written `on_off: {on: 10ms, off: 40ms}`. `rate` is the rate while the sender sends; the mean "
     "is lower (here a fifth). Without `rate` it sends as fast as it can. What TCP has buffered "
     "still leaves during the pause.",
     "Requires both keys. Cannot be combined with `frame`."},
    {"on_off.off", "As `on_off.on`.", ""},
    {"frame.every",
     "Written `frame: {every: 16ms, bytes: 60KiB, deadline: 10ms}`, as `iperf -u --isochronous`. A "
     "frame that could not be started before its deadline is dropped, because an earlier one "
     "blocked the sender.",
     "Requires `frame.bytes`. Cannot be combined with `rate`, `size_mix`, `on_off`, `bytes`, "
     "`messages`, `bidirectional`, `zero_copy`, `verify`, `receive: discard`, `batch`, `gso` or "
     "`gro`."},
    {"frame.bytes", "",
     "At least 8 B over streams. Every datagram of a frame has at least 24 B, also the last."},
    {"frame.deadline", "The default is `frame.every`.", ""},
    {"iperf3_options",
     "At most 1000 characters, e.g. `[--udp-counters-64bit, --cport, 5999]`. Each list item is one "
     "argument. `pingperf check` passes them to libiperf's own parser, so the accepted options "
     "depend on its version (`iperf3 --help` lists them).",
     "Refused: options that a parameter sets (`-P`: set streams, `-t`: set duration, ...), options "
     "of the server, options that the harness needs (`-J`, `-s`, `-i`, ...), authentication, SCTP, "
     "and `-F`, because an experiment neither sends nor overwrites a user's file. Abbreviations of "
     "refused options (`--rev`) are refused too."},
    {"group",
     "The time to live is 1, so both hosts must be in one network. The interface is that of the "
     "server's address, and at the client that of the route to it.",
     "An IPv4 multicast address."},
    {"receivers",
     "Each receiver has a socket and a thread at the server, and gets every datagram. Goodput and "
     "received bytes are the sum of all receivers.",
     ""},
    {"libiperf",
     "An absolute path on the hosts of both ends, e.g. `/opt/iperf-3.21/lib`. The default is the "
     "installed library. `pingperf check` does not load it.",
     "`--no-launch` refuses it, because a library is code. The static build has libiperf built "
     "in."},
    {"tls_cipher", "Both ends offer only this cipher suite. The keys are exchanged by X25519.", ""},
    {"tls_resumption",
     "The server sends a ticket on each connection, and the client uses it on the next one. A "
     "resumed handshake exchanges keys too, but has no certificate and no signature. A trial fails "
     "if the server does not resume.",
     "Connect by engine tls only."},
    {"ktls",
     "The trial is refused where the kernel has no TLS, and fails if OpenSSL does not use it. "
     "OpenSSL 3.0 lets the kernel encrypt what is sent, but decrypts itself.",
     "Throughput and latency by engine tls only."},
    {"response_size",
     "The default is `message_size`. `request_bps` and `response_bps` count the payload of each "
     "way.",
     "The limits of `message_size` hold for it too. Not against an external server, which sends "
     "back what it receives, and not over icmp."},
    {"in_flight",
     "A ping waits for those in front of it, so the round trip includes that time. Each of the "
     "`streams` has so many pings in flight. Datagrams that do not fit into a receive buffer are "
     "lost: raise `receive_buffer` for a large `in_flight`.",
     "Cannot be combined with `frequency`, `timestamps` or `think_time`."},
    {"think_time",
     "The pause is not in the round trip, but `rate_hz` includes it. It ends with the window.",
     "Cannot be combined with `frequency`, `timestamps` or `in_flight`."},
};

const Notes* find(std::string_view parameter) {
  for (const Notes& notes : kNotes)
    if (notes.parameter == parameter) return &notes;
  return nullptr;
}

}  // namespace

std::string_view facts_about(std::string_view parameter) {
  const Notes* const notes = find(parameter);
  return notes ? notes->facts : "";
}

std::string_view constraints_of(std::string_view parameter) {
  const Notes* const notes = find(parameter);
  return notes ? notes->constraints : "";
}

}  // namespace pingperf
