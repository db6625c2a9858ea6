#include "harness/report/results_table.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "harness/base/statistics.h"
#include "harness/base/units.h"
#include "harness/report/grid.h"
#include "harness/results/metric_text.h"
#include "harness/results/metrics.h"

namespace pingperf {
namespace {

using MetricNames = std::vector<std::string_view>;

// Returns the metrics shown for a kind of workload. A metric that no case has is left out.
MetricNames metrics_of(Kind kind) {
  if (kind ==
      Kind::throughput)  // sent_bps replaces the goodput that an external server does not report
    return {"throughput_bps", "sent_bps", "retransmits", "loss_ratio", "cpu_s_per_gb"};
  return {"rtt_p50_ns", "rtt_p99_ns", "rtt_naive_p99_ns", "rtt_max_ns",
          "rate_hz",    "lost",       "fairness_index"};
}

// The metrics of isochronous frames, and of the tables of parts of a round trip.
const MetricNames kFrames = {"frames", "frames_late", "frames_dropped", "frame_p50_ns",
                             "frame_p99_ns"};
const MetricNames kKernelParts = {"app_to_kernel_p50_ns", "kernel_to_kernel_p50_ns",
                                  "turnaround_p50_ns", "kernel_to_app_p50_ns"};
const MetricNames kConnectParts = {"connect_p50_ns", "handshake_p50_ns", "first_byte_p50_ns",
                                   "close_p50_ns",   "port_waits",       "time_waits"};

// Returns half the range of the trials as a share of their median: "±3%".
std::string spread(const std::vector<double>& values) {
  if (values.size() < 2) return "";
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const double center = median(values);
  if (center == 0) return "";
  return fmt::format("±{:.0f}%", 50 * (*high - *low) / center);
}

std::string cell(const TrialTable& trials, const std::string& name, std::string_view metric) {
  const std::vector<double> values = values_of(trials, name, metric);
  return values.empty() ? "-" : human_metric(metric, median(values));
}

Cell ok_count(const TrialTable& trials, const std::string& name) {
  const std::size_t ok = trials.count_ok(name), all = trials.rows_of(name).size();
  return {fmt::format("{}/{}", ok, all), ok == all ? TextStyle::plain : TextStyle::error};
}

std::vector<std::string> cases_of_kind(const TrialTable& trials, const std::vector<Case>& all,
                                       Kind kind) {
  std::vector<std::string> cases;
  for (const Case& c : all)
    if (c.options->kind == kind && !trials.rows_of(c.name).empty() && !trials.is_searched(c.name))
      cases.push_back(c.name);
  return cases;
}

constexpr std::string_view kBarHeader = "█p50 ━p99 ─max";

// Returns a bar on a logarithmic axis from `low` to `high`: a block at p50, a thick line to p99 and
// a thin line to the maximum.
std::string percentile_bar(const std::array<double, 3>& percentiles, double low, double high,
                           std::size_t width) {
  const auto place = [&](double value) {
    const double share = high > low ? std::log(value / low) / std::log(high / low) : 0;
    return static_cast<std::size_t>(std::lround(share * static_cast<double>(width - 1)));
  };
  const std::size_t p50 = place(percentiles[0]), p99 = place(percentiles[1]),
                    most = place(percentiles[2]);
  std::string bar;
  for (std::size_t i = 0; i < width; ++i)
    bar += i < p50 ? " " : i == p50 ? "█" : i <= p99 ? "━" : i <= most ? "─" : " ";
  return bar;
}

// Adds a column with a bar for each case, all on one axis. Adds none if the terminal is too narrow.
void add_bars(TextTable& table, const TrialTable& trials, const std::vector<std::string>& cases,
              std::size_t terminal_width) {
  constexpr std::size_t kMaxWidth = 30, kGap = 2;
  const std::size_t needed = table.width() + kGap + display_width(kBarHeader);
  if (terminal_width == std::string::npos || needed > terminal_width) return;
  const std::size_t width = std::min(kMaxWidth, terminal_width - table.width() - kGap);
  std::vector<std::optional<std::array<double, 3>>> figures;
  double low = std::numeric_limits<double>::infinity(), high = 0;
  for (const std::string& name : cases) {
    figures.emplace_back();
    std::array<double, 3> percentiles{};
    for (const auto& [i, metric] :
         {std::pair{0, "rtt_p50_ns"}, {1, "rtt_p99_ns"}, {2, "rtt_max_ns"}})
      if (const auto values = values_of(trials, name, metric); !values.empty())
        percentiles[static_cast<std::size_t>(i)] = median(values);
    if (*std::min_element(percentiles.begin(), percentiles.end()) <= 0) continue;
    std::sort(percentiles.begin(), percentiles.end());  // medians of few trials may cross
    figures.back() = percentiles;
    low = std::min(low, percentiles.front());
    high = std::max(high, percentiles.back());
  }
  std::vector<std::string> bars;
  for (const auto& percentiles : figures)
    bars.push_back(percentiles ? percentile_bar(*percentiles, low, high, width) : "");
  table.add_column(std::string(kBarHeader), bars);
}

std::optional<TextTable> kind_table(const TrialTable& trials, const std::vector<Case>& all,
                                    Kind kind, std::size_t terminal_width) {
  const std::vector<std::string> cases = cases_of_kind(trials, all, kind);
  if (cases.empty()) return std::nullopt;
  MetricNames shown = metrics_of(kind);
  std::erase_if(shown, [&](std::string_view metric) {
    return std::all_of(cases.begin(), cases.end(), [&](const std::string& name) {
      const std::vector<double> values = values_of(trials, name, metric);
      const bool all_zero =
          std::all_of(values.begin(), values.end(), [](double v) { return v == 0; });
      return values.empty() || (metric == "lost" && all_zero);
    });
  });
  if (!shown.empty() && shown.front() == "throughput_bps") std::erase(shown, "sent_bps");
  std::vector<std::string> header{std::string(name(kind)), "ok"};
  for (const std::string_view metric : shown) {
    header.push_back(short_title_of(metric));
    if (metric == shown.front()) header.emplace_back("");  // for the spread of the first metric
  }
  TextTable table(header);
  for (const std::string& name : cases) {
    std::vector<Cell> row{name, ok_count(trials, name)};
    for (const std::string_view metric : shown) {
      row.push_back(cell(trials, name, metric));
      if (metric == shown.front()) row.push_back(spread(values_of(trials, name, metric)));
    }
    table.add(std::move(row));
  }
  if (kind != Kind::throughput) add_bars(table, trials, cases, terminal_width);
  return table;
}

// Returns the table of the cases that have the first metric, or nothing if there are none. A metric
// that none of them has is left out.
std::optional<TextTable> parts_table(const TrialTable& trials, const std::vector<Case>& all,
                                     const char* title, MetricNames parts) {
  const auto has = [&](const std::string& name, std::string_view part) {
    return !trials.rows_of(name).empty() && !values_of(trials, name, part).empty();
  };
  std::vector<std::string> cases;
  for (const Case& c : all)
    if (has(c.name, parts[0])) cases.push_back(c.name);
  if (cases.empty()) return std::nullopt;
  std::erase_if(parts, [&](std::string_view part) {
    return std::ranges::none_of(cases, [&](const std::string& name) { return has(name, part); });
  });
  std::vector<std::string> header{title};
  for (const std::string_view part : parts) header.push_back(short_title_of(part));
  TextTable table(header);
  for (const std::string& name : cases) {
    std::vector<Cell> row{name};
    for (const std::string_view part : parts) row.push_back(cell(trials, name, part));
    table.add(std::move(row));
  }
  return table;
}

// Returns the grids of the first metric of each kind.
std::vector<Grid> grids_of(const TrialTable& trials, const std::vector<Case>& cases) {
  std::vector<Grid> grids;
  for (const std::string_view metric : {"throughput_bps", "rtt_p50_ns"})
    for (Grid& grid : result_grids(trials, cases, metric)) grids.push_back(std::move(grid));
  return grids;
}

// `terminal_width` is npos if the output is not a terminal. The tables then have no bars.
std::vector<TextTable> tables_of(const TrialTable& trials, const std::vector<Case>& cases,
                                 std::size_t terminal_width) {
  std::vector<TextTable> tables;
  for (Kind kind : {Kind::throughput, Kind::latency, Kind::connect})
    if (auto table = kind_table(trials, cases, kind, terminal_width))
      tables.push_back(std::move(*table));
  const auto add = [&](const char* title, const MetricNames& parts) {
    if (auto table = parts_table(trials, cases, title, parts)) tables.push_back(std::move(*table));
  };
  add("isochronous frames", kFrames);
  add("of the round trip, p50", kKernelParts);
  add("of the round trip, p50", kConnectParts);
  return tables;
}

}  // namespace

std::string results_table(const TrialTable& trials, const std::vector<Case>& cases,
                          const Style& style) {
  std::string text = grids_text(grids_of(trials, cases), style);
  for (const TextTable& table : tables_of(trials, cases, style.width))
    text += table.to_string(style) + "\n";
  const auto is_ok = [&](const auto& row) { return trials.is_ok(row); };
  if (!text.empty() && std::ranges::any_of(trials.rows(), is_ok))
    text += wrap("Medians of the ok trials; ± is half their range.\n", style.width);
  return text;
}

std::string results_markdown(const TrialTable& trials, const std::vector<Case>& cases) {
  std::string text = grids_markdown(grids_of(trials, cases));
  for (const TextTable& table : tables_of(trials, cases, std::string::npos))
    text += table.to_markdown() + "\n";
  return text.empty() ? text : text + "Medians of the ok trials; ± is half their range.\n";
}

}  // namespace pingperf
