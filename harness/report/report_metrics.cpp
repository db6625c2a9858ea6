#include "harness/report/report_metrics.h"

#include <algorithm>
#include <iterator>
#include <string_view>

namespace pingperf {
namespace {

constexpr std::string_view kShown[] = {"throughput_bps",
                                       "cpu_s_per_gb",
                                       "retransmits",
                                       "loss_ratio",
                                       "frames_late",
                                       "frames_dropped",
                                       "frame_p50_ns",
                                       "frame_p99_ns",
                                       "jitter_ns",
                                       "tcp_rtt_mean_ns",
                                       "cwnd_max_bytes",
                                       "cycles_per_byte",
                                       "rtt_p50_ns",
                                       "rtt_p90_ns",
                                       "rtt_p95_ns",
                                       "rtt_p99_ns",
                                       "rtt_p999_ns",
                                       "rtt_max_ns",
                                       "rtt_mean_ns",
                                       "rate_hz",
                                       "lost",
                                       "rtt_naive_p99_ns",
                                       "connect_p50_ns",
                                       "first_byte_p50_ns",
                                       "close_p50_ns",
                                       "port_waits",
                                       "time_waits",
                                       "app_to_kernel_p50_ns",
                                       "kernel_to_kernel_p50_ns",
                                       "turnaround_p50_ns",
                                       "kernel_to_app_p50_ns",
                                       "responsiveness_rpm",
                                       "background_throughput_bps",
                                       "client_cpu_s",
                                       "server_cpu_s",
                                       "fairness_index",
                                       "other_load_ratio",
                                       "steal_ratio"};

}  // namespace

std::vector<std::string> report_metrics(const std::set<std::string>& named) {
  std::vector<std::string> metrics(std::begin(kShown), std::end(kShown));
  for (const std::string& name : named)
    if (std::ranges::find(kShown, name) == std::end(kShown)) metrics.push_back(name);
  return metrics;
}

}  // namespace pingperf
