#include "harness/report/report_metrics.h"

#include <algorithm>

namespace pingperf {
namespace {

struct Title {
  std::string_view name;
  std::string_view title;
};

constexpr Title kTitles[] = {
    {"throughput_bps", "goodput"},
    {"cpu_s_per_gb", "CPU time per gigabyte"},
    {"retransmits", "segments sent again"},
    {"loss_ratio", "datagrams lost"},
    {"jitter_ns", "jitter"},
    {"tcp_rtt_mean_ns", "TCP's own RTT, mean"},
    {"cwnd_max_bytes", "largest congestion window"},
    {"cycles_per_byte", "CPU cycles per byte"},
    {"rtt_p50_ns", "median round trip"},
    {"rtt_p90_ns", "round trip p90"},
    {"rtt_p99_ns", "round trip p99"},
    {"rtt_p999_ns", "round trip p99.9"},
    {"rtt_max_ns", "longest round trip"},
    {"rtt_mean_ns", "mean round trip"},
    {"rate_hz", "round trips a second"},
    {"lost", "pings without a pong"},
    {"rtt_naive_p99_ns", "p99 as a closed loop has it"},
    {"connect_p50_ns", "connect, median"},
    {"first_byte_p50_ns", "first byte, median"},
    {"close_p50_ns", "close, median"},
    {"app_to_kernel_p50_ns", "send() to the device, median"},
    {"kernel_to_kernel_p50_ns", "between the kernels, median"},
    {"turnaround_p50_ns", "turnaround at the server, median"},
    {"kernel_to_app_p50_ns", "kernel to recv(), median"},
    {"responsiveness_rpm", "round trips a minute under load"},
    {"background_throughput_bps", "goodput of the background"},
    {"client_cpu_s", "CPU time of the client"},
    {"server_cpu_s", "CPU time of the server"},
    {"fairness_index", "fairness among the flows"},
    {"other_load_ratio", "CPU time that others took"},
    {"steal_ratio", "CPU time that the hypervisor took"},
};

const Title* find_title(std::string_view metric) {
  const auto found = std::find_if(std::begin(kTitles), std::end(kTitles),
                                  [&](const Title& t) { return t.name == metric; });
  return found == std::end(kTitles) ? nullptr : found;
}

}  // namespace

std::string title_of(std::string_view metric) {
  const Title* const found = find_title(metric);
  return std::string(found ? found->title : metric);
}

std::vector<ReportMetric> report_metrics(const std::set<std::string>& named) {
  std::vector<ReportMetric> told;
  for (const Title& t : kTitles) told.push_back({std::string(t.name), std::string(t.title)});
  for (const std::string& name : named)
    if (!find_title(name)) told.push_back({name, name});
  return told;
}

}  // namespace pingperf
