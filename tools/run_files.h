// The directory of a run: opens it, and names its files.
#pragma once

#include <filesystem>
#include <string>

#include "harness/agent/agents.h"
#include "harness/agent/lab.h"
#include "harness/base/json_fwd.h"
#include "harness/results/run_directory.h"
#include "harness/verdicts/criteria.h"
#include "tools/commands.h"

namespace pingperf {

// Creates the directory of a new run, or opens that of the run to resume. `text` is the experiment
// file, and `doctor` the findings of the doctor. Throws UsageError.
RunDirectory open_directory(const RunCommand& command, const Experiment& experiment,
                            const OwnColumns& own, const std::string& text,
                            const Overrides& overrides, const Lab* lab, Agents& agents,
                            const Json& doctor);

// Throws UsageError if a gate compares the run with itself. In a resumed run, results/NAME/latest
// is the run itself.
void refuse_itself_as_baseline(const Criteria& criteria, const RunDirectory& directory);

// Names the files of a run. A run without a comparison has an empty comparisons.csv, for scripts.
void print_files(const std::filesystem::path& directory);

}  // namespace pingperf
