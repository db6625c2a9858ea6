// Simulated series of run medians, and how often change points are found in them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "harness/verdicts/change_points.h"

namespace pingperf {

// The names of the noises: session effects (normal, sd 3 %), heavy tails, outliers, AR(1), drift,
// changing variance.
std::vector<std::string> simulated_noises();

// Returns `runs` logarithms of medians. The last `after` have a level that is higher by `step`.
std::vector<double> simulated_series(const std::string& noise, std::size_t runs, double step,
                                     std::size_t after, std::uint64_t seed);

// Returns the alarms of a series without a change that grows from 20 runs: each run after which a
// change is in its newest five runs is one.
std::size_t alarms_in(std::span<const double> values, const ChangeSearch& search);

// Returns true if a change is found within three runs of the place of the first changed run.
bool is_found_at(std::size_t place, std::span<const double> values, const ChangeSearch& search);

// Returns the alarms per 100 runs of simulated series of 60 runs.
double simulated_alarms(const std::string& noise, std::size_t series, const ChangeSearch& search);

// Returns the share of the series of 40 runs and `after` more in which a step is found within three
// runs of its place.
double simulated_found(const std::string& noise, double step, std::size_t after, std::size_t series,
                       const ChangeSearch& search);

}  // namespace pingperf
