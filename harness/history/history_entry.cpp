#include "harness/history/history_entry.h"

#include <fmt/core.h>

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include "harness/base/json.h"
#include "harness/base/statistics.h"
#include "harness/base/usage_error.h"
#include "harness/results/columns.h"
#include "harness/results/environment.h"
#include "harness/results/own_columns.h"
#include "sockets/core/options.h"

namespace pingperf {
namespace {

// The facts whose change may change figures without any change of the code.
constexpr const char* kHistoryFacts[] = {"kernel", "cpu_model", "cpus", "libiperf"};

std::string fact_text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : json_line(value);
}

// Adds the facts of a pair of hosts. A fact that both ends share has no end in its name.
void add_facts(std::map<std::string, std::string>& facts, const Json& pair,
               const std::string& prefix) {
  for (const char* const name : kHistoryFacts) {
    std::map<std::string, std::string> of_end;
    for (const char* const end : {"client", "server"})
      if (const Json host = pair.value(end, Json::object());
          host.is_object() && host.contains(name))
        of_end[end] = fact_text(host[name]);
    if (of_end.size() == 2 && of_end["client"] == of_end["server"])
      facts[prefix + name] = of_end["client"];
    else
      for (const auto& [end, text] : of_end)
        facts[fmt::format("{}{} {}", prefix, end, name)] = text;
  }
}

// Returns the facts of all pairs of hosts.
std::map<std::string, std::string> facts_of(const Json& environment) {
  std::map<std::string, std::string> facts;
  const Json pairs = environment.value("pairs", Json::object());
  for (const auto& [number, pair] : pairs.items())
    if (pair.is_object()) add_facts(facts, pair, fmt::format("pair {} ", number));
  if (const Json hosts = environment.value("hosts", Json::object());
      facts.empty() && hosts.is_object())
    add_facts(facts, hosts, "");
  return facts;
}

// Returns "host", or "client → server".
std::string machine_of(const Json& environment, const TrialTable& trials) {
  const Json hosts = environment.value("hosts", Json::object());
  const auto name_of = [&](const char* end, const char* column) -> std::string {
    if (hosts.is_object())
      if (const Json host = hosts.value(end, Json::object());
          host.is_object() && host.contains("hostname"))
        return fact_text(host["hostname"]);
    return std::string(trials.text(trials.rows().front(), column));
  };
  const std::string client = name_of("client", "client_host"),
                    server = name_of("server", "server_host");
  return client == server || server.empty() ? client : client + " → " + server;
}

// Returns true for names of our run directories: "20261128T161002Z-1".
bool begins_with_start(std::string_view name) {
  return name.size() > 16 && name[8] == 'T' && name[15] == 'Z' &&
         std::ranges::all_of(name.substr(0, 8), [](char c) { return c >= '0' && c <= '9'; });
}

// Returns the start in a name, or that of the first trial, or "".
std::string start_of_run(const std::string& name, const TrialTable& trials) {
  if (begins_with_start(name))
    return fmt::format("{}-{}-{}T{}:{}:{}Z", name.substr(0, 4), name.substr(4, 2),
                       name.substr(6, 2), name.substr(9, 2), name.substr(11, 2),
                       name.substr(13, 2));
  std::string first;
  for (const TrialTable::Row& row : trials.rows())
    if (const std::string start(trials.text(row, "started_at"));
        !start.empty() && (first.empty() || start < first))
      first = start;
  return first;
}

// Returns "engine=blocking streams=1": the parameters of a case.
std::string parameters_of_case(const TrialTable& trials, const std::string& case_name) {
  const TrialTable::Row row = trials.rows()[trials.rows_of(case_name).front()];
  std::vector<std::string_view> columns = {"kind", "engine", "transport"};
  for (const Parameter& parameter : parameters()) columns.push_back(parameter.column);
  std::string text;
  for (const std::string_view column : columns)
    if (const std::string_view value = trials.text(row, column); !value.empty())
      text += fmt::format("{}{}={}", text.empty() ? "" : " ", column, value);
  return text;
}

// Returns trials.csv without the columns that are empty in every row.
std::string compact_csv(const TrialTable& trials) {
  const std::vector<std::string>& header = trials.header();
  std::vector<std::size_t> used;
  for (std::size_t i = 0; i < header.size(); ++i)
    if (std::ranges::any_of(trials.rows(),
                            [&](const TrialTable::Row& row) { return !row[i].empty(); }))
      used.push_back(i);
  std::vector<std::string> fields;
  for (std::size_t i : used) fields.push_back(header[i]);
  std::string text = csv_row(fields);
  for (const TrialTable::Row& row : trials.rows()) {
    for (std::size_t i = 0; i < used.size(); ++i) fields[i] = row[used[i]];
    text += csv_row(fields);
  }
  return text;
}

std::vector<HistoryMedian> medians_of_run(const TrialTable& trials) {
  std::vector<HistoryMedian> medians;
  const std::vector<std::string_view> metrics = metrics_of(trials);
  for (const std::string& name : trials.cases()) {
    const std::string parameters = parameters_of_case(trials, name);
    for (const std::string_view metric : metrics)
      if (const std::vector<double> values = values_of(trials, name, metric); !values.empty())
        medians.push_back({name, std::string(metric), parameters, median(values), values.size()});
  }
  return medians;
}

}  // namespace

