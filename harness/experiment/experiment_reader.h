// Reads an experiment file into an Experiment.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/usage_error.h"
#include "harness/experiment/experiment.h"
#include "harness/experiment/experiment_file.h"
#include "harness/experiment/yaml.h"

namespace pingperf {

// The file of an experiment, for the criteria, which are read in a second step.
struct ExperimentSource {
  Node root;                    // with `--set` applied
  std::vector<Case> all_cases;  // with those that `--only` left out; empty without `--only`
  Folders folders;
};

// The differences between an experiment and its file: `run --set` and `--only`.
struct Overrides {
  std::vector<std::string> set;   // "workloads.bulk.duration=5s"
  std::vector<std::string> only;  // globs over case names and workload names; empty: all
  bool no_launch = false;         // refuses hosts that a command looks up
  bool stored_run = false;  // the file is the copy in a run, which an earlier version may have made
  std::optional<Folders> folders =
      {};  // of the original of a copied file; empty: of the file itself
};

// Reads and validates. Throws UsageError "file:line:column: …" on the first error.
Experiment load_experiment(const std::filesystem::path& file, const Overrides& overrides = {});

// Does the same as load_experiment() for a text. `source` is the file's name in errors.
Experiment parse_experiment(const std::string& text, const std::string& source,
                            const Overrides& overrides = {});

}  // namespace pingperf
