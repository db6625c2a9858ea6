// Reads an experiment file into an Experiment.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "harness/base/usage_error.h"
#include "harness/experiment/experiment.h"
#include "harness/experiment/yaml.h"

namespace pingperf {

// The file that an experiment was read from, for what is read in a second step.
struct ExperimentSource {
  Node root;                    // with `--set` applied
  std::vector<Case> all_cases;  // also those that `--only` left out
};

// Where an experiment departs from its file: `run --set` and `--only`.
struct Overrides {
  std::vector<std::string> set;  // "workloads.bulk.duration=5s"
  std::string only;              // glob over case names and workload names; empty: all
};

// Reads and validates. Throws UsageError "file:line:column: …" on the first thing that is wrong.
Experiment load_experiment(const std::filesystem::path& file, const Overrides& overrides = {});

// The text of an experiment's file. Throws UsageError when it cannot be one: missing, a directory,
// too large.
std::string read_experiment(const std::filesystem::path& file);

// The same as load_experiment() from text; `source` stands in for the file's name in errors.
Experiment parse_experiment(const std::string& text, const std::string& source,
                            const Overrides& overrides = {});

}  // namespace pingperf
