// Columns of a run that are not in the table of all columns: percentiles and labels of its
// experiment, and the parameters of a case beside its figures.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/results/record.h"
#include "harness/results/trial_table.h"

namespace pingperf {

// The columns that an experiment adds. Its percentiles are metrics of trials.csv. Its labels are
// the last columns of every table, with one value per run.
struct OwnColumns {
  std::vector<std::string> percentiles;                     // "rtt_p75_ns"
  std::vector<std::pair<std::string, std::string>> labels;  // {"commit", "1a2b3c4"}
};

// Return the header and the row of trials.csv with these columns.
std::string trials_header(const OwnColumns& own);
std::string trial_row(const TrialRecord& record, const OwnColumns& own);

// Return a header, or rows, of another table with the labels.
std::string with_label_names(const std::string& header, const OwnColumns& own);
std::string with_label_values(const std::string& rows, const OwnColumns& own);

// Returns the labels of a run: the columns of trials.csv that pingperf does not know, with the cell
// of the first row.
std::vector<std::pair<std::string, std::string>> labels_of(const TrialTable& trials);

// Returns the metrics that trials.csv may have: all of pingperf, and percentiles of the experiment.
// The names are valid as long as the table.
std::vector<std::string_view> metrics_of(const TrialTable& trials);

// Returns the columns of trials.csv that have the parameters of a case.
std::vector<std::string_view> parameter_columns();

// Returns a table of figures with the parameters and the labels of the case of each row, which its
// column `case` names.
std::string with_case_columns(const std::string& csv, const TrialTable& trials,
                              std::vector<std::string_view> names = parameter_columns());

// Returns a sentence on these columns for results/README.md.
std::string case_columns_markdown();

}  // namespace pingperf
