// The commands of the pingperf CLI. Each returns its exit code or throws UsageError for 2. The
// codes: 0 success, 1 a failed gate or a regression, 2 wrong usage, 3 failed trials, 130
// interrupted.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "harness/agent/agents.h"
#include "harness/base/json_fwd.h"
#include "harness/base/text_table.h"
#include "harness/experiment/experiment_reader.h"
#include "harness/history/history.h"
#include "harness/results/run_set.h"
#include "harness/verdicts/criteria.h"
#include "harness/verdicts/run_comparison.h"
#include "sockets/core/clock.h"

namespace pingperf {

// The whole program.
int pingperf_main(int argc, char** argv);

// The metrics that are compared if no others are named.
inline const std::vector<std::string> kDefaultMetrics = {"throughput_bps", "rtt_p50_ns"};

struct RunCommand {
  std::vector<std::string> files;
  std::filesystem::path results = "results";
  Overrides overrides;
  std::string resume;   // the directory of a run; empty: start a new run
  bool failed = false;  // with resume: run the trials that are not ok again
  bool quiet = false;
  bool force = false;  // runs an experiment that does not suit its hosts
  std::string format = "table";
  bool no_launch = false;  // reject experiments that run a command to reach a host
  std::uint64_t sessions = 1;
  Nanoseconds pause = 10 * kSecond;  // between two sessions
  std::vector<std::string> command_line;
};

inline constexpr std::uint16_t kPongPort = 5207;

struct PingCommand {
  std::string server;             // HOST[:PORT], or a path for unix
  std::string transport = "tcp";  // a transport's name, here and below
  bool once = false;              // TCP v1: one connection per ping
  std::uint64_t count = 0;        // 0: until Ctrl-C, or one ping if once is set
  double frequency_hz = 1;        // 0: as fast as the replies arrive
  std::size_t message_size = 64;
  std::uint16_t port = kPongPort;
  bool quiet = false;  // only the summary
  std::string format = "table";
};

inline constexpr const char* kLoopback = "127.0.0.1";

struct PongCommand {
  std::string bind = kLoopback;  // or a path for unix
  std::string transport = "tcp";
  std::uint16_t port = kPongPort;
  bool concurrent = false;
};

inline constexpr std::uint16_t kSinkPort = 5208;

struct SinkCommand {
  std::string bind = kLoopback;
  std::string transport = "tcp";
  std::uint16_t port = kSinkPort;
};

struct CompareCommand {
  std::vector<std::string> base;  // paths, as RunSet::read() takes them
  std::vector<std::string> new_runs;
  RunSelection base_selection{.side = "pingperf compare: BASE"};
  RunSelection new_selection{.side = "pingperf compare: NEW"};
  CompareOptions options;
  std::string history;   // the file of stored runs that are the base; empty: `base`
  HistoryFilter stored;  // selects them
  bool explain = false;  // add the counters that changed with each difference
  std::string format = "table";
  std::string fail_on;  // regression, or inconclusive for both; empty: never fail
};

struct DoctorCommand {
  std::string file;  // an experiment; empty: check this host for any experiment
  bool clean = false;
  bool no_launch = false;  // as in RunCommand
  std::string format = "table";
};

struct ReportCommand {
  std::vector<std::string> runs;  // paths, as RunSet::read() takes them; the first is the baseline
  std::string output;             // a file; empty: report.html in the directory of a single run
};

// Returns the style for stdout. On a terminal, text fits its width and has colours, unless NO_COLOR
// is set or the terminal has none.
Style style_of_stdout();

// Prints to stderr the commands that the experiment will run to reach its hosts.
void announce_launchers(const Experiment& experiment);

// Prints to stderr which changes of killed runs the agent of a host has undone, and which it could
// not undo.
void print_recovered(std::string_view host, const std::vector<std::string>& undone,
                     const std::vector<std::string>& not_undone);
void print_recovered(Agents& agents);

// Prints what an experiment cannot judge to stderr: what `--only` left out, and too few
// repetitions. `location` begins each line.
void print_warnings(const Experiment& experiment, const Criteria& criteria,
                    const std::vector<std::string>& limits, const std::string& location);

// Prints one JSON document to stdout.
void print_json(const Json& document);

int compare_command(const CompareCommand& command);
int export_command(const std::string& run, const std::string& format);
int report_command(const ReportCommand& command);
int sink_command(const SinkCommand& command);
int ping_command(PingCommand command);
int pong_command(const PongCommand& command);
int run_command(const RunCommand& command);
int doctor_command(const DoctorCommand& command);
// `format` is "table" for people or "json" for scripts.
int check_command(const std::vector<std::string>& files, const Overrides& overrides,
                  const std::string& format);
int plan_command(const std::string& file, const Overrides& overrides, const std::string& format);
int engines_command(const std::string& format);
// Writes the experiment `starter` to `file`: "-" is stdout, and "" is STARTER.yaml. Throws
// UsageError if the file exists.
int init_command(const std::string& starter, std::string file);

}  // namespace pingperf
