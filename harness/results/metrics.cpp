// The metrics of trials.csv: the table of their names, meanings and getters (figures.h).
#include "harness/results/metrics.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "harness/results/figures.h"
#include "harness/results/pair_sum.h"

namespace pingperf::figures {
namespace {

// The parts of a round trip with timestamps: kernel (sockets/latency/stamped_pingpong.h).
constexpr const char* kOnewayForward =
    "from the client's kernel to the server's (timestamps: kernel, both ends on one host)";
constexpr const char* kOnewayReverse =
    "from the server's kernel to the client's (timestamps: kernel, both ends on one host)";
constexpr const char* kAppToKernel =
    "from the client's send() until its kernel hands the ping to the device (timestamps: kernel)";
constexpr const char* kKernelToKernel =
    "between the kernels, there and back, without the turnaround (timestamps: kernel)";
constexpr const char* kKernelToApp =
    "from the pong's arrival in the client's kernel until recv() returns (timestamps: kernel)";
constexpr const char* kTurnaround =
    "from the ping's arrival in the server's kernel until it sends the pong (timestamps: kernel)";
constexpr const char* kNaive =
    "in an open loop, the round trip that a closed loop would have measured: from the actual "
    "send, for pings that were sent when none was in flight";

using M = Measurement;
constexpr Better up = Better::higher, down = Better::lower, none = Better::neither;
constexpr MeasuredBy any = MeasuredBy::any, transfers = MeasuredBy::transfers,
                     pings = MeasuredBy::pings;

// Bytes, datagrams and TCP.
std::vector<Metric> transfer_metrics() {
  return {
      {"client_window_s", "length of the client's measured window", of_client(&M::window_s), none,
       any, 1},
      {"server_window_s", "length of the server's measured window", of_server(&M::window_s), none,
       any, 1},
      {"throughput_bps",
       "goodput: payload bits a second that the receiving end got in the window (bidirectional: "
       "both ends together)",
       throughput, up, transfers, 0, "goodput", "goodput"},
      {"sent_bps", "payload bits a second that the sending end handed over in the window",
       sent_rate, none, transfers, 0, "", "sent"},
      {"bytes_sent", "payload bytes sent in the window", bytes_sent, none, transfers},
      {"bytes_received", "payload bytes received in the window", bytes_received, none, transfers},
      {"client_bytes_sent", "payload bytes that the client sent in its window",
       of_client(&M::bytes_sent), none, any, 1},
      {"client_bytes_received", "payload bytes that the client received in its window",
       of_client(&M::bytes_received), none, any, 1},
      {"server_bytes_sent", "payload bytes that the server sent in its window",
       of_server(&M::bytes_sent), none, any, 1},
      {"server_bytes_received", "payload bytes that the server received in its window",
       of_server(&M::bytes_received), none, any, 1},
      {"total_bytes_sent", "payload bytes sent, warmup and tail included",
       sent(&M::total_bytes_sent), none, any, 1},
      {"total_bytes_received", "payload bytes received, warmup and tail included",
       received(&M::total_bytes_received), none, any, 1},
      {"copies",
       "copies of the payload between user space and kernel, both ends together: 2, or 1 or 0 "
       "if an engine avoids copies; for iperf3 from its options",
       copies, none, transfers},
      {"retransmits", "TCP segments sent again in the window, by the sending end",
       sent(&M::retransmits), down, transfers, 0, "segments sent again", "retrans"},
      {"datagrams_sent", "UDP datagrams sent in the window", sent(&M::datagrams_sent), none,
       transfers},
      {"datagrams_received", "distinct UDP datagrams received in the window",
       received(&M::datagrams_received), none, transfers},
      {"datagrams_lost", "UDP datagrams sent since the window opened that never arrived",
       datagrams_lost, down, transfers},
      {"loss_ratio", "datagrams_lost / (datagrams_lost + datagrams_received)", loss_ratio, down,
       transfers, 0, "datagrams lost", "loss"},
      {"out_of_order",
       "UDP datagrams that came after one with a higher number; of iperf3, in the whole trial",
       received(&M::out_of_order), down, transfers},
      {"duplicates", "UDP datagrams that came more than once", received(&M::duplicates), down,
       transfers},
      {"jitter_ns",
       "interarrival jitter at the end of the window (RFC 3550 §6.4.1) at the receiving end "
       "(bidirectional: the server), mean over streams",
       of_receiver(&M::jitter_ns), down, transfers, 0, "jitter"},
      {"tcp_rtt_min_ns", "smallest smoothed RTT of the sending kernel (TCP_INFO) in the window",
       of_sender(&M::tcp_rtt_min_ns), down, transfers},
      {"tcp_rtt_mean_ns", "mean smoothed RTT of the sending kernel (TCP_INFO) in the window",
       of_sender(&M::tcp_rtt_mean_ns), down, transfers, 0, "TCP's own RTT, mean"},
      {"cwnd_max_bytes", "largest congestion window, sum over streams",
       of_sender(&M::cwnd_max_bytes), none, transfers, 0, "largest congestion window"},
  };
}

// Isochronous frames.
std::vector<Metric> frame_metrics() {
  return {
      {"frames", "isochronous frames that were due in the window", sent(&M::frames), none, any, 8,
       "frames", "frames"},
      {"frames_late",
       "frames that were whole after their deadline; empty if the ends have two clocks",
       frames_late, down, any, 8, "frames after their deadline", "late"},
      {"frames_dropped",
       "frames that the sender could not start before their deadline, or of which a part was lost",
       frames_dropped, down, any, 8, "frames dropped", "dropped"},
      {"frame_p50_ns",
       "from the time at which a frame was due until the receiver had all of it, median; empty if "
       "the ends have two clocks",
       frame_quantile(0.5), down, any, 8, "whole frame, median", "frame p50"},
      {"frame_p99_ns",
       "from the time at which a frame was due until the receiver had all of it, percentile p99; "
       "empty if the ends have two clocks",
       frame_quantile(0.99), down, any, 8, "whole frame, p99", "frame p99"},
  };
}

// CPU time and peers.
std::vector<Metric> cpu_metrics() {
  return {
      {"client_cpu_s", "CPU seconds of the client's process in the window (getrusage)",
       [](const TrialRecord& r) -> Value { return cpu(r.client); }, down, any, 0,
       "CPU time of the client"},
      {"client_cpu_user_s", "part of client_cpu_s in user mode", of_client(&M::cpu_user_s), down,
       any, 1},
      {"client_cpu_system_s", "part of client_cpu_s in the kernel", of_client(&M::cpu_system_s),
       down, any, 1},
      {"server_cpu_s", "CPU seconds of the server's process in the window (getrusage)",
       [](const TrialRecord& r) -> Value { return cpu(r.server); }, down, any, 0,
       "CPU time of the server"},
      {"server_cpu_user_s", "part of server_cpu_s in user mode", of_server(&M::cpu_user_s), down,
       any, 1},
      {"server_cpu_system_s", "part of server_cpu_s in the kernel", of_server(&M::cpu_system_s),
       down, any, 1},
      {"cpu_s_per_gb", "CPU seconds of both ends per 1e9 payload bytes received", cpu_per_gb, down,
       transfers, 0, "CPU time per gigabyte", "CPU s/GB"},
      {"cycles_per_byte",
       "CPU cycles of both ends per payload byte received (perf_event_open(2)); empty where the "
       "CPU or the kernel does not count them",
       cycles_per_byte, down, transfers, 4, "CPU cycles per byte"},
      {"context_switches", "context switches of both processes in the window", switches, down},
      {"client_peak_memory_bytes",
       "largest resident set of the client's process (getrusage), set-up included",
       of_client(&M::peak_memory_bytes), down, any, 6, "peak memory of the client"},
      {"server_peak_memory_bytes",
       "largest resident set of the server's process (getrusage), set-up included",
       of_server(&M::peak_memory_bytes), down, any, 6, "peak memory of the server"},
      {"steal_ratio",
       "share of CPU time that the hypervisor took in the window, the larger of both ends", steal,
       down, any, 0, "CPU time that the hypervisor took"},
      {"rejected_peers", "unauthenticated peers that the server rejected",
       of_server(&M::rejected_peers)},
      {"fairness_index",
       "Jain's index over the streams: 1 if all are equal, 1/n if one stream gets everything",
       of_receiver(&M::fairness_index), up, any, 0, "fairness among the flows", "fairness"},
  };
}

// Round trips.
std::vector<Metric> ping_metrics() {
  return {
      {"exchanges",
       "pings answered in the window; of a multicast group, the pongs of all receivers",
       of_client(&M::exchanges), none, pings},
      {"rate_hz", "pings answered a second", ping_rate, up, pings, 0, "round trips a second",
       "rate"},
      {"request_bps", "goodput of the pings: payload bits a second of the answered ones",
       request_rate, up, pings, 8, "goodput of the requests"},
      {"response_bps", "goodput of the pongs: payload bits a second", response_rate, up, pings, 8,
       "goodput of the responses"},
      {"rtt_min_ns", "smallest round-trip time; of connect workloads from connect() to the pong",
       of_rtt(&Histogram::min), down, pings},
      {"rtt_mean_ns", "mean round-trip time", of_rtt(&Histogram::mean), down, pings, 0,
       "mean round trip"},
      {"rtt_stddev_ns", "standard deviation of the round-trip times", of_rtt(&Histogram::stddev),
       down, pings},
      {"rtt_p50_ns", "round-trip time, percentile p50; empty with too few pings for it",
       rtt_quantile(0.5), down, pings, 0, "median round trip", "p50"},
      {"rtt_p90_ns", "round-trip time, percentile p90; empty with too few pings for it",
       rtt_quantile(0.9), down, pings, 0, "round trip p90"},
      {"rtt_p95_ns", "round-trip time, percentile p95; empty with too few pings for it",
       rtt_quantile(0.95), down, pings, 9, "round trip p95", "p95"},
      {"rtt_p99_ns", "round-trip time, percentile p99; empty with too few pings for it",
       rtt_quantile(0.99), down, pings, 0, "round trip p99", "p99"},
      {"rtt_p999_ns", "round-trip time, percentile p999; empty with too few pings for it",
       rtt_quantile(0.999), down, pings, 0, "round trip p99.9"},
      {"rtt_p9999_ns", "round-trip time, percentile p9999; empty with too few pings for it",
       rtt_quantile(0.9999), down, pings},
      {"rtt_max_ns", "largest round-trip time", of_rtt(&Histogram::max), down, pings, 0,
       "longest round trip", "max"},
      {"rtt_overflow",
       "round trips longer than the histogram's 60 s, which only max and mean include",
       of_rtt(&Histogram::overflow), down, any, 1},
      {"rtt_naive_p50_ns", kNaive, span_quantile(Span::naive, 0.5), down, pings},
      {"rtt_naive_p99_ns", kNaive, span_quantile(Span::naive, 0.99), down, pings, 0,
       "p99 as a closed loop has it", "naive p99"},
      {"lost", "pings that were not answered in time", of_client(&M::lost), down, pings, 0,
       "pings without a pong", "lost"},
      {"late", "pongs that came after their time-out", of_client(&M::late), down, pings},
      {"worst_receiver_loss_ratio",
       "loss of the receiver of a multicast group that lost the largest share",
       of_worst_receiver(loss_of), down, any, 8, "loss of the worst receiver"},
      {"worst_receiver_rtt_p50_ns",
       "median round-trip time of the slowest receiver of a multicast group",
       of_worst_receiver([](const ReceiverFigures& one) { return number(one.rtt_p50_ns); }), down,
       pings, 8, "median round trip of the slowest receiver"},
  };
}

// The parts of a round trip, and round trips under load.
std::vector<Metric> span_metrics() {
  return {
      {"connect_p50_ns", "from socket() until the connection is established, median",
       span_quantile(Span::connect, 0.5), down, pings, 0, "connect, median", "connect"},
      {"connect_p99_ns", "from socket() until the connection is established, percentile p99",
       span_quantile(Span::connect, 0.99), down, pings},
      {"first_byte_p50_ns", "from the established connection to the pong's first byte, median",
       span_quantile(Span::first_byte, 0.5), down, any, 2, "first byte, median", "first byte"},
      {"first_byte_p99_ns",
       "from the established connection to the pong's first byte, percentile p99",
       span_quantile(Span::first_byte, 0.99), down, any, 2},
      {"close_p50_ns", "duration of close(), median; not in the round trip",
       span_quantile(Span::close, 0.5), down, any, 2, "close, median", "close"},
      {"close_p99_ns", "duration of close(), percentile p99; not in the round trip",
       span_quantile(Span::close, 0.99), down, any, 2},
      {"handshakes", "TLS handshakes of the client in the window", of_client(&M::handshakes), none,
       any, 8},
      {"resumed_handshakes", "handshakes that resumed a session (part of handshakes)",
       of_client(&M::resumed_handshakes), none, any, 8},
      {"handshake_p50_ns",
       "from the established TCP connection until the client can send data over TLS, median",
       span_quantile(Span::handshake, 0.5), down, any, 8, "TLS handshake, median", "handshake"},
      {"handshake_p99_ns",
       "from the established TCP connection until the client can send data over TLS, percentile "
       "p99",
       span_quantile(Span::handshake, 0.99), down, any, 8},
      {"unsent", "of an open loop, pings that were due in the window and could not be sent in time",
       of_client(&M::unsent), down, any, 2},
      {"port_waits", "connect() attempts that found every ephemeral port in use, and were repeated",
       of_client(&M::port_waits), down, any, 2, "", "port waits"},
      {"time_waits",
       "sockets in TIME_WAIT in the client's network namespace at the end of the trial",
       of_client(&M::time_waits), down, any, 8, "", "TIME_WAIT"},
      {"oneway_forward_p50_ns", kOnewayForward, oneway_quantile(Span::oneway_forward, 0.5), down,
       pings},
      {"oneway_forward_p99_ns", kOnewayForward, oneway_quantile(Span::oneway_forward, 0.99), down,
       any, 2},
      {"oneway_reverse_p50_ns", kOnewayReverse, oneway_quantile(Span::oneway_reverse, 0.5), down,
       pings},
      {"oneway_reverse_p99_ns", kOnewayReverse, oneway_quantile(Span::oneway_reverse, 0.99), down,
       any, 2},
      {"app_to_kernel_p50_ns", kAppToKernel, span_quantile(Span::app_to_kernel, 0.5), down, pings,
       0, "send() to the device, median", "app to kernel"},
      {"app_to_kernel_p99_ns", kAppToKernel, span_quantile(Span::app_to_kernel, 0.99), down, any,
       2},
      {"kernel_to_kernel_p50_ns", kKernelToKernel, span_quantile(Span::kernel_to_kernel, 0.5), down,
       pings, 0, "between the kernels, median", "kernels"},
      {"kernel_to_kernel_p99_ns", kKernelToKernel, span_quantile(Span::kernel_to_kernel, 0.99),
       down, any, 2},
      {"kernel_to_app_p50_ns", kKernelToApp, span_quantile(Span::kernel_to_app, 0.5), down, pings,
       0, "kernel to recv(), median", "kernel to app"},
      {"kernel_to_app_p99_ns", kKernelToApp, span_quantile(Span::kernel_to_app, 0.99), down, any,
       2},
      {"turnaround_p50_ns", kTurnaround, span_quantile(Span::turnaround, 0.5), down, pings, 0,
       "turnaround at the server, median", "turnaround"},
      {"turnaround_p99_ns", kTurnaround, span_quantile(Span::turnaround, 0.99), down, any, 2},
      {"responsiveness_rpm",
       "round trips a minute under load: 60 s / rtt_mean_ns, of a trial with a background "
       "(draft-ietf-ippm-responsiveness averages probes over TCP, TLS and HTTP instead)",
       responsiveness, up, pings, 0, "round trips a minute under load"},
  };
}

// Facts about the ends and hosts of a trial.
std::vector<Metric> end_metrics() {
  return {
      {"total_exchanges", "pongs that the client received, warmup included",
       of_client(&M::total_exchanges), none, any, 2},
      {"total_pongs", "pongs that the server sent, warmup included", of_server(&M::total_exchanges),
       none, any, 2},
      {"samples_dropped", "round trips beyond the 2 million per trial that samples: all keeps",
       of_client(&M::samples_dropped), down, any, 2},
      {"clock_cost_ns", "measured cost of one reading of the clock that timed the round trips",
       of_client(&M::clock_cost_ns), down, any, 2},
      {"client_involuntary_switches",
       "number of times that the scheduler interrupted the client (getrusage)",
       of_client(&M::involuntary_switches), down, any, 2},
      {"server_involuntary_switches",
       "number of times that the scheduler interrupted the server (getrusage)",
       of_server(&M::involuntary_switches), down, any, 2},
      {"zero_copied_ratio",
       "share of the zero-copy sends that the kernel did not copy (MSG_ZEROCOPY's completions; on "
       "loopback it copies)",
       of_sender(&M::zero_copied_ratio), up, any, 2},
      {"mapped_ratio",
       "share of the received bytes that the kernel mapped into the receiver instead of copying "
       "them (receive: map)",
       of_receiver(&M::mapped_ratio), up, any, 5},
      {"send_gap_p50_ns",
       "time between the sends (or bursts) of a paced stream, median; warmup included",
       [](const TrialRecord& r) -> Value { return span_quantile(sender(r), Span::send_gap, 0.5); },
       none, any, 2},
      {"send_gap_p99_ns",
       "time between the sends (or bursts) of a paced stream, percentile p99; warmup included",
       [](const TrialRecord& r) -> Value { return span_quantile(sender(r), Span::send_gap, 0.99); },
       none, any, 2},
      {"sender_send_buffer_bytes", "SO_SNDBUF that the sending end's first stream had",
       of_sender(&M::send_buffer_bytes), none, any, 2},
      {"receiver_receive_buffer_bytes", "SO_RCVBUF that the receiving end's first stream had",
       of_receiver(&M::receive_buffer_bytes), none, any, 2},
      {"receiver_low_watermark_bytes",
       "SO_RCVLOWAT of the receiving end's first stream in the window: how many bytes wake it",
       of_receiver(&M::low_watermark_bytes), none, any, 5},
      {"sender_mss_bytes", "segment size of the sending end's first stream (TCP_INFO)",
       of_sender(&M::mss_bytes), none, any, 2},
      {"other_load_ratio",
       "share of the host's CPU time that other processes than the two ends used (/proc/stat), the "
       "larger of two hosts",
       other_load, down, any, 2, "CPU time that others took"},
      {"start_skew_ns",
       "time from the first start among the trials that ran at once to the start of this one",
       [](const TrialRecord& r) -> Value { return number(r.start_skew); }, none, any, 9},
      {"path_mtu_bytes", "MTU of the path of the sending end's first UDP flow (IP_MTU, ip(7))",
       of_sender(&M::path_mtu_bytes), none, any, 10},
  };
}

void prefer_reported_figures(std::vector<Metric>& all) {
  for (Metric& metric : all)
    metric.value = [name = metric.name, value = std::move(metric.value)](const TrialRecord& r) {
      const Value figure = reported(r, name);
      return figure ? figure : value(r);
    };
}

// A sum of pairs has no measurements of its own.
void add_sums_of_pairs(std::vector<Metric>& all) {
  for (Metric& metric : all)
    metric.value = [name = metric.name, value = std::move(metric.value)](const TrialRecord& r) {
      return r.parts.empty() ? value(r) : metric_of_sum(name, r, value);
    };
}

// Returns the metrics of a background: some of those above, read from the background's record.
std::vector<Metric> background_metrics(const std::vector<Metric>& all) {
  constexpr std::string_view names[] = {"throughput_bps", "sent_bps",     "retransmits",
                                        "loss_ratio",     "jitter_ns",    "tcp_rtt_mean_ns",
                                        "cwnd_max_bytes", "cpu_s_per_gb", "fairness_index"};
  std::vector<Metric> background;
  for (const Metric& metric : all)
    if (std::ranges::find(names, metric.name) != std::end(names))
      background.push_back({"background_" + metric.name, "of the background: " + metric.doc,
                            [value = metric.value](const TrialRecord& r) {
                              return r.background ? value(*r.background) : std::nullopt;
                            },
                            none, any, 4,
                            metric.name == "throughput_bps" ? "goodput of the background" : ""});
  return background;
}

// The smallest differences that matter, in the unit of each metric, for metrics that are often 0.
constexpr std::pair<std::string_view, double> kMinDifferences[] = {
    {"retransmits", 10},  {"datagrams_lost", 10}, {"loss_ratio", 0.01},
    {"out_of_order", 10}, {"duplicates", 10},     {"lost", 1},
    {"late", 1},          {"unsent", 10},         {"port_waits", 10},
    {"time_waits", 10},   {"samples_dropped", 1}, {"rtt_overflow", 1},
    {"frames_late", 1},   {"frames_dropped", 1},  {"steal_ratio", 0.01},
};

void set_min_differences(std::vector<Metric>& all) {
  for (Metric& metric : all)
    for (const auto& [name, difference] : kMinDifferences)
      if (metric.name == name) metric.min_difference = difference;
}

// Returns all metrics. The file orders columns by `since`, then by their place here. So a new
// metric with the newest `since` may be in any topic, but the order of two metrics of one
// generation must not change.
std::vector<Metric> make_metrics() {
  std::vector<Metric> all;
  const auto append = [&](std::vector<Metric> topic) {
    std::ranges::move(topic, std::back_inserter(all));
  };
  append(transfer_metrics());
  append(frame_metrics());
  append(cpu_metrics());
  append(ping_metrics());
  append(span_metrics());
  append(end_metrics());
  set_min_differences(all);
  prefer_reported_figures(all);
  add_sums_of_pairs(all);
  append(background_metrics(all));
  return all;
}

}  // namespace
}  // namespace pingperf::figures

