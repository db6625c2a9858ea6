// pingperf trend: when the figures of the stored runs changed.
#include <fmt/format.h>

#include <set>

#include "harness/base/json.h"
#include "harness/base/print_message.h"
#include "harness/base/usage_error.h"
#include "harness/report/junit.h"
#include "harness/report/trend_table.h"
#include "tools/commands.h"
#include "tools/history_commands.h"

namespace pingperf {
namespace {

// Reads the runs of one machine: that of the newest run unless the filter has one.
std::vector<HistoryRun> runs_of_machine(History& history, HistoryFilter filter) {
  if (filter.machine.empty()) {
    const std::vector<HistoryRun> all =
        history.runs({.experiment = filter.experiment, .machine = "", .labels = filter.labels});
    if (all.empty()) throw UsageError(no_run_matches(history, filter));
    filter.machine = all.back().machine;
    std::set<std::string> others;
    for (const HistoryRun& run : all)
      if (run.machine != filter.machine) others.insert(run.machine);
    if (!others.empty())
      print_message("only the runs of {}; --machine selects another of {} machines\n",
                    filter.machine, others.size() + 1);
  }
  std::vector<HistoryRun> runs = history.runs(filter);
  if (runs.empty()) throw UsageError(no_run_matches(history, filter));
  return runs;
}

}  // namespace

int trend_command(const TrendCommand& command) {
  History history(command.read.store, History::Access::read);
  Trend trend = find_trend(history, runs_of_machine(history, command.read.filter), command.options);
  if (!command.since.empty()) keep_changes_since(trend, command.since);
  const std::string& format = command.read.format;
  if (format == "json")
    print_json(trend_json(trend));
  else if (format == "csv")
    fmt::print("{}", trend_csv(trend));
  else if (format == "html")
    fmt::print("{}", trend_html(trend));
  else if (format == "junit")
    fmt::print("{}", junit_xml("pingperf trend", junit_of(trend, command.newest)));
  else
    fmt::print("{}", trend_table(trend, style_of_stdout()));
  int result = 0;
  if (command.fails_on_change)
    for (const TrendSeries& series : trend.series)
      for (const TrendChange& change : series.changes)
        if (is_failure(trend, series, change, command.newest)) {
          print_message("failed: {}\n", describe(trend, series, change));
          result = 1;
        }
  return result;
}

}  // namespace pingperf
