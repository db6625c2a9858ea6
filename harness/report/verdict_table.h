// Tables of verdicts: comparisons within a run, across runs, and gates.
#pragma once

#include <string>
#include <vector>

#include "harness/base/text_table.h"
#include "harness/verdicts/comparison.h"
#include "harness/verdicts/gates.h"
#include "harness/verdicts/run_comparison.h"

namespace pingperf {

// Each compared pair, its ratio, and from how many pairs of trials. Below: what so many could have
// found.
std::string comparisons_table(const std::vector<Verdict>& rows, const Style& style);
std::string comparisons_markdown(const std::vector<Verdict>& rows);

// Each case across two sets of runs, with what differs between the two above it.
std::string run_comparison_table(const RunComparison& comparison, const Style& style);
// Returns the same as Markdown for a comment on a pull request.
std::string run_comparison_markdown(const RunComparison& comparison);

// Each case of each gate; below, what its ratio is of and why it is not decided.
std::string gates_table(const std::vector<Verdict>& rows, const Style& style);
std::string gates_markdown(const std::vector<Verdict>& rows);

}  // namespace pingperf