HistoryEntry history_entry(const RunSet::Run& run, const std::string& machine,
                           const std::map<std::string, std::string>& labels) {
  const std::string& source = run.trials.source();
  if (run.trials.rows().empty()) throw UsageError(source + ": has no trial");
  const TrialTable::Row first = run.trials.rows().front();
  const bool has_environment =
      !run.directory.empty() && std::filesystem::exists(run.directory / "environment.json");
  const Json environment = has_environment ? recorded_environment(run.directory) : Json::object();
  HistoryEntry entry;
  entry.run.name = run.trials.text(first, "run");
  entry.run.experiment = run.trials.text(first, "experiment");
  entry.run.started_at = start_of_run(entry.run.name, run.trials);
  entry.run.machine = machine.empty() ? machine_of(environment, run.trials) : machine;
  entry.run.directory = run.directory.string();
  entry.run.labels = labels;
  for (const auto& [key, value] : labels_of(run.trials))
    if (!value.empty()) entry.run.labels.emplace(key, value);
  entry.run.facts = facts_of(environment);
  entry.environment = has_environment ? json_line(environment) : "";
  entry.trials = compact_csv(run.trials);
  entry.medians = medians_of_run(run.trials);
  if (entry.run.started_at.empty())
    throw UsageError(source + ": has no started_at, so its place in the history is not known");
  if (entry.medians.empty()) throw UsageError(source + ": no trial has a metric");
  // Not the hosts of the first trial: repairing a run may replace that trial.
  entry.identity = fmt::format("{}\n{}\n{}\n{}", entry.run.experiment, entry.run.name,
                               entry.run.started_at, machine_of(environment, run.trials));
  if (const auto id = environment.find("run_id"); id != environment.end() && id->is_string())
    entry.run_id = id->get<std::string>();
  return entry;
}

TrialTable history_trials(History& history, const HistoryRun& run) {
  return TrialTable(CsvTable::parse(history.trials(run.id), run.name));
}

HistoryBase history_base(History& history, const RunSet& new_runs, HistoryFilter filter) {
  std::set<std::pair<std::string, std::string>> known;  // names and starts
  HistoryRun first;
  for (const RunSet::Run& run : new_runs.runs()) {
    const HistoryRun added = history_entry(run, filter.machine, {}).run;
    if (known.empty()) first = added;
    known.emplace(added.name, added.started_at);
  }
  const std::optional<std::size_t> last = std::exchange(filter.last, std::nullopt);
  filter.machine = first.machine;
  filter.experiment = first.experiment;
  std::vector<HistoryRun> runs = history.runs(filter);
  std::erase_if(runs, [&](const HistoryRun& run) {
    return known.contains({run.name, run.started_at}) || run.started_at > first.started_at;
  });
  if (runs.empty())
    throw UsageError(fmt::format("{}: no earlier run of experiment {} on {}{}", history.file(),
                                 first.experiment, first.machine,
                                 filter.labels.empty() ? "" : " with this label"));
  if (last && runs.size() > *last)
    runs.erase(runs.begin(), runs.end() - static_cast<std::ptrdiff_t>(*last));
  HistoryBase base;
  for (const HistoryRun& run : runs) base.runs.add(history_trials(history, run));
  for (std::size_t i = 1; i < runs.size(); ++i)
    for (const std::string& line : changed_facts(runs[i - 1], runs[i]))
      base.differences.push_back("within the base: " + line);
  for (std::string& line : changed_facts(runs.back(), first))
    base.differences.push_back(std::move(line));
  return base;
}

}  // namespace pingperf
