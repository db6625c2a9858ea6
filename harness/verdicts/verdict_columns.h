// Verdict columns: the one table behind the CSV, the JSON and the dictionary of verdicts.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "harness/verdicts/verdict.h"

namespace pingperf {

// The lists of verdicts, each with its own choice of the columns.
enum class VerdictList : unsigned {
  comparisons = 1,  // of cases within a run: comparisons.csv
  runs = 2,         // of a case across runs: pingperf compare
  gates = 4,
};

// Returns the verdicts as CSV with a header. `run` names the directory of the run in
// comparisons.csv.
std::string verdicts_csv(VerdictList list, const std::vector<Verdict>& verdicts,
                         const std::string& run = "");

// Returns the verdicts as an array of objects. Their keys are the columns, without the version and
// the run. Comparisons have a list of the counters that changed with them, too.
nlohmann::ordered_json verdicts_json(VerdictList list, const std::vector<Verdict>& verdicts);

// Returns the names and meanings of the columns as a table in Markdown.
std::string verdict_columns_markdown(VerdictList list);

}  // namespace pingperf
