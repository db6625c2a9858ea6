// What a report draws of single trials: percentile curves and what happened in time, thinned to a
// size that a browser opens.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "harness/base/json.h"
#include "harness/results/summary.h"

namespace pingperf {

// The trials of a run that something is drawn of: by case, the repetitions.
using DrawnTrials = std::map<std::string, std::vector<std::uint64_t>>;

// Of `count` things in order, the indices of at most `most`, evenly spread.
std::vector<std::size_t> evenly_spread(std::size_t count, std::size_t most);

// The percentile curve in a .hgrm file: [1/(1-percentile), nanoseconds] ascending. The largest
// value stands at the number of pings. Empty when the file is missing or is no such curve.
Json percentile_curve(const std::filesystem::path& hgrm);

// An object a trial: case, repetition and its points.
Json percentile_curves(const std::filesystem::path& run, const DrawnTrials& drawn);

// Series in time from intervals.csv: the rate of the receiving end, and what TCP told at the
// sending end. Intervals are merged where a trial has many. `most_merged`: of any trial, how many
// became one. Throws CsvError.
struct TimeSeries {
  Json trials = Json::array();  // an object a trial: case, repetition, and an array a quantity
  std::size_t most_merged = 1;
  bool is_too_large = false;  // the file, to be read here: there are none
};
TimeSeries time_series(const std::filesystem::path& run, const TrialTable& trials,
                       const DrawnTrials& drawn);

// To six significant digits: what a picture needs.
double for_picture(double value);

}  // namespace pingperf
