// Reads many runs of calibration.yaml and prints how often change points are found in the medians
// of real trials: the Markdown table for docs/statistics.md. Usage: calibrate_changes RUNS
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <map>
#include <string>
#include <vector>

#include "bench/calibration/series.h"
#include "harness/base/statistics.h"
#include "harness/results/run_set.h"

namespace {

using namespace pingperf;

using Series = std::vector<double>;

// Returns the logarithms of the medians of the runs; 0 for a run without values.
Series log_medians(const RunSet& runs, const std::string& case_name, const std::string& metric) {
  Series series;
  for (const RunSet::Run& run : runs.runs()) {
    std::vector<double> values;
    for (const auto& [block, value] : run.trials.values(case_name, metric)) values.push_back(value);
    series.push_back(values.empty() ? 0 : std::log(median(values)));
  }
  return series;
}

// Returns the series of the engines of calibration.yaml, with the runs that all of them have.
std::map<std::string, Series> series_of(const RunSet& runs, const std::string& workload,
                                        const std::string& metric) {
  std::map<std::string, Series> series;
  for (const char* const engine : {"even", "twin", "slowed_10", "slowed_25"})
    series[engine] = log_medians(runs, workload + "/engine=" + engine, metric);
  for (std::size_t i = runs.runs().size(); i-- > 0;)
    if (std::ranges::any_of(series, [&](const auto& entry) { return entry.second[i] == 0; }))
      for (auto& [engine, values] : series)
        values.erase(values.begin() + static_cast<std::ptrdiff_t>(i));
  return series;
}

// Returns the share in % of the steps that are found: 40 runs of one engine, then `after` of the
// other, for each first run. These series overlap.
std::string share_found(const Series& before, const Series& changed, std::size_t after) {
  constexpr std::size_t kBefore = 40;
  std::size_t found = 0, count = 0;
  for (std::size_t begin = 0; begin + kBefore + after <= before.size(); ++begin, ++count) {
    Series series(before.begin() + static_cast<std::ptrdiff_t>(begin),
                  before.begin() + static_cast<std::ptrdiff_t>(begin + kBefore + after));
    for (std::size_t i = kBefore; i < series.size(); ++i) series[i] = changed[begin + i];
    found += is_found_at(kBefore, series, {});
  }
  if (count == 0) return "-";
  return fmt::format("{:.0f}", 100 * static_cast<double>(found) / static_cast<double>(count));
}

std::string cells_of(const Series& before, const Series& changed) {
  std::string cells = fmt::format(" {:.3f} |", std::exp(median(changed) - median(before)));
  for (std::size_t after : {1, 3, 5, 20})
    cells += (after == 1 ? " " : ", ") + share_found(before, changed, after);
  return cells + " |";
}

void print_row(const RunSet& runs, const std::string& workload, const std::string& metric) {
  const std::map<std::string, Series> series = series_of(runs, workload, metric);
  const Series& even = series.at("even");
  fmt::print("| {} | {} | {:.1f} % | {} and {} |{}{}\n", metric, even.size(),
             100 * standard_deviation(even).value_or(0), alarms_in(even, {}),
             alarms_in(series.at("twin"), {}), cells_of(even, series.at("slowed_10")),
             cells_of(even, series.at("slowed_25")));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    RunSet runs = RunSet::read({argv + 1, argv + argc});
    runs.sort_by_start();
    fmt::print(
        "| metric | runs | sd | alarms | 10 %: ratio | found | 25 %: ratio | found |\n"
        "|---|---|---|---|---|---|---|---|\n");
    print_row(runs, "bulk", "throughput_bps");
    print_row(runs, "pingpong", "rtt_p50_ns");
    return 0;
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 1;
  }
}
