// The metrics of a trial: one table of name, titles, meaning, direction and getter.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "harness/results/record.h"

namespace pingperf {

enum class Better { neither, higher, lower };

// The kinds of trials that have a metric: throughput, or latency and connect, or any.
enum class MeasuredBy { any, transfers, pings };

struct Metric {
  std::string name;  // the column of trials.csv; ends in the unit
  std::string doc;
  std::function<std::optional<double>(const TrialRecord&)> value;
  Better better = Better::neither;
  MeasuredBy measured_by = MeasuredBy::any;
  int since = 0;                 // generation of columns; later ones come last
  std::string title = {};        // in sentences and on the page: "goodput"; empty: the name
  std::string short_title = {};  // the heading in the results table
  // The smallest difference that matters, of a count or share that is often 0 and so has no ratio.
  std::optional<double> min_difference = {};
};

// Returns all metrics, by topic.
std::span<const Metric> metrics();

// Returns the column of a percentile of the round trips: "rtt_p75_ns" for "75", "rtt_p9995_ns" for
// "99.95". Returns nothing unless the text is a number above 0 and below 100 with at most four
// decimals.
std::optional<std::string> percentile_column(std::string_view percent);
// Returns the metric of such a column, or nothing.
std::optional<Metric> percentile_metric(std::string_view column);

// Returns false for figures of processes and hosts, which no program has to report: pingperf
// measures them.
bool is_reportable(std::string_view metric);

}  // namespace pingperf
