// Prints the tables of docs/statistics.md about change points. Usage: simulate_changes [SERIES]
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>

#include "bench/calibration/series.h"

namespace pingperf {
namespace {

// The plain rule that many CI jobs have: the last run differs from the mean of those before by 10
// %.
double plain_alarms(const std::string& noise, std::size_t series) {
  constexpr std::size_t kFirst = 20, kLast = 60;
  std::size_t alarms = 0;
  for (std::size_t i = 0; i < series; ++i) {
    const std::vector<double> values = simulated_series(noise, kLast, 0, 0, 1000 + i);
    for (std::size_t runs = kFirst; runs < kLast; ++runs) {
      const auto end = values.begin() + static_cast<std::ptrdiff_t>(runs);
      const double level = std::accumulate(values.begin(), end, 0.0) / static_cast<double>(runs);
      alarms += std::abs(std::expm1(*end - level)) > 0.1;
    }
  }
  return 100.0 * static_cast<double>(alarms) / static_cast<double>(series * (kLast - kFirst));
}

void print_table(std::size_t series) {
  fmt::print(
      "| noise | alarms per 100 runs | plain rule | 5 %: after 1, 3, 5, 20 runs | 10 % | 25 % |\n"
      "|---|---|---|---|---|---|\n");
  for (const std::string& noise : simulated_noises()) {
    fmt::print("| {} | {:.2f} | {:.2f}", noise, simulated_alarms(noise, series, {}),
               plain_alarms(noise, series));
    for (double step : {0.05, 0.1, 0.25}) {
      fmt::print(" | ");
      for (std::size_t after : {1, 3, 5, 20})
        fmt::print("{}{:.0f}", after == 1 ? "" : ", ",
                   100 * simulated_found(noise, step, after, series, {}));
    }
    fmt::print(" |\n");
  }
}

// Returns the share of series in which exactly the two changes are found, within three runs.
double both_found(double second, std::size_t series) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < series; ++i) {
    std::vector<double> values = simulated_series("session effects", 80, 0.1, 50, 9000 + i);
    for (std::size_t k = 60; k < values.size(); ++k) values[k] += second;
    const std::vector<ChangePoint> changes = find_change_points(values, {}).changes;
    const auto is_near = [](std::size_t place, std::size_t expected) {
      return place + 3 >= expected && place <= expected + 3;
    };
    count += changes.size() == 2 && is_near(changes[0].first, 30) && is_near(changes[1].first, 60);
  }
  return 100.0 * static_cast<double>(count) / static_cast<double>(series);
}

}  // namespace
}  // namespace pingperf

int main(int argc, char** argv) {
  using namespace pingperf;
  const std::size_t series = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 200;
  print_table(series);
  fmt::print("\nA step of 10 % and back after 30 runs: {:.0f} %; two steps of 10 %: {:.0f} %\n",
             both_found(-std::log1p(0.1), series), both_found(std::log1p(0.1), series));
}
