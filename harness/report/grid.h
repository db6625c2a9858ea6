// Grids: the results of a sweep of two axes, one down and one across.
#pragma once

#include <map>
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

using CaseTexts = std::map<std::string, std::string>;  // by the names of cases

// Returns the texts for each workload whose cases differ on exactly two axes, unless most of the
// cells would be empty. The axis with fewer values is across. The values keep the order of the
// cases.
std::vector<Grid> grids_of_texts(const std::vector<Case>& cases, const CaseTexts& texts,
                                 const std::string& subject);

// Returns the medians of `metric` as such grids.
std::vector<Grid> result_grids(const TrialTable& trials, const std::vector<Case>& cases,
                               std::string_view metric);

// The names of the axes of such a grid, whatever the metric.
struct GridAxes {
  std::string workload, down, across;
};
std::vector<GridAxes> result_grid_axes(const TrialTable& trials, const std::vector<Case>& cases);

// Returns the grids below their titles.
std::string grids_text(const std::vector<Grid>& grids, const Style& style);
std::string grids_markdown(const std::vector<Grid>& grids);

}  // namespace pingperf
