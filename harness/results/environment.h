// environment.json: the hosts, versions and command line of a run. --resume reads it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "harness/base/json.h"
#include "harness/experiment/experiment_reader.h"

namespace pingperf {

// The facts that the agents of a pair of hosts reported.
struct PairFacts {
  std::size_t number;  // from 1
  Json client;
  Json server;
};

// The text of environment.json: versions, command line, overrides, the facts of the pairs of hosts
// that take part, what the doctor found on them, and the facts of the lab, or null.
std::string environment_json(const std::vector<std::string>& command_line,
                             const Overrides& overrides, const std::vector<PairFacts>& hosts,
                             const Json& doctor, const Json& lab);

// The text of `run`/environment.json with one more entry of "resumed": what this session differs in
// can be seen there. Throws UsageError when the file is missing or damaged.
std::string resumed_environment_json(const std::filesystem::path& run,
                                     const std::vector<std::string>& command_line,
                                     const std::vector<PairFacts>& hosts, const Json& doctor);

// The overrides that a run was started with, so that a resumed one has the same plan. Throws
// UsageError when `run`/environment.json is missing or damaged.
Overrides recorded_overrides(const std::filesystem::path& run);

// Returns the run's environment.json. Throws UsageError when it is missing or damaged.
Json recorded_environment(const std::filesystem::path& run);

// What differs between the surroundings of two runs, a line each: "kernel: Linux 6.1, now Linux
// 6.18". What only one of them tells is not known to differ. A directory without an
// environment.json is one line. Throws UsageError on a damaged one.
std::vector<std::string> environment_differences(const std::filesystem::path& base,
                                                 const std::filesystem::path& now);

}  // namespace pingperf
