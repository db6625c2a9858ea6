// The commands of the history: pingperf history …, trend, and compare --history.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "harness/history/history.h"
#include "harness/verdicts/trend.h"

namespace CLI {
class App;
}

namespace pingperf {

inline constexpr const char* kHistoryFile = "results/history.db";

struct HistoryAddCommand {
  std::vector<std::string> runs;  // paths, as RunSet::read() takes them
  std::filesystem::path store = kHistoryFile;
  std::string machine;  // empty: the names of the hosts
  std::map<std::string, std::string> labels;
};

// The commands that read stored runs.
struct HistoryReadCommand {
  std::filesystem::path store = kHistoryFile;
  HistoryFilter filter;
  std::string format = "table";
};

struct TrendCommand {
  HistoryReadCommand read;
  TrendOptions options;
  std::string since;             // print only changes since this label or date; empty: all
  bool fails_on_change = false;  // exit with 1 on a change for the worse in the newest runs
  std::size_t newest = 5;
};

// The default number of newest runs that a trend reads. More would be slow.
inline constexpr std::size_t kTrendRuns = 500;

// Reads a label, "KEY=VALUE". A key has letters, digits, "_", "-" and ".". Throws UsageError.
void add_label(std::map<std::string, std::string>& labels, const std::string& text);

// Sets the default metrics if there are none. Throws UsageError for unknown metrics. With the
// option that judges them, also for those that cannot `worsen`: "regress".
void check_metrics(std::vector<std::string>& metrics, std::string_view judging_option,
                   std::string_view worsen);

// Returns the error of a selection without runs, with its labels and what the history has.
std::string no_run_matches(History& history, const HistoryFilter& filter);

// Adds the commands `history` and `trend` to the command line. A called one sets `result`.
void add_history_commands(CLI::App& app, int& result);

int history_add_command(const HistoryAddCommand& command);
int history_list_command(const HistoryReadCommand& command);
int history_show_command(const HistoryReadCommand& command, const std::string& run);
int history_export_command(const HistoryReadCommand& command);
int history_prune_command(const HistoryReadCommand& command, std::size_t keep);
int trend_command(const TrendCommand& command);

}  // namespace pingperf
