#include "harness/quality.h"

#include <fmt/format.h>

#include <vector>

#include "harness/columns.h"
#include "harness/units.h"

namespace pingperf {
namespace {

constexpr double kRateReached = 0.95;   // of the offered rate
constexpr double kShortWindow_s = 0.1;  // below, one late wake-up is a visible share
constexpr double kMuchSteal = 0.05;

std::optional<double> metric(const TrialRecord& record, std::string_view name) {
  return find_metric(name)->value(record);
}

}  // namespace

std::string assess_quality(const TrialRecord& record) {
  if (record.status != Status::ok || record.trial_case->options.engine == "null") return "";
  std::vector<std::string> remarks;
  const auto sent = metric(record, "sent_bps");
  const auto offered = record.trial_case->options.rate_bps;
  if (offered && sent && *sent < kRateReached * static_cast<double>(*offered))
    remarks.push_back(fmt::format("sent {} of the offered {}", human_rate(*sent),
                                  human_rate(static_cast<double>(*offered))));
  const auto window = metric(record, "client_window_s");
  if (window && *window < kShortWindow_s)
    remarks.push_back(fmt::format("short window: {}", human_duration(*window * 1e9)));
  const auto steal = metric(record, "steal_ratio");
  if (steal && *steal > kMuchSteal)
    remarks.push_back(fmt::format("{:.0f}% of the CPU time was stolen", *steal * 100));
  return fmt::format("{}", fmt::join(remarks, "; "));
}

}  // namespace pingperf
