// pingperf run: experiment -> plan -> agents -> trials -> files -> tables.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "harness/comparison.h"
#include "harness/environment.h"
#include "harness/runner.h"
#include "harness/summary.h"
#include "harness/table.h"
#include "tools/commands.h"

namespace pingperf {
namespace {

constexpr int kAllWell = 0, kFailedTrials = 3, kInterrupted = 130;

Style style_of_stdout() {
  Style style;
  if (::isatty(STDOUT_FILENO) == 0) return style;
  const char* const no_color = std::getenv("NO_COLOR");
  style.bold = no_color == nullptr || *no_color == '\0';
  style.width = terminal_width(STDOUT_FILENO);
  return style;
}

// Everything is computed from the rows on disk, so that a resumed run tells the same. Returns how
// many trials failed.
std::size_t report(const Experiment& experiment, const RunDirectory& directory) {
  const TrialTable trials = TrialTable::read(directory.path() / "trials.csv");
  const std::vector<SummaryRow> summary = summarize(trials);
  const std::vector<ComparisonRow> comparisons = compare_cases(experiment, trials);
  write_file_atomically(directory.path() / "summary.csv", summary_csv(summary));
  write_file_atomically(directory.path() / "comparisons.csv",
                        comparisons_csv(comparisons, directory.name()));
  fmt::print("\n{}", results_table(trials, experiment.cases, style_of_stdout()));
  if (!comparisons.empty()) fmt::print("\n{}", comparisons_table(comparisons, style_of_stdout()));
  return static_cast<std::size_t>(
      std::count_if(trials.rows().begin(), trials.rows().end(), [&](const auto& row) {
        const std::string& status = trials.text(row, "status");
        return status != "ok" && status != name(Status::interrupted);
      }));
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

// Unpinned, a ping-pong measures where the scheduler puts its two ends: said once.
void warn_of_unpinned_latency(const Experiment& experiment) {
  const auto is_unpinned = [&](const Case& c) {
    const Options& o = c.options;
    const bool has_server = c.engine->listen && !experiment.server.is_external();
    return o.kind != Kind::throughput && o.engine != "null" &&
           (!o.client_cpu || (has_server && !o.server_cpu));
  };
  const auto found = std::find_if(experiment.cases.begin(), experiment.cases.end(), is_unpinned);
  if (found == experiment.cases.end()) return;
  fmt::print(
      stderr,
      "warning: latency without pin (case {}): placement decides the round trip, and differs "
      "from trial to trial. Add e.g. pin: {{client: 0, server: 0}}\n",
      found->name);
}

RunDirectory create_directory(const RunCommand& command, const Experiment& experiment,
                              const std::string& text, const std::string& environment) try {
  return RunDirectory::create(command.results, experiment.name, experiment.plan.seed, text,
                              environment);
} catch (const std::system_error& e) {
  throw UsageError(fmt::format("no run can be kept in {} (-o DIR): {}", command.results.string(),
                               e.code().message()));
}

RunDirectory open_directory(const RunCommand& command, const Experiment& experiment,
                            const std::string& text, const Overrides& overrides,
                            AgentPair& agents) {
  const AgentHello& client = agents.client().hello();
  const AgentHello server = agents.server()
                                ? agents.server()->hello()
                                : AgentHello{.host = {{"external", experiment.server.external}}};
  if (command.resume.empty())
    return create_directory(command, experiment, text,
                            environment_json(command.command_line, overrides, client, server));
  RunDirectory directory = RunDirectory::resume(command.resume);
  write_file_atomically(
      directory.path() / "environment.json",
      resumed_environment_json(command.resume, command.command_line, client, server));
  return directory;
}

// Runs one experiment, or the rest of it, from its file or the copy in its run's directory.
int run_one(const RunCommand& command, const std::filesystem::path& file,
            const Overrides& overrides, const Interrupt& interrupt) {
  const std::string text = read_experiment(file);
  const Experiment experiment = parse_experiment(text, file.string(), overrides);
  const std::vector<Trial> plan = plan_trials(experiment);
  AgentPair agents(experiment);
  RunDirectory directory = open_directory(command, experiment, text, overrides, agents);
  const std::vector<Trial> trials = missing_trials(experiment, plan, directory);
  const Nanoseconds expected = expected_length(experiment, trials);
  if (!command.quiet)
    fmt::print(stderr, "{}: {} cases, {} trials{}, about {}\n", experiment.name,
               experiment.cases.size(), trials.size(), command.resume.empty() ? "" : " to go",
               ProgressView::clock_text(expected));
  warn_of_unpinned_latency(experiment);
  {
    ProgressView progress(stderr, command.quiet, plan.size(), expected);
    run_trials(experiment, trials, agents, directory, interrupt, progress);
  }
  const std::size_t failed = report(experiment, directory);
  print_files(directory.path());
  if (interrupt.raised()) {
    fmt::print(stderr, "Interrupted. To run what is missing: pingperf run --resume {}\n",
               directory.path().string());
    return kInterrupted;
  }
  if (failed == 0) return kAllWell;
  fmt::print(stderr, "{} of {} trials failed: see the columns status and error of trials.csv\n",
             failed, plan.size());
  return kFailedTrials;
}

}  // namespace

int run_command(const RunCommand& command) {
  const Interrupt interrupt;
  if (!command.resume.empty()) {
    const std::filesystem::path run = command.resume;
    return run_one(command, run / "experiment.yaml", recorded_overrides(run), interrupt);
  }
  for (const std::string& file : command.files) load_experiment(file, command.overrides);
  int worst = kAllWell;
  for (const std::string& file : command.files) {
    worst = std::max(worst, run_one(command, file, command.overrides, interrupt));
    if (worst == kInterrupted) break;
  }
  return worst;
}

}  // namespace pingperf
