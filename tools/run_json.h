// The results of a run as JSON for scripts.
#pragma once

#include <filesystem>
#include <vector>

#include "harness/base/json_fwd.h"
#include "harness/verdicts/gates.h"

namespace pingperf {

// Returns the rows of summary.csv and comparisons.csv in `directory`, and the gates. An empty cell
// is null. Throws CsvError.
Json run_json(const std::filesystem::path& directory, const std::vector<Verdict>& gates);

}  // namespace pingperf
