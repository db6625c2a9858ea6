// The report: a run, or several, as one HTML page that needs nothing else.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "harness/comparison.h"
#include "harness/experiment.h"
#include "harness/gates.h"
#include "harness/run_comparison.h"
#include "harness/summary.h"

namespace pingperf {

// A run as it is told. What is not here is read from its directory: intervals.csv, histograms,
// environment.json and experiment.yaml, each of which may be missing.
struct ReportedRun {
  std::filesystem::path directory;
  const Experiment* experiment = nullptr;  // never null
  const TrialTable* trials = nullptr;      // never null
  std::vector<SummaryRow> summary;
  std::vector<ComparisonRow> comparisons;
  std::vector<GateRow> gates;
};

// A later run against the first.
struct ReportedChange {
  std::size_t run = 1;  // index among the runs
  RunComparison comparison;
};

// The page. Its size is bounded: of many cases, trials or intervals it draws some, evenly spread,
// and says so. Throws CsvError when a file is damaged.
std::string report_html(const std::vector<ReportedRun>& runs,
                        const std::vector<ReportedChange>& changes = {});

}  // namespace pingperf
