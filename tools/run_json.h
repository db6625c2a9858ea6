// What a run found, as JSON for scripts.
#pragma once

#include <filesystem>
#include <vector>

#include "harness/verdicts/gates.h"
#include "harness/agent/protocol.h"

namespace pingperf {

// The rows of summary.csv and comparisons.csv of the run in `directory`, an empty cell as null, and
// its gates. Throws CsvError.
Json run_json(const std::filesystem::path& directory, const std::vector<GateRow>& gates);

}  // namespace pingperf
