// pingperf compare and export: they tell of runs that are over.
#include <fmt/format.h>

#include "harness/comparison.h"
#include "harness/environment.h"
#include "harness/exports.h"
#include "harness/gates.h"
#include "harness/junit.h"
#include "harness/run_comparison.h"
#include "harness/stopping.h"
#include "harness/table.h"
#include "harness/verdict_table.h"
#include "tools/commands.h"

namespace pingperf {
namespace {

std::string formatted(const RunComparison& comparison, const std::string& format,
                      const std::string& fail_on) {
  if (format == "markdown") return run_comparison_markdown(comparison);
  if (format == "csv") return shifts_csv(comparison.rows);
  if (format == "json") return run_comparison_json(comparison);
  if (format == "junit") return junit_xml("pingperf compare", junit_of(comparison, fail_on));
  return run_comparison_table(comparison, style_of_stdout());
}

// The lines that say why a comparison fails; none when it does not. What was never judged is no
// proof of no change.
std::vector<std::string> failures(const RunComparison& comparison, const std::string& fail_on) {
  std::vector<std::string> lines;
  if (fail_on.empty()) return lines;
  const bool wants_proof = fail_on == "inconclusive";
  const auto add = [&](const std::vector<std::string>& names, std::string_view why) {
    for (const std::string& name : names) lines.push_back(fmt::format("{}: {}", name, why));
  };
  add(comparison.unmeasured, "no trial of the new run has it");
  add(comparison.only_base, "the new run has no such case");
  add(comparison.failing, "more trials failed");
  if (wants_proof) add(comparison.unreferenced, "nothing is there to relate it to");
  for (const ShiftRow& row : comparison.rows)
    if (is_regression(row) || (wants_proof && row.verdict == "inconclusive"))
      lines.push_back(describe(row));
  return lines;
}

std::string run_markdown(const std::filesystem::path& run, const TrialTable& trials) {
  Overrides overrides = recorded_overrides(run);
  overrides.without_stored_runs = true;  // they may be elsewhere, or gone
  const Experiment experiment = load_experiment(run / "experiment.yaml", overrides);
  std::string text = fmt::format("### {}\n\n", experiment.name);
  if (!experiment.description.empty()) text += experiment.description + "\n\n";
  text += results_markdown(trials, experiment.cases);
  const auto comparisons = compare_cases(experiment, trials, strictness_of(experiment));
  if (!comparisons.empty()) text += fmt::format("\n{}", comparisons_markdown(comparisons));
  if (!experiment.gates.empty())
    text += fmt::format("\n{}", gates_markdown(judge_gates(experiment, trials)));
  return text;
}

}  // namespace

int compare_command(const CompareCommand& command) {
  RunSet base = RunSet::read(command.base);
  const RunSet now = RunSet::read(command.now);
  base.drop_those_of(now);
  const RunComparison comparison = compare_runs(base, now, command.metrics, command.relative_to,
                                                {.threshold = command.threshold, .level = kLevel});
  if (comparison.rows.empty() && comparison.unmeasured.empty())
    throw UsageError(fmt::format("pingperf compare: the runs have no case in common that has {}",
                                 fmt::join(command.metrics, " or ")));
  fmt::print("{}", formatted(comparison, command.format, command.fail_on));
  const std::vector<std::string> lines = failures(comparison, command.fail_on);
  for (const std::string& line : lines) fmt::print(stderr, "failed: {}\n", line);
  return lines.empty() ? 0 : 1;
}

int export_command(const std::string& run, const std::string& format) {
  const std::filesystem::path file = std::filesystem::path(run) / "trials.csv";
  if (!std::filesystem::exists(file))
    throw UsageError(fmt::format("{}: not the directory of a run: it has no trials.csv", run));
  const TrialTable trials = TrialTable::read(file);
  if (format == "markdown")
    fmt::print("{}", run_markdown(run, trials));
  else if (format == "openmetrics")
    fmt::print("{}", openmetrics(trials));
  else
    fmt::print("{}", benchmark_json(trials, recorded_environment(run)));
  return 0;
}

}  // namespace pingperf
