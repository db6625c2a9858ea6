// Measurement: what one end of a trial found out.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sockets/histogram.h"

namespace pingperf {

// A slice of the measured window, all streams together. Empty: not measured.
struct Interval {
  double start_s = 0;  // since the window opened
  double end_s = 0;
  std::optional<std::uint64_t> bytes_sent;
  std::optional<std::uint64_t> bytes_received;
  std::optional<std::uint64_t> messages;     // sends, datagrams or exchanges
  std::optional<std::uint64_t> retransmits;  // TCP segments
  std::optional<double> rtt_ns;              // TCP's smoothed RTT, mean over streams
  std::optional<std::uint64_t> cwnd_bytes;   // sum over streams
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

  std::optional<double> cpu_user_s;  // of the worker process (getrusage(2)), in the window
  std::optional<double> cpu_system_s;
  std::optional<std::uint64_t> context_switches;
  std::optional<double> steal_ratio;  // of the host's CPUs in the window (/proc/stat)
  std::optional<std::uint64_t> rejected_peers;

  std::optional<std::uint64_t> exchanges;  // pings answered
  std::optional<std::uint64_t> lost;       // pings that were not
  std::optional<std::uint64_t> late;       // pongs that came after their time-out
  Histogram rtt;
  Histogram connect;

  std::vector<Interval> intervals;
};

}  // namespace pingperf
