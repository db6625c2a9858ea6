// Exports: a run in the formats that other tools read.
#pragma once

#include <string>

#include "harness/base/json.h"
#include "harness/results/summary.h"

namespace pingperf {

// Google Benchmark's JSON: an entry a trial, and mean, median, stddev and cv of each case. Its
// real_time is the nanoseconds that a megabyte (1e6 bytes) took, or the median round trip; cpu_time
// the CPU nanoseconds of both ends per megabyte, or per exchange, and 0 for all of a case
// where that was not measured in every trial. The other metrics are counters. Cases without such a
// time are left out. `environment`: the run's environment.json, or null. Source:
// github.com/google/benchmark, docs/user_guide.md, "Output Formats".
std::string benchmark_json(const TrialTable& trials, const Json& environment);

// OpenMetrics text, which is also what node_exporter's textfile collector reads: a gauge a metric,
// in base units, with the median of each case and its interval as label "stat".
// Source: github.com/prometheus/OpenMetrics, specification 1.0.
std::string openmetrics(const TrialTable& trials);

}  // namespace pingperf
