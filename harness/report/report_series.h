// Data of single trials for the report: percentile curves and series in time, thinned so that a
// browser can open the page.
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

// The repetitions to draw, by case.
using DrawnTrials = std::map<std::string, std::vector<std::uint64_t>>;

// Returns at most `limit` of the indices below `count`, evenly spread.
std::vector<std::size_t> evenly_spread(std::size_t count, std::size_t limit);

// Returns the percentile curve in a .hgrm file: [1/(1-percentile), nanoseconds], ascending. At the
// largest value, 1/(1-percentile) is infinite, so its point has the number of pings instead.
// Returns an empty array if the file is missing or has another format.
Json percentile_curve(const std::filesystem::path& hgrm);

// Returns one object per trial: case, repetition and points.
Json percentile_curves(const std::filesystem::path& run, const DrawnTrials& drawn);

// Series in time from intervals.csv: the rate of the receiving end, and the TCP values of the
// sending end. If a trial has many intervals, several are merged into one point.
struct TimeSeries {
  Json trials = Json::array();  // one object per trial: case, repetition, one array per quantity
  std::size_t most_merged = 1;  // the most intervals that became one point
  bool is_too_large = false;    // the file is too large to read, so there are no series
};
// Reads intervals.csv. Throws CsvError.
TimeSeries time_series(const std::filesystem::path& run, const TrialTable& trials,
                       const DrawnTrials& drawn);

// Rounds to six significant digits, which are enough for a picture.
double for_picture(double value);

}  // namespace pingperf
