// Grids: the results of a sweep of two axes, one down and one across.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/base/text_table.h"
#include "harness/experiment/experiment.h"
#include "harness/results/trial_table.h"

namespace pingperf {

struct Grid {
  std::string title;  // "bulk: goodput by message_size and engine"
  TextTable table;
};

// Returns the medians of `metric` for each workload whose cases differ on exactly two axes. The
// axis with fewer values is across. The values keep the order of the cases.
std::vector<Grid> result_grids(const TrialTable& trials, const std::vector<Case>& cases,
                               std::string_view metric);

}  // namespace pingperf
