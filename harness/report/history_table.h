// The stored runs of a history as text, CSV and JSON.
#pragma once

#include <string>
#include <vector>

#include "harness/base/json_fwd.h"
#include "harness/base/text_table.h"
#include "harness/history/history.h"

namespace pingperf {

// Returns one line per run: number, start, experiment, machine, labels and name.
std::string history_runs_table(const std::vector<HistoryRun>& runs, const Style& style);
std::string history_runs_csv(const std::vector<HistoryRun>& runs);
Json history_runs_json(const std::vector<HistoryRun>& runs);

// Returns what is known of a run, one fact per line.
std::string history_run_text(const HistoryRun& run);

// Returns "commit=1a2b3c4 branch=main".
std::string labels_text(const HistoryRun& run);

// Return the header, and one median of a run, as a row of CSV or as an object without a newline.
std::string history_medians_header();
std::string history_median_csv(const HistoryRun& run, const std::string& case_name,
                               const std::string& metric, double value);
std::string history_median_json(const HistoryRun& run, const std::string& case_name,
                                const std::string& metric, double value);

}  // namespace pingperf
