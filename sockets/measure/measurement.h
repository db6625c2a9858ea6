// Measurement: the figures of one end of a trial.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sockets/measure/histogram.h"

namespace pingperf {

// Times that are measured beside the round trip. In an open loop the round trip starts at the
// intended send.
enum class Span {
  naive,             // open loop: the round trip that a closed-loop tool would report
  connect,           // from socket() until the connection is established
  first_byte,        // from then until the first byte of the pong
  close,             // duration of close()
  app_to_kernel,     // from the client's send() until its kernel passes the ping to the device
  kernel_to_kernel,  // from kernel to kernel, both ways together
  kernel_to_app,     // from the arrival of the pong in the client's kernel until recv() returns
  turnaround,        // from the arrival of the ping in the server's kernel until the pong leaves it
  oneway_forward,    // from the client's kernel to the server's kernel
  oneway_reverse,    // from the server's kernel to the client's kernel
  send_gap,          // between the sends of a paced stream
  handshake,         // of TLS, from the established connection until data can be sent
  frame,             // from the time at which a frame was due until it was whole
};
inline constexpr std::size_t kSpans = 13;
// Returns the name of the enumerator.
std::string_view name(Span span);

// One round trip. Samples are in the order of sending.
struct Sample {
  Nanoseconds sent;  // since the start of the window
  Nanoseconds rtt;   // negative: no pong arrived in time
};

// A part of the measured window, for all streams together. An empty figure was not measured.
struct Interval {
  double start_s = 0;  // since the start of the window
  double end_s = 0;
  std::optional<std::uint64_t> bytes_sent;
  std::optional<std::uint64_t> bytes_received;
  std::optional<std::uint64_t> messages;       // sends, datagrams or exchanges
  std::optional<std::uint64_t> retransmits;    // TCP segments
  std::optional<double> rtt_ns;                // TCP's smoothed RTT, mean over streams
  std::optional<std::uint64_t> cwnd_bytes;     // sum over streams
  std::optional<double> rttvar_ns;             // mean deviation of the RTT, mean over streams
  std::optional<double> min_rtt_ns;            // the kernel's windowed minimum, mean over streams
  std::optional<double> delivery_rate_bps;     // the kernel's estimate, sum over streams
  std::optional<double> busy_ratio;            // share of time with data to send, mean over streams
  std::optional<double> rwnd_limited_ratio;    // share limited by the receiver's window
  std::optional<double> sndbuf_limited_ratio;  // share limited by the send buffer
};

// Receives each interval when it ends. Never called from a measuring thread.
using IntervalSink = std::function<void(const Interval&)>;

// The figures of one receiver of a multicast group.
struct ReceiverFigures {
  std::uint64_t received = 0;  // datagrams, or answered pings
  std::uint64_t lost = 0;
  std::optional<Nanoseconds> rtt_p50_ns;
  std::optional<Nanoseconds> rtt_p99_ns;
};

// The figures of one end. They cover the measured window: it opens `warmup` after the first payload
// byte and lasts for `duration` or until the other end has finished. An empty figure was not
// measured.
struct Measurement {
  std::string error;  // why the figures are invalid; empty: they are valid

  std::optional<double> window_s;
  std::optional<std::uint64_t> bytes_sent;
  std::optional<std::uint64_t> bytes_received;
  std::optional<std::uint64_t> total_bytes_sent;  // with warmup and tail
  std::optional<std::uint64_t> total_bytes_received;
  std::optional<std::uint64_t> datagrams_sent;
  std::optional<std::uint64_t> datagrams_received;
  // The losses since the window opened, until the last late datagram has arrived.
  std::optional<std::uint64_t> datagrams_lost;
  std::optional<std::uint64_t> total_datagrams_sent;
  // The number of sent datagrams as far as the receiver knows it: from the highest number that
  // arrived, or from the mark of the end.
  std::optional<std::uint64_t> total_datagrams_expected;
  std::optional<std::uint64_t> out_of_order;
  std::optional<std::uint64_t> duplicates;
  std::optional<std::uint64_t> socket_drops;  // datagrams for which the sockets had no room, in all
  std::optional<double> jitter_ns;            // RFC 3550 §6.4.1, mean over streams

