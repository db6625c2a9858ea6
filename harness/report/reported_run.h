// ReportedRun: a run with all data of its report.
#pragma once

#include <cstddef>
#include <filesystem>
#include <vector>

#include "harness/experiment/experiment.h"
#include "harness/results/summary.h"
#include "harness/verdicts/comparison.h"
#include "harness/verdicts/gates.h"
#include "harness/verdicts/run_comparison.h"
#include "harness/verdicts/searches.h"

namespace pingperf {

// A run with the results that are computed from its trials. The report reads the other files from
// the directory: intervals.csv, histograms, environment.json and experiment.yaml. Each may be
// missing.
struct ReportedRun {
  std::filesystem::path directory;
  const Experiment* experiment = nullptr;  // never null
  const TrialTable* trials = nullptr;      // never null
  std::vector<SummaryRow> summary;
  std::vector<Verdict> comparisons;
  std::vector<Verdict> gates;
  std::vector<SearchResult> searches;
  std::size_t gates_left_out = 0;  // gates against stored runs, which may be gone
};

// The comparison of a later run with the first, or of the newest of many with the others.
struct ReportedChange {
  std::size_t run = 1;  // index among the runs
  RunComparison comparison;
};

}  // namespace pingperf
