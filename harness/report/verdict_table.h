// Tables of verdicts: comparisons within a run, across runs, and gates.
#pragma once

#include <string>
#include <vector>

#include "harness/base/text_table.h"
#include "harness/verdicts/comparison.h"
#include "harness/verdicts/gates.h"
#include "harness/verdicts/run_comparison.h"

namespace pingperf {

// Returns each compared pair with its ratio and its number of pairs of trials. Text about the
// changes that so many pairs could have found follows.
std::string comparisons_table(const std::vector<Verdict>& rows, const Style& style);
std::string comparisons_markdown(const std::vector<Verdict>& rows);

// Returns each case of two sets of runs, below the differences between the two sets.
std::string run_comparison_table(const RunComparison& comparison, const Style& style);
// Returns the same as Markdown for a comment on a pull request.
std::string run_comparison_markdown(const RunComparison& comparison);

// Returns each case of each gate. The baselines of ratios and the reasons why gates are not decided
// follow.
std::string gates_table(const std::vector<Verdict>& rows, const Style& style);
std::string gates_markdown(const std::vector<Verdict>& rows);

}  // namespace pingperf
