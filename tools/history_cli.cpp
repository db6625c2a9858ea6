// The command line of `history` and `trend`.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "harness/base/usage_error.h"
#include "harness/results/run_set.h"
#include "tools/history_commands.h"

namespace pingperf {
namespace {

// Reads "KEY=VALUE". A key has letters, digits, "_", "-" and ".".
void add_label(std::map<std::string, std::string>& labels, const std::string& text) {
  const std::size_t equals = text.find('=');
  const std::string key = text.substr(0, equals);
  const bool is_key = std::all_of(key.begin(), key.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
  });
  if (equals == std::string::npos || key.empty() || !is_key)
    throw UsageError(
        fmt::format("--label: '{}' is not KEY=VALUE: write e.g. commit=1a2b3c4", text));
  if (!labels.emplace(key, text.substr(equals + 1)).second)
    throw UsageError(fmt::format("--label: {} is given twice", key));
}

using Texts = std::vector<std::string>;

void add_store(CLI::App& command, std::filesystem::path& store) {
  command.add_option("--store", store, "the file of the history")
      ->type_name("STORE")
      ->capture_default_str();
}

void add_labels(CLI::App& command, Texts& labels, const char* text) {
  command.add_option("--label", labels, text)->type_name("KEY=VALUE")->allow_extra_args(false);
}

void add_read_format(CLI::App& command, std::string& format, std::vector<std::string> formats,
                     const char* text) {
  command.add_option("--format", format, text)
      ->capture_default_str()
      ->check(CLI::IsMember(std::move(formats)));
}

// Adds the options that select stored runs.
void add_filter(CLI::App& command, HistoryFilter& filter, Texts& labels) {
  command.add_option("--experiment", filter.experiment, "only runs of this experiment")
      ->type_name("EXPERIMENT");
  command.add_option("--machine", filter.machine, "only runs of this machine")
      ->type_name("MACHINE");
  add_labels(command, labels, "only runs with this label");
  command
      .add_option("--since", filter.since,
                  "only runs from the first one with this label, or from this date on (UTC)")
      ->type_name("KEY=VALUE|DATE")
      ->check([](const std::string& text) {
        return text.find('=') != std::string::npos || is_moment(text)
                   ? ""
                   : fmt::format("'{}' is neither KEY=VALUE nor a date such as 2026-11-28", text);
      });
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
  add_read_format(*command, list->format, {"table", "csv", "json"}, "the format of the list");

  const auto show = std::make_shared<HistoryReadCommand>();
  const auto run = std::make_shared<std::string>();
  command = history->add_subcommand("show", "print the results of one stored run");
  command->add_option("RUN", *run, "the number or the name of a stored run")->required();
  add_store(*command, show->store);
  add_read_format(*command, show->format, {"table", "json"}, "table for people, json for scripts");
  command->callback([=, &result] { result = history_show_command(*show, *run); });

  const auto exported = std::make_shared<HistoryReadCommand>();
  exported->format = "csv";
  command = add_reader(*history, "export", "print stored runs for another tool", exported,
                       history_export_command, result);
  add_read_format(*command, exported->format, {"csv", "json", "openmetrics", "benchmark-json"},
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

}  // namespace

void add_history_commands(CLI::App& app, int& result) {
  add_history(app, result);
}

}  // namespace pingperf
