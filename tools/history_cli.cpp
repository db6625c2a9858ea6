// The command line of `history` and `trend`.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "harness/base/csv.h"
#include "harness/base/units.h"
#include "harness/base/usage_error.h"
#include "harness/results/columns.h"
#include "harness/results/run_set.h"
#include "tools/commands.h"
#include "tools/format_cli.h"
#include "tools/history_commands.h"

namespace pingperf {

void add_label(std::map<std::string, std::string>& labels, const std::string& text) {
  const std::size_t equals = text.find('=');
  const std::string key = text.substr(0, equals);
  const bool is_key = std::all_of(key.begin(), key.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
  });
  if (equals == std::string::npos || key.empty() || !is_key)
    throw UsageError(
        fmt::format("--label: '{}' is not KEY=VALUE: write e.g. commit=1a2b3c4", text));
  for (const std::string& word : {key, text.substr(equals + 1)})
    if (reads_as_missing(word))
      throw UsageError(fmt::format(
          "--label: '{}': pandas or R would read it as a missing value: choose another word",
          word));
  if (!labels.emplace(key, text.substr(equals + 1)).second)
    throw UsageError(fmt::format("--label: {} is given twice", key));
}

void check_metrics(std::vector<std::string>& metrics, std::string_view judging_option,
                   std::string_view worsen) {
  if (metrics.empty()) metrics = kDefaultMetrics;
  for (const std::string& metric : metrics) {
    const std::optional<Column> known = find_metric(metric);
    if (!known) throw UsageError("--metric: " + unknown_metric(metric));
    if (known->better == Better::neither && !judging_option.empty())
      throw UsageError(fmt::format("{}: {} has no better direction, so it cannot {}",
                                   judging_option, metric, worsen));
  }
}

