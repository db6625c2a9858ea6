#include "tools/run_files.h"

#include <fmt/format.h>

#include <fstream>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "harness/base/json.h"
#include "harness/base/usage_error.h"
#include "harness/results/environment.h"
#include "harness/results/run_set.h"

namespace pingperf {
namespace {

// Returns true if a file has more than its header, or if a directory has a file.
bool has_content(const std::filesystem::path& path) {
  if (std::filesystem::is_directory(path)) return !std::filesystem::is_empty(path);
  if (path.extension() != ".csv") return std::filesystem::exists(path);
  std::ifstream file(path);
  std::string line;
  return std::getline(file, line) && std::getline(file, line);
}

RunDirectory create_directory(const RunCommand& command, const Experiment& experiment,
                              const std::string& text, const std::string& environment,
                              const OwnColumns& own) try {
  return RunDirectory::create(command.results, experiment.name, experiment.plan.seed, text,
                              environment, own);
} catch (const std::system_error& e) {
  throw UsageError(fmt::format("cannot keep runs in {} (-o DIR): {}", command.results.string(),
                               e.code().message()));
}

// Returns the host facts that the agents reported. Leaves out a pair if earlier pairs have both its
// agents. An external server has no agent, only an address.
std::vector<PairFacts> facts_of_hosts(const Experiment& experiment, Agents& agents) {
  std::vector<PairFacts> facts;
  std::set<const Channel*> seen;
  for (auto& [number, pair] : agents) {
    if (pair.is_absent()) continue;
    const Channel* const server = pair.server();
    const bool is_new_client = seen.insert(&pair.client()).second;
    if (!seen.insert(server).second && server && !is_new_client) continue;
    facts.push_back({number + 1, pair.client().hello().host.json,
                     server
                         ? server->hello().host.json
                         : json_line({{"external", experiment.hosts[number].server->external}})});
  }
  return facts;
}

}  // namespace

RunDirectory open_directory(const RunCommand& command, const Experiment& experiment,
                            const OwnColumns& own, const std::string& text,
                            const Overrides& overrides, const Lab* lab, Agents& agents,
                            const Json& doctor) {
  const std::vector<PairFacts> facts = facts_of_hosts(experiment, agents);
  if (command.resume.empty())
    return create_directory(command, experiment, text,
                            environment_json(command.command_line, overrides, facts, doctor,
                                             lab ? lab->facts() : Json()),
                            own);
  RunDirectory directory = RunDirectory::resume(
      command.resume, command.failed ? RunDirectory::Rerun::failed : RunDirectory::Rerun::missing,
      experiment.has_sums, own);
  directory.update_latest_link(experiment.name);
  write_file_atomically(
      directory.path() / "environment.json",
      resumed_environment_json(command.resume, command.command_line, facts, doctor));
  return directory;
}

void refuse_itself_as_baseline(const Criteria& criteria, const RunDirectory& directory) {
  const std::filesystem::path here = std::filesystem::canonical(directory.path());
  for (const Gate& gate : criteria.gates)
    if (gate.stored && gate.stored->holds(here))
      throw UsageError(fmt::format(
          "against: {} is this run itself: name the directory of another run", gate.against));
}

void print_files(const std::filesystem::path& directory) {
  fmt::print("\nReport for a browser: {}\n", (directory / "report.html").string());
  fmt::print("\nFiles in {}\n", directory.string());
  for (const auto& [file, content] :
       {std::pair{"trials.csv", "one row per trial with every parameter and metric"},
        {"summary.csv", "one row per case and metric"},
        {"comparisons.csv", "one row per compared pair"},
        {"searches.csv", "one row per search"},
        {"junit.xml", "cases and gates as tests, for CI"},
        {"intervals.csv", "the rates and TCP values within each trial"},
        {"counters.csv", "what the kernel counted during each trial"},
        {"histograms", "round trips per trial, for the tools of HdrHistogram"},
        {"samples", "every round trip of every trial, for numpy"},
        {"environment.json", "the hosts, versions and command"},
        {"experiment.yaml", "the experiment of this run"}})
    if (has_content(directory / file)) fmt::print("  {:<17} {}\n", file, content);
}

}  // namespace pingperf
