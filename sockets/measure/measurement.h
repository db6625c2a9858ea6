// Measurement: what one end of a trial found out.
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

// What is timed beside the round trip. Of an open loop the round trip counts from the intended
// send.
enum class Span {
  naive,             // open loop: as a tool that waits for each pong would have seen it
  connect,           // socket() until the connection stands
  first_byte,        // from there until the first byte of the pong
  close,             // close(), until it returns
  app_to_kernel,     // the client's send() until its kernel hands the ping to the device
  kernel_to_kernel,  // between the two kernels, there and back
  kernel_to_app,     // the client's kernel has the pong, until recv() returned
  turnaround,        // the server's kernel has the ping, until it hands the pong to the device
  oneway_forward,    // the client's kernel to the server's
  oneway_reverse,    // and back
  send_gap,          // between the sends of a paced stream
};
inline constexpr std::size_t kSpans = 11;
std::string_view name(Span span);

// One round trip, in the order of sending. rtt < 0: no pong came.
struct Sample {
  Nanoseconds sent;  // since the window opened
  Nanoseconds rtt;
};

// A slice of the measured window, all streams together. Empty: not measured.
struct Interval {
  double start_s = 0;  // since the window opened
  double end_s = 0;
  std::optional<std::uint64_t> bytes_sent;
  std::optional<std::uint64_t> bytes_received;
  std::optional<std::uint64_t> messages;       // sends, datagrams or exchanges
  std::optional<std::uint64_t> retransmits;    // TCP segments
  std::optional<double> rtt_ns;                // TCP's smoothed RTT, mean over streams
  std::optional<std::uint64_t> cwnd_bytes;     // sum over streams
  std::optional<double> rttvar_ns;             // mean deviation of it, mean over streams
  std::optional<double> min_rtt_ns;            // the kernel's windowed minimum, mean over streams
  std::optional<double> delivery_rate_bps;     // the kernel's estimate, sum over streams
  std::optional<double> busy_ratio;            // of the time with data to send, mean over streams
  std::optional<double> rwnd_limited_ratio;    // held up by the receiver's window
  std::optional<double> sndbuf_limited_ratio;  // held up by the send buffer
};

// Called with each interval as it ends, from another thread than the measuring one.
using IntervalSink = std::function<void(const Interval&)>;

// The figures of one end. They cover the measured window only: it opens `warmup` after the first
// payload byte and lasts `duration`, or until the other end is done. Empty: not measured.
struct Measurement {
  std::string error;  // empty, or why the figures are not to be trusted

  std::optional<double> window_s;
  std::optional<std::uint64_t> bytes_sent;
  std::optional<std::uint64_t> bytes_received;
  std::optional<std::uint64_t> total_bytes_sent;  // warmup and tail included
  std::optional<std::uint64_t> total_bytes_received;
  std::optional<std::uint64_t> datagrams_sent;
  std::optional<std::uint64_t> datagrams_received;
  std::optional<std::uint64_t> datagrams_lost;
  std::optional<std::uint64_t> out_of_order;
  std::optional<std::uint64_t> duplicates;
  std::optional<double> jitter_ns;  // RFC 3550 §6.4.1, mean over streams

  std::optional<std::uint64_t> retransmits;
  std::optional<double> tcp_rtt_min_ns;
  std::optional<double> tcp_rtt_mean_ns;
  std::optional<std::uint64_t> cwnd_max_bytes;
  std::optional<double> fairness_index;  // Jain's, over the streams received

  std::optional<std::uint64_t> sending_copies;    // of the payload at this end, user to kernel
  std::optional<std::uint64_t> receiving_copies;  // and kernel to user
  std::optional<double>
      zero_copied_ratio;  // of zero-copy sends, those that the kernel did not copy
  std::optional<std::uint64_t> send_buffer_bytes;  // SO_SNDBUF in the end, of the first stream
  std::optional<std::uint64_t> receive_buffer_bytes;
  std::optional<std::uint64_t> mss_bytes;  // of what it sends
  std::string congestion_control;

  std::optional<double> cpu_user_s;  // of the worker process (getrusage(2)), in the window
  std::optional<double> cpu_system_s;
  std::optional<std::uint64_t> context_switches;
  std::optional<std::uint64_t>
      cycles;  // of the CPU, in the window; empty where nothing counts them
  std::optional<std::uint64_t> involuntary_switches;  // of them, those that were not its own wish
  std::optional<double> host_busy_s;  // of all the host's CPUs, in the window (/proc/stat)
  std::optional<double> host_total_s;
  std::optional<double> steal_ratio;  // of the host's CPUs in the window (/proc/stat)
  std::optional<std::uint64_t> rejected_peers;

  std::optional<std::uint64_t> exchanges;        // pings answered
  std::optional<std::uint64_t> lost;             // pings that were not
  std::optional<std::uint64_t> late;             // pongs that came after their time-out
  std::optional<std::uint64_t> total_exchanges;  // pongs received, or sent; warmup included
  std::optional<std::uint64_t> unsent;           // open loop: due in the window, and never sent
  std::optional<std::uint64_t> port_waits;       // connect() found no free port, and was repeated
  std::optional<double> clock_cost_ns;           // of one reading of the clock
  std::optional<Histogram> rtt;                  // of the pings answered; empty: of none
  std::map<Span, Histogram> spans;               // those that were timed
  std::vector<Sample> samples;                   // samples: all
  std::optional<std::uint64_t> samples_dropped;  // that there was no room for

  std::string clock;  // tsc or monotonic: what the round trips were timed with
  std::string cpus;   // that the loops were seen on: "0", "0 1"

  std::vector<Interval> intervals;

  // Of a client: what it was told of an external server's end. Null: nothing.
  std::shared_ptr<const Measurement> peer;
};

}  // namespace pingperf
