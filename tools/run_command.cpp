// pingperf run: experiment -> plan -> agents -> trials -> files -> tables.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "harness/comparison.h"
#include "harness/environment.h"
#include "harness/runner.h"
#include "harness/summary.h"
#include "harness/table.h"
#include "tools/commands.h"

namespace pingperf {
namespace {

constexpr int kAllWell = 0, kFailedTrials = 3, kInterrupted = 130;

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

bool colour_wanted() {
  return std::getenv("NO_COLOR") == nullptr && ::isatty(STDOUT_FILENO) != 0;
}

// Everything is computed from the rows on disk, so that a resumed run tells the same.
void report(const Experiment& experiment, const RunDirectory& directory) {
  const TrialTable trials = TrialTable::read(directory.path() / "trials.csv");
  const std::vector<SummaryRow> summary = summarize(trials);
  const std::vector<ComparisonRow> comparisons = compare_cases(experiment, trials);
  write_file_atomically(directory.path() / "summary.csv", summary_csv(summary));
  write_file_atomically(directory.path() / "comparisons.csv",
                        comparisons_csv(comparisons, directory.name()));
  fmt::print("\n{}", results_table(trials, colour_wanted()));
  if (!comparisons.empty()) fmt::print("\n{}", comparisons_table(comparisons, colour_wanted()));
}

void print_files(const std::filesystem::path& directory) {
  fmt::print("\nFiles in {}\n", directory.string());
  for (const auto& [file, content] :
       {std::pair{"trials.csv", "a row a trial, every parameter and metric"},
        {"summary.csv", "a row a case and metric"},
        {"comparisons.csv", "a row a compared pair"},
        {"intervals.csv", "a row a tenth of a second"},
        {"environment.json", "the hosts, versions and command"},
        {"experiment.yaml", "the experiment as it was run"}})
    fmt::print("  {:<17} {}\n", file, content);
}

int finish(const RunTally& tally, const std::filesystem::path& directory) {
  print_files(directory);
  if (tally.interrupted) {
    fmt::print(stderr, "Interrupted. To run what is missing: pingperf run --resume {}\n",
               directory.string());
    return kInterrupted;
  }
  if (tally.failed == 0) return kAllWell;
  fmt::print(stderr, "{} of {} trials failed: see the columns status and error of trials.csv\n",
             tally.failed, tally.ok + tally.failed);
  return kFailedTrials;
}

int run_one(const RunCommand& command, const std::filesystem::path& file,
            const Overrides& overrides) {
  const bool resumed = !command.resume.empty();
  const Experiment experiment = load_experiment(file, overrides);
  const std::vector<Trial> plan = plan_trials(experiment);
  const Interrupt interrupt;
  AgentPair agents(experiment);
  RunDirectory directory =
      resumed ? RunDirectory::resume(command.resume)
              : RunDirectory::create(
                    command.results, experiment.name, experiment.plan.seed, read_file(file),
                    environment_json(command.command_line, overrides, agents.client().hello(),
                                     agents.server().hello()));
  const auto finished = directory.finished();
  const Nanoseconds expected = expected_left(experiment, plan, finished);
  if (!command.quiet)
    fmt::print(stderr, "{}: {} cases, {} trials{}, about {}\n", experiment.name,
               experiment.cases.size(), plan.size() - finished.size(), resumed ? " to go" : "",
               ProgressView::clock_text(expected));
  RunTally tally;
  {
    ProgressView progress(stderr, command.quiet, plan.size(), expected);
    tally = run_trials(experiment, plan, finished, agents, directory, interrupt, progress);
  }
  report(experiment, directory);
  return finish(tally, directory.path());
}

}  // namespace

int run_command(const RunCommand& command) {
  if (!command.resume.empty()) {
    const std::filesystem::path run = command.resume;
    return run_one(command, run / "experiment.yaml", recorded_overrides(run));
  }
  for (const std::string& file : command.files) load_experiment(file, command.overrides);
  int worst = kAllWell;
  for (const std::string& file : command.files) {
    worst = std::max(worst, run_one(command, file, command.overrides));
    if (worst == kInterrupted) break;
  }
  return worst;
}

}  // namespace pingperf
