// pingperf compare, export and report: read finished runs.
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <sstream>

#include "harness/base/counted.h"
#include "harness/base/json.h"
#include "harness/base/print_message.h"
#include "harness/base/usage_error.h"
#include "harness/experiment/case_order.h"
#include "harness/experiment/experiment_reader.h"
#include "harness/history/history_entry.h"
#include "harness/report/exports.h"
#include "harness/report/junit.h"
#include "harness/report/report.h"
#include "harness/report/results_table.h"
#include "harness/report/run_warnings.h"
#include "harness/report/search_table.h"
#include "harness/report/verdict_table.h"
#include "harness/results/environment.h"
#include "harness/results/run_directory.h"
#include "harness/verdicts/comparison.h"
#include "harness/verdicts/criteria_reader.h"
#include "harness/verdicts/explanation.h"
#include "harness/verdicts/gates.h"
#include "harness/verdicts/run_comparison.h"
#include "harness/verdicts/searches.h"
#include "harness/verdicts/stopping.h"
#include "harness/verdicts/verdict_columns.h"
#include "tools/commands.h"

namespace pingperf {
namespace {

std::string formatted(const RunComparison& comparison, const std::string& format,
                      const std::string& fail_on) {
  if (format == "markdown") return run_comparison_markdown(comparison);
  if (format == "csv") return verdicts_csv(VerdictList::runs, comparison.rows);
  if (format == "json") return run_comparison_json(comparison);
  if (format == "junit") return junit_xml("pingperf compare", junit_of(comparison, fail_on));
  return run_comparison_table(comparison, style_of_stdout());
}

// Returns one line per reason why the comparison fails. A case without a verdict fails too, since
// it does not prove that nothing changed.
std::vector<std::string> failures(const RunComparison& comparison, const std::string& fail_on) {
  std::vector<std::string> lines;
  if (fail_on.empty()) return lines;
  const bool wants_proof = fail_on == "inconclusive";
  const auto add = [&](const std::vector<std::string>& names, std::string_view why) {
    for (const std::string& name : names) lines.push_back(fmt::format("{}: {}", name, why));
  };
  add(comparison.unmeasured, "no trial of the new run has this metric");
  add(comparison.only_base, "the new run has no such case");
  add(comparison.failing, "more failures");
  if (wants_proof) add(comparison.unreferenced, "has no reference case");
  for (const Verdict& row : comparison.rows)
    if (row.decision == Decision::slower || (wants_proof && row.decision == Decision::inconclusive))
      lines.push_back(describe(row));
  return lines;
}

// Reports rows that could not fail, so that a green job is not taken for a proof.
void print_undecidable(const RunComparison& comparison) {
  const auto is_undecidable = [](const Verdict& row) { return row.trust == Trust::none; };
  const auto first = std::find_if(comparison.rows.begin(), comparison.rows.end(), is_undecidable);
  if (first == comparison.rows.end()) return;
  const auto count = std::count_if(first, comparison.rows.end(), is_undecidable);
  print_message("no verdict in {} of {}: {}\n", count, counted(comparison.rows.size(), "row"),
                first->warning);
}

// Reports the cases that are not compared because a search varied their trials.
void print_searched(const RunSet& runs) {
  std::vector<std::string> names;
  for (const Case& c : runs.cases())
    if (std::ranges::any_of(runs.runs(),
                            [&](const RunSet::Run& run) { return run.trials.is_searched(c.name); }))
      names.push_back(c.name);
  if (names.empty()) return;
  print_message("not compared, because the trials of a search differ (see searches.csv): {}\n",
                fmt::join(names, ", "));
}

struct FinishedRun {
  Experiment experiment;
  Criteria criteria;
};

// Reads the experiment of a finished run. Trials of another tool have none, and this version may
// refuse one of an older version: then the cases are those of the trials, and none are compared.
FinishedRun finished_run(const std::filesystem::path& run, const TrialTable& trials) {
  if (std::filesystem::exists(run / "experiment.yaml")) {
    const Overrides overrides = recorded_overrides(run);
    try {
      Experiment experiment = load_experiment(run / "experiment.yaml", overrides);
      Criteria criteria = read_criteria(experiment, StoredRuns::leave_out);
      return {std::move(experiment), std::move(criteria)};
    } catch (const UsageError& e) {
      print_message("warning: {}: no comparisons and gates, because this version refuses it: {}\n",
                    run.string(), e.what());
    }
  }
  FinishedRun finished;
  finished.experiment.name = run.filename().string();
  finished.experiment.cases = RunSet::of(trials).cases();
  finished.experiment.plan.repetitions = blocks_of(trials);
  return finished;
}

std::string run_markdown(const std::filesystem::path& run, const TrialTable& trials) {
  const auto [experiment, criteria] = finished_run(run, trials);
  std::string text = fmt::format("### {}\n\n", experiment.name);
  if (!experiment.description.empty()) text += experiment.description + "\n\n";
  std::istringstream warnings(warnings_text(trials, readable_environment(run)));
  for (std::string line; std::getline(warnings, line);) text += fmt::format("- {}\n", line);
  if (text.ends_with("\n") && !text.ends_with("\n\n")) text += "\n";
  text += results_markdown(trials, experiment.cases);
  if (!criteria.searches.empty())
    text += fmt::format("\n{}",
                        searches_markdown(Searches(experiment.cases, criteria, trials).results()));
  std::vector<Verdict> comparisons = compare_cases(criteria, trials);
  explain_comparisons(comparisons, run, trials);
  if (!comparisons.empty()) text += fmt::format("\n{}", comparisons_markdown(comparisons));
  if (!criteria.gates.empty())
    text += fmt::format("\n{}", gates_markdown(judge_gates(criteria, trials)));
  return text;
}

// Returns the runs of a folder with their labels.
std::vector<MetricsOfRun> metrics_of_folder(const std::string& folder) {
  std::vector<MetricsOfRun> exported;
  const RunSet runs = RunSet::read({folder});
  for (const RunSet::Run& run : runs.runs())
    exported.push_back({run.trials, labels_of_export(run.trials)});
  return exported;
}

// Reads the runs of one side that the other side does not have, in the order of their start.
RunSet read_side(const std::vector<std::string>& paths, const RunSelection& selection,
                 const RunSet& others) {
  if (!selection.takes_all()) return RunSet::read(paths, selection, others);
  RunSet set = RunSet::read(paths);
  set.remove_runs_in(others);
  set.sort_by_start();
  return set;
}

HistoryBase read_base(const CompareCommand& command, const RunSet& new_runs) {
  if (command.history.empty())
    return {read_side(command.base, command.base_selection, new_runs), {}};
  History history(command.history, History::Access::read);
  return history_base(history, new_runs, command.stored);
}

// Returns the change from the runs of `before` to another run.
RunComparison change_between(const std::vector<std::string>& before, const std::string& other) {
  const RunSet base = RunSet::read(before), new_runs = RunSet::read({other});
  RunComparison change = compare_runs(base, new_runs, {.metrics = kDefaultMetrics});
  explain_runs(change, base, new_runs);
  return change;
}

// Sorts the rows into the order of the experiment file of the newest run. Runs without a readable
// file keep the order of their trials.
void sort_by_file(RunComparison& comparison, const RunSet& new_runs) {
  const std::filesystem::path& run = new_runs.runs().back().directory;
  if (run.empty() || !std::filesystem::exists(run / "experiment.yaml")) return;
  try {
    const auto cases = load_experiment(run / "experiment.yaml", recorded_overrides(run)).cases;
    sort_by_case(comparison.rows, cases);
    sort_by_case(comparison.references, cases);
  } catch (const std::exception&) {
    return;  // such as a file of another version
  }
}

}  // namespace

int compare_command(const CompareCommand& command) {
  const RunSet new_runs = read_side(command.new_runs, command.new_selection, {});
  const HistoryBase stored = read_base(command, new_runs);
  const RunSet& base = stored.runs;
  print_searched(new_runs);
  RunComparison comparison = compare_runs(base, new_runs, command.options);
  sort_by_file(comparison, new_runs);
  if (!command.history.empty())  // its older runs may have cases that were removed since
    std::erase_if(comparison.only_base, [&](const std::string& name) {
      return base.runs().back().trials.rows_of(name).empty();
    });
  comparison.differences.insert(comparison.differences.begin(), stored.differences.begin(),
                                stored.differences.end());
  if (comparison.rows.empty() && comparison.unmeasured.empty())
    throw UsageError(fmt::format("pingperf compare: the runs have no case in common that has {}",
                                 fmt::join(command.options.metrics, " or ")));
  if (command.explain) {
    explain_runs(comparison, base, new_runs);
    if (std::ranges::none_of(comparison.rows, is_difference_found))
      print_message("--explain: no row has a verdict, so there is nothing to explain\n");
  }
  fmt::print("{}", formatted(comparison, command.format, command.fail_on));
  const std::vector<std::string> lines = failures(comparison, command.fail_on);
  for (const std::string& line : lines) print_message("failed: {}\n", line);
  if (!command.fail_on.empty()) print_undecidable(comparison);
  return lines.empty() ? 0 : 1;
}

int export_command(const std::string& run, const std::string& format) {
  const std::filesystem::path file = std::filesystem::path(run) / "trials.csv";
  if (!std::filesystem::exists(file)) {
    if (format == "openmetrics" && std::filesystem::is_directory(run)) {
      fmt::print("{}", openmetrics(metrics_of_folder(run)));
      return 0;
    }
    const std::string latest = suggest_latest(run);
    throw UsageError(fmt::format("{}: not the directory of a run: it has no trials.csv{}{}", run,
                                 latest.empty() ? "" : ", ", latest));
  }
  const TrialTable trials = TrialTable::read(file);
  if (format == "markdown")
    fmt::print("{}", run_markdown(run, trials));
  else if (format == "openmetrics")
    fmt::print("{}", openmetrics({{trials, labels_of_export(trials)}}));
  else
    fmt::print("{}", benchmark_json(trials, readable_environment(run)));
  return 0;
}

int report_command(const ReportCommand& command) {
  RunSet set = RunSet::read(command.runs);
  if (set.runs().size() > kMaxRunsSideBySide) set.sort_by_start();
  if (command.output.empty() && set.runs().size() > 1)
    throw UsageError("pingperf report: several runs require -o FILE");
  std::deque<FinishedRun> finished;  // the reported runs point into these
  std::vector<ReportedRun> runs;
  std::vector<ReportedChange> changes;
  for (const RunSet::Run& run : set.runs()) {
    if (run.directory.empty())
      throw UsageError("pingperf report: name the directory of a run, not a file in it");
    const auto& [experiment, criteria] =
        finished.emplace_back(finished_run(run.directory, run.trials));
    std::vector<Verdict> comparisons = compare_cases(criteria, run.trials);
    explain_comparisons(comparisons, run.directory, run.trials);
    runs.push_back({run.directory, &experiment, &run.trials, summarize(run.trials),
                    std::move(comparisons), judge_gates(criteria, run.trials),
                    Searches(experiment.cases, criteria, run.trials).results(),
                    criteria.gates_left_out});
  }
  std::vector<std::string> directories;
  for (ReportedRun& run : runs) {
    directories.push_back(run.directory.string());
    sort_by_case(run.summary, run.experiment->cases);
  }
  if (runs.size() > kMaxRunsSideBySide)
    changes.push_back({runs.size() - 1, change_between({directories.begin(), directories.end() - 1},
                                                       directories.back())});
  else
    for (std::size_t i = 1; i < runs.size(); ++i)
      changes.push_back({i, change_between({directories.front()}, directories[i])});
  for (ReportedChange& change : changes)
    sort_by_case(change.comparison.rows, runs.back().experiment->cases);
  const std::filesystem::path file = command.output.empty() ? runs.front().directory / "report.html"
                                                            : std::filesystem::path(command.output);
  try {
    write_file_atomically(file, report_html(runs, changes));
  } catch (const std::system_error& e) {
    throw UsageError(fmt::format("cannot write {}: {}", file.string(), e.code().message()));
  }
  fmt::print("{}\n", file.string());
  return 0;
}

}  // namespace pingperf
