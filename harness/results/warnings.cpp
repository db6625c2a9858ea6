#include "harness/results/warnings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "harness/base/statistics.h"
#include "harness/base/units.h"
#include "harness/results/columns.h"

namespace pingperf {
namespace {

constexpr double kRateReached = 0.95;   // of the offered rate
constexpr double kHighLoss = 0.001;     // of the pings
constexpr double kShortWindow_s = 0.1;  // below, one late wake-up is a visible share
constexpr double kUnsteady = 0.25;      // share by which a background's halves differ
constexpr double kFarMedian = 2;        // times the case's so far, or a half
constexpr std::size_t kMinTrials = 2;   // that make a case's so far

std::optional<double> metric(const TrialRecord& record, std::string_view name) {
  return find_metric(name)->value(record);
}

using Remarks = std::vector<std::string>;

void remark_rate(const TrialRecord& record, Remarks& remarks) {
  const Options& o = record.trial_case->options;
  const auto sent = metric(record, "sent_bps");
  if (o.rate_bps && sent && *sent < kRateReached * static_cast<double>(*o.rate_bps))
    remarks.push_back(fmt::format("sent {} of the offered {}", human_rate(*sent),
                                  human_rate(static_cast<double>(*o.rate_bps))));
  if (const auto unsent = metric(record, "unsent"); unsent && *unsent > 0)
    remarks.push_back(fmt::format("{:.0f} pings were due and could not be sent", *unsent));
  const auto exchanges = metric(record, "exchanges"), lost = metric(record, "lost");
  if (exchanges && lost && *lost > kHighLoss * (*exchanges + *lost))
    remarks.push_back(
        fmt::format("{:.2g}% of the pings were lost", 100 * *lost / (*exchanges + *lost)));
}

// An end that is late to begin may find the transfer over before its time.
void remark_windows(const TrialRecord& record, Remarks& remarks) {
  const auto& duration = record.trial_case->options.duration;
  const double least =
      duration ? std::max(kShortWindow_s, to_seconds(*duration) / 2) : kShortWindow_s;
  for (const std::string_view end : {"client", "server"})
    if (const auto window = metric(record, fmt::format("{}_window_s", end));
        window && *window < least)
      return remarks.push_back(
          fmt::format("short window of the {}: {}", end, human_duration(*window * 1e9)));
}

void remark_disturbance(const TrialRecord& record, Remarks& remarks) {
  const auto steal = metric(record, "steal_ratio");
  if (steal && *steal > kHighSteal)
    remarks.push_back(fmt::format("{:.0f}% of the CPU time was stolen", *steal * 100));
  const auto others = metric(record, "other_load_ratio");
  if (others && *others > kHighOtherLoad)
    remarks.push_back(fmt::format("others took {:.0f}% of the CPU time", *others * 100));
  const auto ports = metric(record, "port_waits");
  if (ports && *ports > 0)
    remarks.push_back(
        fmt::format("waited {:.0f} times for an ephemeral port: the rate is that of "
                    "TIME_WAIT, not of the sockets",
                    *ports));
}

// What an end received, in bits a second, in each half of its window; nothing when it has too few
// intervals to say.
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

// Latency under load is that of a load that has settled.
void remark_background(const TrialRecord& record, Remarks& remarks) {
  if (!record.background) return;
  const bool reverse = record.background->trial_case->options.reverse.value_or(false);
  const auto halves = halves_of(reverse ? record.background->client : record.background->server);
  if (halves && std::abs(halves->second - halves->first) > kUnsteady * halves->first)
    remarks.push_back(
        fmt::format("the background was not steady: {} in its first half, {} in its "
                    "second: give it a longer warmup",
                    human_rate(halves->first), human_rate(halves->second)));
}

}  // namespace

void TrialWarnings::remember(const std::string& case_name, double rtt_p50_ns) {
  rtt_p50_ns_[case_name].push_back(rtt_p50_ns);
}

std::string TrialWarnings::assess(const TrialRecord& record) {
  if (record.status != Status::ok || record.trial_case->options.engine == "null") return "";
  Remarks remarks;
  remark_rate(record, remarks);
  remark_windows(record, remarks);
  remark_disturbance(record, remarks);
  remark_background(record, remarks);
  if (const auto p50 = metric(record, "rtt_p50_ns"); p50 && *p50 > 0) {
    std::vector<double>& earlier = rtt_p50_ns_[record.trial_case->name];
    if (earlier.size() >= kMinTrials) {
      const double ratio = *p50 / median(earlier);
      if (ratio > kFarMedian || ratio < 1 / kFarMedian)
        remarks.push_back(
            fmt::format("p50 is {:.2g} times that of the case's trials so far", ratio));
    }
    earlier.push_back(*p50);
  }
  return fmt::format("{}", fmt::join(remarks, "; "));
}

}  // namespace pingperf
