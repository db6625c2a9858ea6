// environment.json: the hosts, versions and command of a run. --resume reads it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "harness/base/json_fwd.h"
#include "harness/experiment/experiment_reader.h"

namespace pingperf {

// The facts that the agents of a pair of hosts reported: JSON objects.
struct PairFacts {
  std::size_t number;  // from 1
  std::string client;
  std::string server;
};

// Returns the text of environment.json: versions, command line, overrides, the facts of pairs of
// hosts, the findings of the doctor, and the facts of the lab or null.
std::string environment_json(const std::vector<std::string>& command_line,
                             const Overrides& overrides, const std::vector<PairFacts>& hosts,
                             const Json& doctor, const Json& lab);

// Returns the text of `run`/environment.json with one more entry of "resumed", for this session.
// Throws UsageError when the file is missing or damaged.
std::string resumed_environment_json(const std::filesystem::path& run,
                                     const std::vector<std::string>& command_line,
                                     const std::vector<PairFacts>& hosts, const Json& doctor);

// Records in `run`/environment.json that the run is one of `sessions` of a set. The directory of
// the set's first run is its name. Throws UsageError when the file is missing or damaged.
void record_set(const std::filesystem::path& run, const std::string& set, std::uint64_t session,
                std::uint64_t sessions);

// Returns the overrides that a run was started with, so that a resumed run has the same plan.
// Throws UsageError when `run`/environment.json is missing or damaged.
Overrides recorded_overrides(const std::filesystem::path& run);

// Returns the run's environment.json. Throws UsageError when it is missing or damaged.
Json recorded_environment(const std::filesystem::path& run);

// Returns the run's environment.json for a page or an export, which can do without it. Returns null
// when it is missing or damaged.
Json readable_environment(const std::filesystem::path& run);

// Returns the differences between the environments of two runs, one line each: "kernel: Linux 6.1,
// now Linux 6.18". Leaves out facts that only one of them has. If a directory has no
// environment.json, returns one line that states this. Throws UsageError if the file is damaged.
std::vector<std::string> environment_differences(const std::filesystem::path& base,
                                                 const std::filesystem::path& new_run);

}  // namespace pingperf
