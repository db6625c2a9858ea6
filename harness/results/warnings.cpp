#include "harness/results/warnings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "harness/base/counted.h"
#include "harness/base/statistics.h"
#include "harness/base/units.h"
#include "harness/results/columns.h"
#include "sockets/core/size_mix.h"
#include "sockets/throughput/on_off.h"

namespace pingperf {
namespace {

// Returns the whole number that a count of a record is.
std::uint64_t count_of(double metric) {
  return static_cast<std::uint64_t>(metric);
}

constexpr double kRateReached = 0.95;   // of the offered rate
constexpr double kRateExceeded = 1.05;  // of the offered rate
constexpr double kHighLoss = 0.001;     // of the pings
constexpr double kShortWindow_s = 0.1;  // below, one late wake-up is a visible share
constexpr double kUnsteady = 0.25;      // share by which a background's halves differ
constexpr double kFarMedian = 2;        // factor above or below the earlier median
constexpr std::size_t kMinTrials = 2;   // for an earlier median of the case

std::optional<double> metric(const TrialRecord& record, std::string_view name) {
  return find_metric(name)->value(record);
}

using Warnings = std::vector<std::string>;

void check_offered_load(const TrialRecord& record, Warnings& warnings) {
  const Options& o = *record.trial_case->options;
  const auto sent = metric(record, "sent_bps");
  const double offered = offered_bps(o);
  const double window_s = o.duration ? to_seconds(*o.duration) : 1;
  // The edges of the window can cut a phase of on_off.
  const double cut = to_seconds(o.on_time.value_or(0)) / (OnOff(o).share() * window_s);
  if (sent && *sent < kRateReached * offered * std::max(0.0, 1 - cut))
    warnings.push_back(
        fmt::format("sent {} of the offered {}", human_rate(*sent), human_rate(offered)));
  if (sent && offered > 0 && *sent > kRateExceeded * offered * (1 + cut))
    warnings.push_back(
        fmt::format("sent {}, more than the offered {}", human_rate(*sent), human_rate(offered)));
  if (const auto unsent = metric(record, "unsent"); unsent && *unsent > 0)
    warnings.push_back(fmt::format("{} {} due and could not be sent",
                                   counted(count_of(*unsent), "ping"),
                                   *unsent == 1 ? "was" : "were"));
  const auto exchanges = metric(record, "exchanges"), lost = metric(record, "lost");
  if (exchanges && lost && *lost > kHighLoss * (*exchanges + *lost))
    warnings.push_back(
        fmt::format("{:.2g}% of the pings were lost", 100 * *lost / (*exchanges + *lost)));
}

// Warns of a short window. If an end starts late, the transfer can end before its window does.
void check_windows(const TrialRecord& record, Warnings& warnings) {
  const auto& duration = record.trial_case->options->duration;
  const double least =
      duration ? std::max(kShortWindow_s, to_seconds(*duration) / 2) : kShortWindow_s;
  for (const std::string_view end : {"client", "server"}) {
    const std::string name = fmt::format("{}_window_s", end);
    if (const auto window = metric(record, name); window && *window < least)
      return warnings.push_back(
          fmt::format("short window of the {}: {}", end, human_duration(*window * 1e9)));
  }
}

void check_disturbance(const TrialRecord& record, Warnings& warnings) {
  const auto steal = metric(record, "steal_ratio");
  if (steal && *steal > kHighSteal)
    warnings.push_back(fmt::format("{:.0f}% of the CPU time was stolen", *steal * 100));
  const auto others = metric(record, "other_load_ratio");
  if (others && *others > kHighOtherLoad)
    warnings.push_back(fmt::format("others took {:.0f}% of the CPU time", *others * 100));
  const auto ports = metric(record, "port_waits");
  if (ports && *ports > 0)
    warnings.push_back(
        fmt::format("waited {} for an ephemeral port: the rate is that of "
                    "TIME_WAIT, not of the sockets (see reset_on_close)",
                    counted(count_of(*ports), "time")));
}

// Returns the rate that an end received in each half of its window, in bits per second. Returns
// nothing for fewer than four intervals.
std::optional<std::pair<double, double>> halves_of(const Measurement& receiver) {
  const std::vector<Interval>& intervals = receiver.intervals;
  const std::size_t half = intervals.size() / 2;
  if (half < 2) return std::nullopt;
  const auto rate = [&](std::size_t begin, std::size_t end) {
    double bits = 0;
    for (std::size_t i = begin; i < end; ++i)
      bits += 8 * static_cast<double>(intervals[i].bytes_received.value_or(0));
    return bits / (intervals[end - 1].end_s - intervals[begin].start_s);
  };
  return std::pair{rate(0, half), rate(half, intervals.size())};
}

// Warns of a buffer below the requested size: Linux gives twice that (socket(7)), or less if a
// limit is below it.
void check_buffers(const TrialRecord& record, Warnings& warnings) {
  const auto check = [&](const std::optional<std::uint64_t>& requested, std::string_view what,
                         std::string_view column, std::string_view limit) {
    const auto given = metric(record, column);
    if (!requested || !given || *given >= 2 * static_cast<double>(*requested)) return;
    warnings.push_back(fmt::format("the {} has {}, not the requested {}: see {}", what,
                                   human_size(*given / 2),
                                   human_size(static_cast<double>(*requested)), limit));
  };
  const Options& o = *record.trial_case->options;
  check(o.send_buffer, "send buffer", "sender_send_buffer_bytes", "net.core.wmem_max");
  check(o.receive_buffer, "receive buffer", "receiver_receive_buffer_bytes", "net.core.rmem_max");
}

// Warns of datagrams that the network carries in pieces: one lost piece loses the datagram.
void check_fragments(const TrialRecord& record, Warnings& warnings) {
  const Options& o = *record.trial_case->options;
  if (o.transport != Transport::udp || o.gso.value_or(false)) return;
  const double header = o.ip == 6 ? 48 : 28;  // of IP and UDP, in bytes
  const auto mtu = metric(record, "path_mtu_bytes");
  if (!mtu) return;
  const auto check = [&](std::uint64_t bytes, std::string_view parameter) {
    const auto size = static_cast<double>(bytes);
    if (size + header <= *mtu) return;
    warnings.push_back(
        fmt::format("datagrams of {:.0f} bytes went in fragments, because the MTU of the path is "
                    "{:.0f}: {}: at most {:.0f} bytes fit",
                    size, *mtu, parameter, *mtu - header));
  };
  check(max_message(o), o.size_mix ? "size_mix" : "message_size");
  check(o.response_size.value_or(0), "response_size");
}

// Warns of an unsteady background, because latency under load requires a steady load.
void check_background(const TrialRecord& record, Warnings& warnings) {
  if (!record.background) return;
  const bool reverse = record.background->trial_case->options->reverse.value_or(false);
  const auto halves = halves_of(reverse ? record.background->client : record.background->server);
  if (halves && std::abs(halves->second - halves->first) > kUnsteady * halves->first)
    warnings.push_back(
        fmt::format("the background was not steady: {} in its first half, {} in its "
                    "second: give it a longer warmup",
                    human_rate(halves->first), human_rate(halves->second)));
}

}  // namespace

void TrialWarnings::remember(const std::string& case_name, double rtt_p50_ns) {
  rtt_p50_ns_[case_name].push_back(rtt_p50_ns);
}

double offered_bps(const Options& options) {
  const double ways = options.bidirectional.value_or(false) ? 2 : 1;
  return ways * static_cast<double>(options.rate_bps.value_or(0)) * OnOff(options).share();
}

void TrialWarnings::compare_with_earlier(const TrialRecord& record, Warnings& warnings) {
  const auto p50 = metric(record, "rtt_p50_ns");
  if (!p50 || *p50 <= 0) return;
  std::vector<double>& earlier = rtt_p50_ns_[record.trial_case->name];
  if (earlier.size() >= kMinTrials) {
    const double ratio = *p50 / median(earlier);
    if (ratio > kFarMedian || ratio < 1 / kFarMedian)
      warnings.push_back(
          fmt::format("p50 is {:.2g} times that of the case's trials so far", ratio));
  }
  earlier.push_back(*p50);
}

std::vector<std::string> TrialWarnings::find(const TrialRecord& record) {
  if (record.status != Status::ok || record.trial_case->options->engine == "noop") return {};
  Warnings warnings;
  check_offered_load(record, warnings);
  check_windows(record, warnings);
  check_disturbance(record, warnings);
  check_buffers(record, warnings);
  check_fragments(record, warnings);
  check_background(record, warnings);
  if (!record.trial_case->search) compare_with_earlier(record, warnings);
  return warnings;
}

std::string TrialWarnings::assess(const TrialRecord& record) {
  return fmt::to_string(fmt::join(find(record), "; "));
}

}  // namespace pingperf
