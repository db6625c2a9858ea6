// pingperf history: keeps runs, lists them, and prints them for other tools.
#include "tools/history_commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "harness/base/counted.h"
#include "harness/base/json.h"
#include "harness/base/usage_error.h"
#include "harness/history/history_entry.h"
#include "harness/report/exports.h"
#include "harness/report/history_table.h"
#include "harness/report/results_table.h"
#include "harness/report/run_warnings.h"
#include "tools/commands.h"

namespace pingperf {
namespace {

std::vector<HistoryRun> selected_runs(History& history, const HistoryFilter& filter) {
  std::vector<HistoryRun> runs = history.runs(filter);
  if (runs.empty()) throw UsageError(no_run_matches(history, filter));
  return runs;
}

// Prints the medians of all metrics in the runs, one per line.
void print_medians(History& history, const std::vector<HistoryRun>& runs,
                   const std::string& format) {
  std::map<std::int64_t, const HistoryRun*> by_id;
  std::set<std::int64_t> ids;
  for (const HistoryRun& run : runs) by_id[*ids.insert(run.id).first] = &run;
  const std::map<std::int64_t, std::string> cases = history.case_names();
  if (format == "csv") fmt::print("{}", history_medians_header());
  const char* separator = "[\n";
  for (const std::string& metric : history.metrics())
    for (const HistoryPoint& point : history.points(metric, ids)) {
      const HistoryRun& run = *by_id.at(point.run);
      if (format == "csv") {
        fmt::print("{}", history_median_csv(run, cases.at(point.case_id), metric, point.value));
        continue;
      }
      fmt::print("{}{}", separator,
                 history_median_json(run, cases.at(point.case_id), metric, point.value));
      separator = ",\n";
    }
  if (format == "json") fmt::print("{}\n]\n", *separator == '[' ? "[" : "");
}

Json environment_of_run(History& history, const HistoryRun& run) {
  const std::string text = history.environment(run.id);
  return text.empty() ? Json::object() : parse_json(text);
}

}  // namespace

std::string no_run_matches(History& history, const HistoryFilter& filter) {
  constexpr std::size_t kMaxNamed = 3;
  std::set<std::string> experiments, machines;
  for (const HistoryRun& run : history.runs({})) {
    experiments.insert(run.experiment);
    machines.insert(run.machine);
  }
  if (experiments.empty()) return history.file() + ": has no run";
  std::string labels;
  for (const auto& [key, value] : filter.labels)
    labels += fmt::format(" --label {}={}", key, value);
  return fmt::format("{}: no run matches{}; it has runs of {} on {}", history.file(), labels,
                     listed(experiments, kMaxNamed), listed(machines, kMaxNamed));
}

int history_add_command(const HistoryAddCommand& command) {
  const RunSet set = RunSet::read(command.runs);
  std::vector<HistoryEntry> entries;  // all are read before the first is stored
  for (const RunSet::Run& run : set.runs())
    entries.push_back(history_entry(run, command.machine, command.labels));
  History history(command.store, History::Access::write);
  std::size_t added = 0, updated = 0;
  for (const HistoryEntry& entry : entries) {
    const History::Added result = history.add(entry);
    added += result == History::Added::added;
    updated += result == History::Added::updated;
  }
  fmt::print("{}: {} added, {} updated, {} there already\n", history.file(), added, updated,
             entries.size() - added - updated);
  return 0;
}

int history_list_command(const HistoryReadCommand& command) {
  History history(command.store, History::Access::read);
  const std::vector<HistoryRun> runs = selected_runs(history, command.filter);
  if (command.format == "csv")
    fmt::print("{}", history_runs_csv(runs));
  else if (command.format == "json")
    print_json(history_runs_json(runs));
  else
    fmt::print("{}", history_runs_table(runs, style_of_stdout()));
  return 0;
}

int history_show_command(const HistoryReadCommand& command, const std::string& name) {
  History history(command.store, History::Access::read);
  const std::optional<HistoryRun> run = history.run(name);
  if (!run)
    throw UsageError(
        fmt::format("{}: no run '{}': 'pingperf history list' prints the numbers and "
                    "names",
                    history.file(), name));
  const TrialTable trials = history_trials(history, *run);
  if (command.format == "json") {
    Json json = history_runs_json({*run}).front();
    json["environment"] = environment_of_run(history, *run);
    for (const SummaryRow& row : summarize(trials))
      json["medians"][row.case_name][row.metric] = row.median;
    print_json(json);
    return 0;
  }
  const std::string warnings = warnings_text(trials, environment_of_run(history, *run));
  fmt::print(
      "{}{}\n{}", history_run_text(*run), wrap(warnings, style_of_stdout().width),
      results_table(trials, RunSet::of(history_trials(history, *run)).cases(), style_of_stdout()));
  return 0;
}

int history_export_command(const HistoryReadCommand& command) {
  History history(command.store, History::Access::read);
  const std::vector<HistoryRun> runs = selected_runs(history, command.filter);
  if (command.format == "csv" || command.format == "json") {
    print_medians(history, runs, command.format);
  } else if (command.format == "benchmark-json") {
    fmt::print("{}", benchmark_json(history_trials(history, runs.back()),
                                    environment_of_run(history, runs.back())));
  } else {
    std::map<std::string, const HistoryRun*> newest;  // of each experiment and machine
    for (const HistoryRun& run : runs) newest[run.experiment + "\n" + run.machine] = &run;
    std::vector<MetricsOfRun> exported;
    for (const auto& [key, run] : newest)
      exported.push_back({history_trials(history, *run), {{"machine", run->machine}}});
    fmt::print("{}", openmetrics(exported));
  }
  return 0;
}

int history_prune_command(const HistoryReadCommand& command, std::size_t keep) {
  History(command.store, History::Access::read);  // an error if there is none
  History history(command.store, History::Access::write);
  std::vector<HistoryRun> runs = selected_runs(history, command.filter);
  runs.resize(runs.size() - std::min(runs.size(), keep));
  history.remove(runs);
  fmt::print("{}: {} removed\n", history.file(), runs.size());
  return 0;
}

}  // namespace pingperf
