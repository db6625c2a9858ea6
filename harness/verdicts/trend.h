// Trend: the change points of every case and metric over the runs of a history.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "harness/history/history.h"
#include "harness/verdicts/change_points.h"

namespace pingperf {

struct TrendOptions {
  std::vector<std::string> metrics;
  std::string cases;          // a glob over the names; empty: all
  std::string relative_to;    // as in compare: "engine=iperf3"; empty: none
  double threshold = 0.02;    // smaller changes are no changes
  std::size_t min_runs = 10;  // a series with fewer is not judged
  ChangeSearch search;
};

// The median of a case in a run, or its ratio to that of the reference.
struct TrendPoint {
  std::size_t run = 0;  // index in Trend::runs
  double value = 0;
  std::int64_t parameters = 0;
  std::int64_t reference_parameters = 0;  // 0 without a reference
};

// The level of a series between two changes. Its interval is that of the median, and empty for
// fewer than 6 runs.
struct TrendLevel {
  std::size_t runs = 0;
  double median = 0;
  std::optional<double> ci_low, ci_high;
};

struct TrendChange {
  ChangePoint at;   // indices of the series' points
  double size = 1;  // a ratio, or a difference: Hodges–Lehmann, or of the means if a part is short
  std::optional<double> ci_low, ci_high;
  double q_value = 1;  // over all cases and metrics
  TrendLevel before, after;
  bool is_worse = false;  // false, too, if the metric has no direction
  // The changes of the environment beside it: "kernel: Linux 6.1, now Linux 6.18". Then the change
  // is not blamed on the code.
  std::vector<std::string> environment;
};

struct TrendSeries {
  std::string experiment;
  std::string case_name;
  std::string metric;
  std::string reference;       // the case by which the values are divided; empty if they are not
  bool is_difference = false;  // sizes are differences, because values may be 0 or negative
  std::vector<TrendPoint> points;
  double p_value = 1;           // of no change in the whole series
  TrendLevel first_level;       // before the first change
  std::size_t first_begin = 0;  // the index of the first point of first_level
  std::vector<TrendChange> changes;
  std::string unjudged;  // why the series is not judged; empty if it is
};

// The changes of the environment before a run.
struct EnvironmentChange {
  std::size_t run = 0;
  std::vector<std::string> facts;
};

struct Trend {
  std::vector<HistoryRun> runs;  // in the order of their start
  std::vector<TrendSeries> series;
  std::vector<EnvironmentChange> environment;
};

// Returns the trend of the runs. The changes of all series are one family: each has q <= 5 %.
// Throws UsageError if no run has a metric or a case, or if the reference does not exist.
Trend find_trend(History& history, const std::vector<HistoryRun>& runs,
                 const TrendOptions& options);

// Removes the changes before the first run with a label ("commit=1a2b3c4") or a date. The first
// level is then that after the last removed change. Throws UsageError if there is no such run.
void keep_changes_since(Trend& trend, const std::string& since);

// Returns the last run before a change and the first one after it.
const HistoryRun& last_before(const Trend& trend, const TrendSeries& series,
                              const TrendChange& change);
const HistoryRun& first_after(const Trend& trend, const TrendSeries& series,
                              const TrendChange& change);

// Returns true if the change fails a gate: it is for the worse, no change of the environment is
// beside it, and its first run is one of the `newest` runs of the experiment.
bool is_failure(const Trend& trend, const TrendSeries& series, const TrendChange& change,
                std::size_t newest);

}  // namespace pingperf