  std::optional<std::uint64_t> retransmits;
  std::optional<double> tcp_rtt_min_ns;
  std::optional<double> tcp_rtt_mean_ns;
  std::optional<std::uint64_t> cwnd_max_bytes;
  std::optional<double> fairness_index;  // Jain's index of the received streams

  std::optional<std::uint64_t> sending_copies;    // copies of the payload from user to kernel
  std::optional<std::uint64_t> receiving_copies;  // copies of the payload from kernel to user
  std::optional<double> zero_copied_ratio;        // share of zero-copy sends without a copy
  std::optional<double> mapped_ratio;  // share of the received bytes that were mapped, not copied
  std::optional<std::uint64_t> send_buffer_bytes;  // SO_SNDBUF of the first stream, at the end
  std::optional<std::uint64_t> receive_buffer_bytes;
  std::optional<std::uint64_t> low_watermark_bytes;  // SO_RCVLOWAT of the first stream, at the end
  std::optional<std::uint64_t> mss_bytes;            // of sent segments
  std::optional<std::uint64_t> path_mtu_bytes;  // of the first flow of datagrams over IP (IP_MTU)
  std::string congestion_control;
  std::string libiperf;  // version of the library that measured

  // The worker process in the window (getrusage(2)).
  std::optional<double> cpu_user_s;
  std::optional<double> cpu_system_s;
  std::optional<std::uint64_t> context_switches;      // voluntary and involuntary
  std::optional<std::uint64_t> cycles;                // CPU cycles; empty: the host cannot count
  std::optional<std::uint64_t> involuntary_switches;  // part of context_switches
  std::optional<std::uint64_t> peak_memory_bytes;  // largest resident set, not only in the window

  // All CPUs of the host in the window (/proc/stat).
  std::optional<double> host_busy_s;
  std::optional<double> host_total_s;
  std::optional<double> steal_ratio;

  std::optional<std::uint64_t> rejected_peers;

  std::optional<std::uint64_t> exchanges;        // answered pings
  std::optional<std::uint64_t> lost;             // unanswered pings
  std::optional<std::uint64_t> late;             // pongs that arrived after their timeout
  std::optional<std::uint64_t> total_exchanges;  // received or sent pongs, with the warmup
  std::optional<std::uint64_t> unsent;           // open loop: due in the window but never sent
  std::optional<std::uint64_t> port_waits;       // retries of connect() without a free port
  std::optional<double> clock_cost_ns;           // one reading of the clock
  std::optional<Histogram> rtt;                  // of answered pings; empty: no ping was answered
  std::vector<Histogram> rtt_of_sizes;           // with size_mix: of each size, in its order
  std::map<Span, Histogram> spans;               // the measured spans
  std::vector<Sample> samples;                   // filled with `samples: all`
  std::optional<std::uint64_t> samples_dropped;  // not stored, because there was no space

  std::optional<std::uint64_t> time_waits;  // sockets in TIME_WAIT at the end, of the namespace
  std::optional<std::uint64_t> handshakes;  // of TLS, in the window
  std::optional<std::uint64_t> resumed_handshakes;  // part of handshakes
  std::optional<std::uint64_t> frames;          // isochronous frames that were due in the window
  std::optional<std::uint64_t> frames_late;     // whole after their deadline
  std::optional<std::uint64_t> frames_dropped;  // not sent in time, or never whole

  std::string clock;  // of the round trips: tsc or monotonic
  std::string cpus;   // CPUs on which the loops were seen: "0", "0 1"

  std::vector<Interval> intervals;
  std::vector<ReceiverFigures> receivers;  // of a multicast group

  std::map<std::string, double> figures;  // of a program: columns of trials.csv that it reported

  // Client: the measurement that an external server reported. Null: none.
  std::shared_ptr<const Measurement> peer;
};

}  // namespace pingperf
