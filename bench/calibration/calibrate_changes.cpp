// Reads many runs of calibration.yaml and prints how often change points are found in the medians
// of real trials: the Markdown table for docs/statistics.md. Usage: calibrate_changes RUNS
#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <exception>
#include <span>

#include "bench/calibration/series.h"
#include "harness/base/statistics.h"
#include "harness/results/run_set.h"

namespace {

using namespace pingperf;

using Series = std::vector<double>;

// Returns the logarithms of the medians of the runs.
Series log_medians(const RunSet& runs, const std::string& case_name, const std::string& metric) {
  Series series;
  for (const RunSet::Run& run : runs.runs()) {
    const std::map<std::uint64_t, double> by_block = run.trials.values(case_name, metric);
    if (by_block.empty()) continue;
    std::vector<double> values;
    for (const auto& [block, value] : by_block) values.push_back(value);
    series.push_back(std::log(median(values)));
  }
  return series;
}

// Returns the share in % of the steps that are found: 40 runs of one engine, then `after` of the
// other, for each first run. These series overlap.
std::string share_found(const Series& before, const Series& changed, std::size_t after) {
  constexpr std::size_t kBefore = 40;
  const std::size_t runs = std::min(before.size(), changed.size());
  std::size_t found = 0, count = 0;
  for (std::size_t begin = 0; begin + kBefore + after <= runs; ++begin, ++count) {
    Series series(before.begin() + static_cast<std::ptrdiff_t>(begin),
                  before.begin() + static_cast<std::ptrdiff_t>(begin + kBefore + after));
    for (std::size_t i = kBefore; i < series.size(); ++i) series[i] = changed[begin + i];
    found += is_found_at(kBefore, series, {});
  }
  if (count == 0) return "-";
  return fmt::format("{:.0f}", 100 * static_cast<double>(found) / static_cast<double>(count));
}

std::string cells_of(const Series& before, const Series& changed) {
  if (changed.empty()) return " - | - |";
  std::string cells = fmt::format(" {:.3f} |", std::exp(median(changed) - median(before)));
  for (std::size_t after : {1, 3, 5, 20})
    cells += (after == 1 ? " " : ", ") + share_found(before, changed, after);
  return cells + " |";
}

void print_row(const RunSet& runs, const std::string& workload, const std::string& metric) {
  const auto series_of = [&](const std::string& engine) {
    return log_medians(runs, workload + "/engine=" + engine, metric);
  };
  const Series even = series_of("even");
  std::string alarms;
  for (const Series& series : {even, series_of("twin")})
    alarms += fmt::format("{}{}", alarms.empty() ? "" : " and ", alarms_in(series, {}));
  fmt::print("| {} | {} | {:.1f} % | {} |{}{}\n", metric, even.size(),
             100 * standard_deviation(even).value_or(0), alarms,
             cells_of(even, series_of("slowed_10")), cells_of(even, series_of("slowed_25")));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    RunSet runs = RunSet::read({argv + 1, argv + argc});
    runs.sort_by_start();
    fmt::print(
        "| metric | runs | sd of the medians | alarms of even and twin | 10 % slower: ratio | "
        "found "
        "after 1, 3, 5, 20 runs | 25 % slower: ratio | found "
        "|\n|---|---|---|---|---|---|---|---|\n");
    print_row(runs, "bulk", "throughput_bps");
    print_row(runs, "pingpong", "rtt_p50_ns");
    return 0;
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 1;
  }
}
