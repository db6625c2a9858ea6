#include "bench/calibration/series.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>

namespace pingperf {
namespace {

constexpr std::size_t kFirstRuns = 20;  // of a series that grows

constexpr double kSd = 0.03;

using Generator = std::mt19937_64;

double heavy_tailed(Generator& random) {
  std::student_t_distribution<double> t(3);
  return kSd / std::sqrt(3.0) * t(random);  // the variance of t with 3 degrees is 3
}

std::vector<double> noise_of(const std::string& noise, std::size_t runs, std::uint64_t seed) {
  Generator random(seed);
  std::normal_distribution<double> normal(0, kSd);
  std::uniform_real_distribution<double> uniform;
  std::vector<double> values;
  double previous = normal(random);
  for (std::size_t i = 0; i < runs; ++i) {
    if (noise == "session effects")
      values.push_back(normal(random));
    else if (noise == "heavy tails")
      values.push_back(heavy_tailed(random));
    else if (noise == "outliers")  // a run in twenty is 20 % lower
      values.push_back(normal(random) - (uniform(random) < 0.05 ? 0.2 : 0));
    else if (noise == "AR(1)")
      values.push_back(previous = 0.5 * previous + std::sqrt(0.75) * normal(random));
    else if (noise == "drift")  // 5 % in 100 runs
      values.push_back(normal(random) + 0.0005 * static_cast<double>(i));
    else if (noise == "changing variance")
      values.push_back(normal(random) * (i / 20 % 2 == 0 ? 0.5 : 1));
    else
      throw std::invalid_argument("no such noise: " + noise);
  }
  return values;
}

}  // namespace

std::vector<std::string> simulated_noises() {
  return {"session effects", "heavy tails", "outliers", "AR(1)", "drift", "changing variance"};
}

std::vector<double> simulated_series(const std::string& noise, std::size_t runs, double step,
                                     std::size_t after, std::uint64_t seed) {
  std::vector<double> values = noise_of(noise, runs, seed);
  for (std::size_t i = runs - std::min(after, runs); i < runs; ++i) values[i] += std::log1p(step);
  return values;
}

std::size_t alarms_in(std::span<const double> values, const ChangeSearch& search) {
  constexpr std::size_t kNewest = 5;
  std::size_t alarms = 0;
  for (std::size_t runs = kFirstRuns + 1; runs <= values.size(); ++runs) {
    const ChangePoints found = find_change_points(values.first(runs), search);
    alarms += std::ranges::any_of(
        found.changes, [&](const ChangePoint& change) { return change.first + kNewest >= runs; });
  }
  return alarms;
}

bool is_found_at(std::size_t place, std::span<const double> values, const ChangeSearch& search) {
  constexpr std::size_t kNear = 3;
  return std::ranges::any_of(
      find_change_points(values, search).changes, [&](const ChangePoint& change) {
        return change.first + kNear >= place && change.first <= place + kNear;
      });
}

double simulated_alarms(const std::string& noise, std::size_t series, const ChangeSearch& search) {
  constexpr std::size_t kLast = 60;
  std::size_t alarms = 0;
  for (std::size_t i = 0; i < series; ++i)
    alarms += alarms_in(noise_of(noise, kLast, 1000 + i), search);
  return 100.0 * static_cast<double>(alarms) / static_cast<double>(series * (kLast - kFirstRuns));
}

double simulated_found(const std::string& noise, double step, std::size_t after, std::size_t series,
                       const ChangeSearch& search) {
  constexpr std::size_t kBefore = 40;
  std::size_t count = 0;
  for (std::size_t i = 0; i < series; ++i) {
    const std::vector<double> values =
        simulated_series(noise, kBefore + after, step, after, 5000 + i);
    count += is_found_at(kBefore, values, search);
  }
  return static_cast<double>(count) / static_cast<double>(series);
}

}  // namespace pingperf
