// Tables of a run's results for the terminal, in 80 columns.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/base/text_table.h"
#include "harness/experiment/experiment.h"
#include "harness/results/summary.h"

namespace pingperf {

// Returns one table per kind of workload: the medians over the trials of each case and their
// spread. The cases keep the given order. Above them is a grid for each workload of two axes.
std::string results_table(const TrialTable& trials, const std::vector<Case>& cases,
                          const Style& style);

// Returns the tables alone, in Markdown.
std::string results_markdown(const TrialTable& trials, const std::vector<Case>& cases);

}  // namespace pingperf
