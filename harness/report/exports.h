// Exports: a run in the formats that other tools read.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "harness/base/json.h"
#include "harness/results/summary.h"

namespace pingperf {

// A run of openmetrics(), and labels that all its samples have.
struct MetricsOfRun {
  TrialTable trials;
  std::map<std::string, std::string> labels = {};
};

// Returns Google Benchmark's JSON: one entry per trial, and mean, median, stddev and cv of each
// case. real_time is the time per megabyte (1e6 bytes) or the median round trip, in nanoseconds.
// cpu_time is the CPU time of both ends per megabyte or per exchange. It is 0 for a case if one of
// its trials did not measure it. The other metrics are counters. Cases without a real_time are left
// out. `environment` is the run's environment.json, or null.
// Source: github.com/google/benchmark, docs/user_guide.md, "Output Formats".
std::string benchmark_json(const TrialTable& trials, const Json& environment);

// Returns the labels that tell a run from others in one directory of the node exporter: run, host,
// and those of the run itself under names that OpenMetrics takes.
std::map<std::string, std::string> labels_of_export(const TrialTable& trials);

// Returns OpenMetrics text, which node_exporter's textfile collector reads too. Each metric is one
// gauge in base units. The label "stat" distinguishes the median of a case and the ends of its
// interval.
// Source: github.com/prometheus/OpenMetrics, specification 1.0.
std::string openmetrics(const std::vector<MetricsOfRun>& runs);

}  // namespace pingperf
