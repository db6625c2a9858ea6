#include "harness/results/metric_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "harness/base/units.h"
#include "harness/results/metrics.h"

namespace pingperf {
namespace {

const Metric* known_metric(std::string_view name) {
  const auto found = std::ranges::find(metrics(), name, &Metric::name);
  return found == metrics().end() ? nullptr : &*found;
}

// Returns a share with two decimals, or as many as its first digit needs: "0.004%".
std::string percent_text(double share, int more_digits) {
  constexpr int kMaxDecimals = 9;
  int decimals = 2;
  while (share != 0 && std::abs(100 * share) < std::pow(10, -decimals) && decimals < kMaxDecimals)
    ++decimals;
  return fmt::format("{:.{}f}%", 100 * share, decimals + more_digits);
}

}  // namespace

std::string title_of(std::string_view metric) {
  if (const Metric* const known = known_metric(metric))
    return known->title.empty() ? std::string(metric) : known->title;
  const std::optional<Metric> percentile = percentile_metric(metric);
  return percentile ? percentile->title : std::string(metric);
}

std::string short_title_of(std::string_view metric) {
  if (const Metric* const known = known_metric(metric))
    return known->short_title.empty() ? std::string(metric) : known->short_title;
  const std::optional<Metric> percentile = percentile_metric(metric);
  return percentile ? percentile->short_title : std::string(metric);
}

std::optional<std::string> with_unit(std::string_view metric, double value, int more_digits) {
  if (metric.ends_with("_bps")) return human_rate(value, more_digits);
  if (metric.ends_with("_ns")) return human_duration(value, more_digits);
  if (metric.ends_with("_bytes")) return human_size(value, more_digits);
  if (metric.ends_with("_hz")) return human_frequency(value, more_digits);
  if (metric.ends_with("loss_ratio")) return percent_text(value, more_digits);
  return std::nullopt;
}

std::string human_metric(std::string_view metric, double value) {
  if (auto text = with_unit(metric, value)) return *text;
  if (metric.ends_with("_s_per_gb")) return fmt::format("{:.3f}", value);
  // Counts are whole. Other figures have three digits, as those with a unit.
  if (value == std::floor(value) || std::abs(value) >= 1e6) return fmt::format("{:.6g}", value);
  return std::abs(value) < 99.95 ? fmt::format("{:.3g}", value) : fmt::format("{:.0f}", value);
}

}  // namespace pingperf
