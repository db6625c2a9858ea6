#include "tools/compare_cli.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "harness/base/units.h"
#include "harness/base/usage_error.h"
#include "harness/results/run_set.h"
#include "sockets/core/options.h"
#include "tools/commands.h"
#include "tools/format_cli.h"
#include "tools/history_commands.h"

namespace pingperf {
namespace {

double percent_from(const std::string& text, std::string_view option) {
  const auto percent = parse_percent(text);
  if (percent && *percent > 0 && *percent < 10) return *percent;
  throw UsageError(fmt::format("{}: '{}' is not a percentage: write e.g. 5%", option, text));
}

// With --history, the only positional argument is NEW.
void check_compare_history(CompareCommand& compare) {
  if (compare.new_runs.empty()) compare.new_runs = std::exchange(compare.base, {});
  if (!compare.base.empty()) throw UsageError("--history: the stored runs are BASE: name only NEW");
  if (compare.explain) throw UsageError("--explain: does nothing with --history");
  if (!compare.base_selection.until.empty())
    throw UsageError("--until: does nothing with --history");
  compare.stored.since = compare.base_selection.since;
  compare.stored.last = compare.base_selection.last.value_or(10);
}

// Throws UsageError for what CLI11 does not check.
void check_compare(CompareCommand& compare) {
  if (!compare.history.empty()) check_compare_history(compare);
  if ((compare.base.empty() && compare.history.empty()) || compare.new_runs.empty())
    throw UsageError("pingperf compare: requires two runs: BASE NEW");
  for (const std::string& name : compare.options.allowed)
    if (!find_parameter(name))
      throw UsageError(fmt::format("--allow: {} is no parameter of a workload", name));
  check_metrics(compare.options.metrics, compare.fail_on.empty() ? "" : "--fail-on", "regress");
}

// Adds the options that select runs of the two sides by their start.
void add_selection(CLI::App& command, CompareCommand& compare) {
  const auto add_last = [&](const char* name, std::optional<std::size_t>& last, const char* text) {
    command.add_option(name, last, text)->type_name("COUNT")->check(CLI::Range(1, 1'000'000));
  };
  add_last("--last", compare.base_selection.last,
           "of BASE, take only the newest runs, without those in NEW");
  const auto add_moment = [&](const char* name, std::string& moment, const char* text) {
    command.add_option(name, moment, text)->type_name("DATE")->check([](const std::string& date) {
      return is_moment(date) ? ""
                             : fmt::format(
                                   "'{}' is not a date: write e.g. 2026-11-28 or "
                                   "2026-11-28T16:10 (UTC)",
                                   date);
    });
  };
  add_moment("--since", compare.base_selection.since,
             "of BASE, take only runs that started then or later (UTC)");
  add_moment("--until", compare.base_selection.until,
             "of BASE, take only runs that started on that day or minute, or earlier (UTC)");
  add_last("--new-last", compare.new_selection.last, "of NEW, take only the newest runs");
}

}  // namespace

void add_compare(CLI::App& app, int& result) {
  const auto compare = std::make_shared<CompareCommand>();
  const auto base = std::make_shared<std::string>(), new_runs = std::make_shared<std::string>();
  const auto threshold = std::make_shared<std::string>("5%");
  const auto session_sd = std::make_shared<std::string>();
  CLI::App* const command = app.add_subcommand(
      "compare",
      "compare two runs or sets of runs: a directory, a trials.csv, a folder of runs, or a quoted "
      "glob");
  command->add_option("BASE", *base, "the runs to compare with");
  command->add_option("NEW", *new_runs, "the runs to judge");
  const auto add_list = [&](const char* name, std::vector<std::string>& list, const char* text,
                            const char* type) {
    command->add_option(name, list, text)->type_name(type)->allow_extra_args(false);
  };
  add_list("--base", compare->base, "add a run to BASE", "RUN");
  add_list("--new", compare->new_runs, "add a run to NEW", "RUN");
  command
      ->add_option("--history", compare->history,
                   "compare NEW with the newest stored runs of its experiment and machine before "
                   "it (10, or --last)")
      ->type_name("STORE");
  const auto labels = std::make_shared<std::vector<std::string>>();
  add_list("--label", *labels, "of --history, take only runs with this label", "KEY=VALUE");
  command->get_option("--label")->needs("--history");
  command
      ->add_option("--machine", compare->stored.machine,
                   "of --history, take the runs of this machine instead")
      ->type_name("MACHINE")
      ->needs("--history");
  add_selection(*command, *compare);
  add_list("--metric", compare->options.metrics,
           "compare this metric; throughput_bps and rtt_p50_ns unless given", "NAME");
  command->add_option("--threshold", *threshold, "ignore changes that are smaller")
      ->type_name("PERCENT")
      ->capture_default_str();
  command
      ->add_option("--session-sd", *session_sd,
                   "how much runs of the same code differ (standard deviation); gives one run on "
                   "each side a verdict")
      ->type_name("PERCENT");
  add_list("--allow", compare->options.allowed,
           "compare cases although this parameter differs between the sides", "PARAMETER");
  command
      ->add_option("--relative-to", compare->options.relative_to,
                   "first divide each trial by the trial of its block that has this value: "
                   "engine=iperf3 or workload=NAME")
      ->type_name("KEY=VALUE");
  command->add_flag("--explain", compare->explain,
                    "below each difference, print the kernel's counters that changed with it");
  add_format(*command, compare->format, {"table", "markdown", "csv", "json", "junit"},
             "the format of the output");
  command
      ->add_option("--fail-on", compare->fail_on,
                   "exit with 1 on a regression; inconclusive: also when a case is undecided")
      ->check(CLI::IsMember({"regression", "inconclusive"}));
  command->callback([=, &result] {
    if (!base->empty()) compare->base.insert(compare->base.begin(), *base);
    if (!new_runs->empty()) compare->new_runs.insert(compare->new_runs.begin(), *new_runs);
    for (const std::string& label : *labels) add_label(compare->stored.labels, label);
    check_compare(*compare);
    compare->options.significance.threshold = percent_from(*threshold, "--threshold");
    if (!session_sd->empty())
      compare->options.significance.session_sd = percent_from(*session_sd, "--session-sd");
    result = compare_command(*compare);
  });
}

}  // namespace pingperf
