// The results of a run as JSON for scripts.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "harness/base/json_fwd.h"
#include "harness/results/own_columns.h"
#include "harness/verdicts/gates.h"

namespace pingperf {

// Returns the rows of summary.csv and comparisons.csv in `directory`, and the gates. An empty cell
// is null. Throws CsvError.
Json run_json(const std::filesystem::path& directory, const std::vector<Verdict>& gates,
              const OwnColumns& own);

// Returns the first row of `csv` without its empty cells.
Json row_json(const std::string& csv, const OwnColumns& own);

}  // namespace pingperf
