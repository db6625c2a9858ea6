// Summary: the statistics of each case and metric of trials.csv.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harness/results/trial_table.h"

namespace pingperf {

// The statistics of one metric of one case. ci_low and ci_high bound the 95 % interval of the
// median. They are empty for fewer than 6 values.
struct SummaryRow {
  std::string run, case_name, workload, metric;
  std::size_t n = 0;
  double median = 0, mean = 0, min = 0, max = 0;
  std::optional<double> stddev, cv, ci_low, ci_high;
};

// Returns a row for each case and metric with at least one value. `order` has the names of the
// cases; else they are in the order of their first trials.
std::vector<SummaryRow> summarize(const TrialTable& trials);
std::vector<SummaryRow> summarize(const TrialTable& trials, const std::vector<std::string>& order);

// Returns the text of summary.csv.
std::string summary_csv(const std::vector<SummaryRow>& rows);
std::string summary_columns_markdown();

}  // namespace pingperf