namespace {

using Texts = std::vector<std::string>;

void add_store(CLI::App& command, std::filesystem::path& store) {
  command.add_option("--store", store, "the file of the history")
      ->type_name("STORE")
      ->capture_default_str();
}

void add_labels(CLI::App& command, Texts& labels, const char* text) {
  command.add_option("--label", labels, text)->type_name("KEY=VALUE")->allow_extra_args(false);
}

void add_since(CLI::App& command, std::string& since, const char* text) {
  command.add_option("--since", since, text)
      ->type_name("KEY=VALUE|DATE")
      ->check([](const std::string& value) {
        return value.find('=') != std::string::npos || is_moment(value)
                   ? ""
                   : fmt::format("'{}' is neither KEY=VALUE nor a date such as 2026-11-28", value);
      });
}

// Adds the options that select stored runs.
void add_filter(CLI::App& command, HistoryFilter& filter, Texts& labels) {
  command.add_option("--experiment", filter.experiment, "only runs of this experiment")
      ->type_name("EXPERIMENT");
  command.add_option("--machine", filter.machine, "only runs of this machine")
      ->type_name("MACHINE");
  add_labels(command, labels, "only runs with this label");
  command.add_option("--last", filter.last, "only so many of the newest runs")
      ->type_name("COUNT")
      ->check(CLI::Range(1, 1'000'000));
}

void add_history_add(CLI::App& history, int& result) {
  const auto add = std::make_shared<HistoryAddCommand>();
  const auto labels = std::make_shared<Texts>();
  CLI::App* const command = history.add_subcommand(
      "add", "store runs; a run that is there already is replaced if it has changed");
  command
      ->add_option("RUN", add->runs,
                   "runs: directories, folders of runs, trials.csv files, or quoted globs")
      ->required();
  add_labels(*command, *labels, "label these runs, e.g. commit=1a2b3c4");
  command
      ->add_option("--machine", add->machine,
                   "name the machine; the host names of client and server unless given")
      ->type_name("MACHINE");
  add_store(*command, add->store);
  command->callback([=, &result] {
    for (const std::string& label : *labels) add_label(add->labels, label);
    result = history_add_command(*add);
  });
}

using Reader = std::function<int(const HistoryReadCommand&)>;

// Adds a command that reads the runs of a filter. Returns it for further options.
CLI::App* add_reader(CLI::App& history, const char* name, const char* text,
                     const std::shared_ptr<HistoryReadCommand>& read, const Reader& run,
                     int& result) {
  const auto labels = std::make_shared<Texts>();
  CLI::App* const command = history.add_subcommand(name, text);
  add_filter(*command, read->filter, *labels);
  add_since(*command, read->filter.since,
            "only runs from the first one with this label, or from this date on (UTC)");
  add_store(*command, read->store);
  command->callback([=, &result] {
    for (const std::string& label : *labels) add_label(read->filter.labels, label);
    result = run(*read);
  });
  return command;
}

void add_history(CLI::App& app, int& result) {
  CLI::App* const history =
      app.add_subcommand("history", "keep runs in one file, to find out when something changed");
  history->require_subcommand(1);
  add_history_add(*history, result);

  const auto list = std::make_shared<HistoryReadCommand>();
  CLI::App* command =
      add_reader(*history, "list", "list the stored runs", list, history_list_command, result);
  add_format(*command, list->format, {"table", "csv", "json"}, "the format of the list");

  const auto show = std::make_shared<HistoryReadCommand>();
  const auto run = std::make_shared<std::string>();
  command = history->add_subcommand("show", "print the results of one stored run");
  command->add_option("RUN", *run, "the number or the name of a stored run")->required();
  add_store(*command, show->store);
  add_format(*command, show->format);
  command->callback([=, &result] { result = history_show_command(*show, *run); });

  const auto exported = std::make_shared<HistoryReadCommand>();
  exported->format = "csv";
  command = add_reader(*history, "export", "print stored runs for another tool", exported,
                       history_export_command, result);
  add_format(*command, exported->format, {"csv", "json", "openmetrics", "benchmark-json"},
             "csv and json: each median of each run; openmetrics: the newest run of each "
             "experiment and machine; benchmark-json: the newest run");

  const auto prune = std::make_shared<HistoryReadCommand>();
  const auto keep = std::make_shared<std::size_t>(0);
  command = add_reader(
      *history, "prune", "remove the oldest of the selected runs", prune,
      [=](const HistoryReadCommand& read) { return history_prune_command(read, *keep); }, result);
  command->remove_option(command->get_option("--last"));  // --keep says how many
  command->add_option("--keep", *keep, "keep so many of the newest selected runs")
      ->type_name("COUNT")
      ->required();
}

double share_from(const std::string& text, const char* option, double limit) {
  const auto share = parse_percent(text);
  if (share && *share > 0 && *share <= limit) return *share;
  throw UsageError(fmt::format("{}: '{}' is no percentage above 0% and up to {}%: write e.g. 2%",
                               option, text, limit * 100));
}

// Throws UsageError for what CLI11 does not check.
void check_trend(TrendCommand& trend, bool has_newest) {
  const bool judges = trend.fails_on_change || trend.read.format == "junit";
  check_metrics(trend.options.metrics,
                trend.fails_on_change ? "--fail-on"
                : judges              ? "--format junit"
                                      : "",
                "get worse");
  if (has_newest && !judges)
    throw UsageError("--newest: does nothing without --fail-on change or --format junit");
  if (!trend.read.filter.last) trend.read.filter.last = kTrendRuns;
}

void add_trend(CLI::App& app, int& result) {
  const auto trend = std::make_shared<TrendCommand>();
  const auto labels = std::make_shared<Texts>();
  const auto threshold = std::make_shared<std::string>("2%"),
             level = std::make_shared<std::string>("2%");
  const auto fail_on = std::make_shared<std::string>();
  CLI::App* const command =
      app.add_subcommand("trend", "find when the figures of the stored runs changed");
  command
      ->add_option("--metric", trend->options.metrics,
                   "judge this metric; throughput_bps and rtt_p50_ns unless given")
      ->type_name("NAME")
      ->allow_extra_args(false);
  command->add_option("--case", trend->options.cases, "only the cases that match, e.g. 'bulk/*'")
      ->type_name("GLOB");
  command
      ->add_option("--relative-to", trend->options.relative_to,
                   "first divide each median by that of this case of its run: engine=iperf3 or "
                   "workload=NAME")
      ->type_name("KEY=VALUE");
  add_filter(*command, trend->read.filter, *labels);
  add_since(*command, trend->since,
            "print and judge only changes since the first run with this label, or since this date "
            "(UTC); the runs before are their base");
  command->add_option("--threshold", *threshold, "ignore changes that are smaller")
      ->type_name("PERCENT")
      ->capture_default_str();
  command->add_option("--significance", *level, "the probability that a change is there by chance")
      ->type_name("PERCENT")
      ->capture_default_str();
  command->add_option("--min-runs", trend->options.min_runs, "do not judge cases with fewer runs")
      ->type_name("COUNT")
      ->capture_default_str()
      ->check(CLI::Range(3, 50));
  command->add_option("--fail-on", *fail_on, "exit with 1 if a figure got worse in the newest runs")
      ->check(CLI::IsMember({"change"}));
  CLI::Option* const newest =
      command->add_option("--newest", trend->newest, "how many of the newest runs can fail")
          ->type_name("COUNT")
          ->capture_default_str()
          ->check(CLI::Range(1, 1'000'000));
  add_store(*command, trend->read.store);
  add_format(*command, trend->read.format, {"table", "csv", "json", "junit", "html"},
             "the format of the output");
  command->callback([=, &result] {
    for (const std::string& label : *labels) add_label(trend->read.filter.labels, label);
    trend->options.threshold = share_from(*threshold, "--threshold", 10);
    trend->options.search.level = share_from(*level, "--significance", 0.2);
    trend->fails_on_change = !fail_on->empty();
    check_trend(*trend, newest->count() > 0);
    result = trend_command(*trend);
  });
}

}  // namespace

void add_history_commands(CLI::App& app, int& result) {
  add_history(app, result);
  add_trend(app, result);
}

}  // namespace pingperf