namespace pingperf {
namespace {

// A percentile as digits: two before the decimal point, and no zeros at the end behind it.
constexpr std::string_view kPercentilePrefix = "rtt_p", kPercentileSuffix = "_ns";
constexpr std::size_t kMaxDigits = 6;

bool is_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// Returns "99.95" for "rtt_p9995_ns", or "".
std::string percent_of(std::string_view column) {
  if (!column.starts_with(kPercentilePrefix) || !column.ends_with(kPercentileSuffix)) return "";
  column.remove_prefix(kPercentilePrefix.size());
  column.remove_suffix(std::min(kPercentileSuffix.size(), column.size()));
  if (!is_digits(column) || column.size() < 2 || column.size() > kMaxDigits) return "";
  if (column == "00" || (column.size() > 2 && column.ends_with('0'))) return "";
  std::string text(column);
  if (text.size() > 2) text.insert(2, ".");
  return text.starts_with('0') ? text.substr(1) : text;
}

}  // namespace

std::span<const Metric> metrics() {
  static const std::vector<Metric> all = figures::make_metrics();
  return all;
}

std::optional<std::string> percentile_column(std::string_view percent) {
  const std::size_t point = std::min(percent.find('.'), percent.size());
  std::string whole(percent.substr(0, point));
  std::string decimals(percent.substr(std::min(point + 1, percent.size())));
  if (!is_digits(whole) || (point < percent.size() && !is_digits(decimals))) return std::nullopt;
  while (decimals.ends_with('0')) decimals.pop_back();
  whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size()));
  if (whole.size() > 2) return std::nullopt;
  whole.insert(0, 2 - whole.size(), '0');
  const std::string column =
      fmt::format("{}{}{}{}", kPercentilePrefix, whole, decimals, kPercentileSuffix);
  return percent_of(column).empty() ? std::nullopt : std::optional(column);
}

std::optional<Metric> percentile_metric(std::string_view column) {
  const std::string percent = percent_of(column);
  if (percent.empty()) return std::nullopt;
  std::vector<Metric> metric = {
      {std::string(column),
       fmt::format("round-trip time, percentile {}; empty with too few pings for it", percent),
       figures::rtt_quantile(std::stod(percent) / 100), Better::lower, MeasuredBy::pings, 0,
       "round trip p" + percent, "p" + percent}};
  figures::prefer_reported_figures(metric);
  figures::add_sums_of_pairs(metric);
  return metric.front();
}

bool is_reportable(std::string_view metric) {
  constexpr std::string_view kOurs[] = {"_cpu_",       "_switches",        "_peak_memory_",
                                        "steal_ratio", "other_load_ratio", "background_"};
  return std::ranges::none_of(
      kOurs, [&](std::string_view part) { return metric.find(part) != std::string_view::npos; });
}

}  // namespace pingperf
