// The command line: reads arguments, calls a command, turns errors into exit codes.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>

#include "harness/agent/agent.h"
#include "harness/agent/channel.h"
#include "harness/base/usage_error.h"
#include "harness/results/columns.h"
#include "harness/base/csv.h"
#include "harness/engines/iperf3.h"
#include "harness/experiment/schema.h"
#include "harness/base/units.h"
#include "harness/base/version.h"
#include "harness/agent/worker.h"
#include "tools/command_line.h"
#include "tools/commands.h"

namespace pingperf {
namespace {

constexpr int kWrongUsage = 2, kBroken = 3;

void add_overrides(CLI::App& command, Overrides& overrides) {
  command.add_option("--set", overrides.set, "change one value, e.g. workloads.bulk.duration=5s")
      ->type_name("PATH=VALUE")
      ->allow_extra_args(false);  // each --set takes one word
  command.add_option("--only", overrides.only, "only cases or workloads that match, e.g. 'bulk/*'")
      ->type_name("GLOB");
}

// Tables for people, or one JSON document for a script.
void add_format(CLI::App& command, std::string& format) {
  command.add_option("--format", format, "for people, or one document for a script")
      ->capture_default_str()
      ->check(CLI::IsMember({"table", "json"}));
}

void add_no_launch(CLI::App& command, bool& no_launch) {
  command.add_flag("--no-launch", no_launch,
                   "refuse experiments that run a command to reach a host (launch:, ssh:, …)");
}

double threshold_from(const std::string& text) {
  const auto percent = parse_percent(text);
  if (percent && *percent > 0 && *percent < 10) return *percent;
  throw UsageError(fmt::format("--threshold: '{}' is not a percentage: write e.g. 5%", text));
}

// Each adds one subcommand, which sets `result` when it is called.

void add_run(CLI::App& app, int argc, char** argv, int& result) {
  const auto run = std::make_shared<RunCommand>();
  run->command_line.assign(argv, argv + argc);
  CLI::App* const command = app.add_subcommand("run", "run experiments");
  auto* const files = command->add_option("FILE", run->files, "experiment files");
  command->add_option("-o,--output", run->results, "where runs are kept")
      ->type_name("DIR")
      ->capture_default_str();
  command->add_option("--resume", run->resume, "go on with an interrupted run")
      ->type_name("DIR")
      ->excludes(files);
  command->add_flag("-q,--quiet", run->quiet, "no progress, only failures and results");
  add_format(*command, run->format);
  add_no_launch(*command, run->no_launch);
  add_overrides(*command, run->overrides);
  command->callback([run, &result] {
    if (run->files.empty() && run->resume.empty())
      throw UsageError(
          "pingperf run: name an experiment file, e.g. configs/quickstart.yaml, or --resume DIR");
    if (!run->resume.empty() && (!run->overrides.set.empty() || !run->overrides.only.empty()))
      throw UsageError(
          "pingperf run: --resume keeps the plan of the run: it goes without --set and --only");
    result = run_command(*run);
  });
}

void add_check_and_plan(CLI::App& app, int& result) {
  const auto files = std::make_shared<std::vector<std::string>>();
  const auto overrides = std::make_shared<Overrides>();
  const auto format = std::make_shared<std::string>("table");
  CLI::App* const check = app.add_subcommand("check", "validate experiments, run nothing");
  check->add_option("FILE", *files, "experiment files")->required();
  add_overrides(*check, *overrides);
  add_format(*check, *format);
  check->callback([=, &result] { result = check_command(*files, *overrides, *format); });

  const auto file = std::make_shared<std::string>();
  CLI::App* const plan = app.add_subcommand("plan", "print the trials in order, run nothing");
  plan->add_option("FILE", *file, "an experiment file")->required();
  add_overrides(*plan, *overrides);
  add_format(*plan, *format);
  plan->callback([=, &result] { result = plan_command(*file, *overrides, *format); });
}

// What the options of `compare` left to be checked.
void check_compare(CompareCommand& compare) {
  if (compare.base.empty() || compare.now.empty())
    throw UsageError("pingperf compare: name two runs: BASE NEW");
  if (compare.metrics.empty()) compare.metrics = {"throughput_bps", "rtt_p50_ns"};
  for (const std::string& metric : compare.metrics) {
    const Column* const known = find_metric(metric);
    if (!known) throw UsageError("--metric: " + unknown_metric(metric));
    if (known->better == Better::neither && !compare.fail_on.empty())
      throw UsageError(
          fmt::format("--fail-on: {} is neither better nor worse when it grows", metric));
  }
}

// BASE and NEW, and more of each by --base and --new.
void add_compare(CLI::App& app, int& result) {
  const auto compare = std::make_shared<CompareCommand>();
  const auto runs = std::make_shared<std::vector<std::string>>();
  const auto threshold = std::make_shared<std::string>("5%");
  CLI::App* const command = app.add_subcommand(
      "compare", "what changed between two runs: directories, trials.csv files or folders of runs");
  command->add_option("BASE NEW", *runs, "the run to compare with, and the new one")
      ->expected(0, 2);
  const auto add_list = [&](const char* name, std::vector<std::string>& list, const char* text,
                            const char* type) {
    command->add_option(name, list, text)->type_name(type)->allow_extra_args(false);
  };
  add_list("--base", compare->base, "one more run of the base", "RUN");
  add_list("--new", compare->now, "one more new run", "RUN");
  add_list("--metric", compare->metrics, "a metric; throughput_bps and rtt_p50_ns unless given",
           "NAME");
  command->add_option("--threshold", *threshold, "a smaller change does not matter")
      ->type_name("PERCENT")
      ->capture_default_str();
  command
      ->add_option("--relative-to", compare->relative_to,
                   "divide each trial by this one of its block first: engine=iperf3, or "
                   "workload=NAME")
      ->type_name("KEY=VALUE");
  command->add_option("--format", compare->format, "table, markdown, csv, json or junit")
      ->capture_default_str()
      ->check(CLI::IsMember({"table", "markdown", "csv", "json", "junit"}));
  command
      ->add_option("--fail-on", compare->fail_on,
                   "exit 1 when a case is slower, or also when that is inconclusive")
      ->check(CLI::IsMember({"regression", "inconclusive"}));
  command->callback([=, &result] {
    if (!runs->empty()) compare->base.insert(compare->base.begin(), runs->front());
    if (runs->size() > 1) compare->now.insert(compare->now.begin(), runs->back());
    check_compare(*compare);
    compare->threshold = threshold_from(*threshold);
    result = compare_command(*compare);
  });
}

void add_export(CLI::App& app, int& result) {
  const auto run = std::make_shared<std::string>(), format = std::make_shared<std::string>();
  CLI::App* const command = app.add_subcommand("export", "print a run in another tool's format");
  command->add_option("RUN", *run, "the directory of a run")->required();
  command->add_option("--format", *format, "benchmark-json, markdown or openmetrics")
      ->required()
      ->check(CLI::IsMember({"benchmark-json", "markdown", "openmetrics"}));
  command->callback([=, &result] { result = export_command(*run, *format); });
}

void add_report(CLI::App& app, int& result) {
  const auto report = std::make_shared<ReportCommand>();
  CLI::App* const command = app.add_subcommand("report", "a run, or several, as one HTML page");
  command->add_option("RUN", report->runs, "directories of runs")->required();
  command
      ->add_option("-o,--output", report->output,
                   "the page; report.html in the directory of a single run unless given")
      ->type_name("FILE");
  command->callback([=, &result] { result = report_command(*report); });
}

void add_ping(CLI::App& app, int& result) {
  const auto ping = std::make_shared<PingCommand>();
  CLI::App* const command = app.add_subcommand("ping", "ping a pong, until Ctrl-C");
  command->add_option("HOST[:PORT]", ping->server, "where a pong runs; a path for unix")
      ->required();
  command->add_option("--transport", ping->transport, "what carries the pings")
      ->capture_default_str()
      ->check(CLI::IsMember({"tcp", "udp", "unix", "raw", "icmp"}));
  command->add_flag("--once", ping->once,
                    "TCP v1: connect, one ping, one pong, disconnect; one ping unless --count");
  command->add_option("--count", ping->count, "how many pings")
      ->type_name("COUNT")
      ->check(CLI::Range(1, 1'000'000'000));
  command->add_option("--frequency", ping->frequency_hz, "pings a second; 0: as fast as it goes")
      ->type_name("HZ")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1e6));
  command->add_option("--size", ping->message_size, "bytes of a ping")
      ->type_name("BYTES")
      ->capture_default_str()
      ->check(CLI::Range(1, 65507));
  command->add_flag("-q,--quiet", ping->quiet, "no line for each ping, only the summary");
  add_format(*command, ping->format);
  command->callback([=, &result] { result = ping_command(*ping); });
}

void add_servers(CLI::App& app, int& result) {
  const auto pong = std::make_shared<PongCommand>();
  CLI::App* const pong_app = app.add_subcommand("pong", "answer pings, until Ctrl-C");
  pong_app->add_option("--bind", pong->bind, "the address to serve on; a path for unix")
      ->type_name("ADDRESS")
      ->capture_default_str();
  pong_app->add_option("--port", pong->port, "the port")->type_name("PORT")->capture_default_str();
  pong_app->add_option("--transport", pong->transport, "what carries the pings")
      ->capture_default_str()
      ->check(CLI::IsMember({"tcp", "udp", "unix", "raw"}));
  pong_app->add_flag("--concurrent", pong->concurrent, "serve all clients at once");
  pong_app->callback([=, &result] { result = pong_command(*pong); });

  const auto sink = std::make_shared<SinkCommand>();
  CLI::App* const sink_app =
      app.add_subcommand("sink", "receive what bulk senders send, until Ctrl-C");
  sink_app->add_option("--bind", sink->bind, "the address to serve on")
      ->type_name("ADDRESS")
      ->capture_default_str();
  sink_app->add_option("--port", sink->port, "the port")->type_name("PORT")->capture_default_str();
  sink_app->add_option("--transport", sink->transport, "what carries the bytes")
      ->capture_default_str()
      ->check(CLI::IsMember({"tcp", "udp"}));
  sink_app->callback([=, &result] { result = sink_command(*sink); });
}

// What this host can do, and what it is like.
void add_host_commands(CLI::App& app, int& result) {
  const auto format = std::make_shared<std::string>("table");
  CLI::App* const engines = app.add_subcommand("engines", "what can run on this host, and why not");
  add_format(*engines, *format);
  engines->callback([=, &result] { result = engines_command(*format); });

  const auto doctor = std::make_shared<DoctorCommand>();
  CLI::App* const command = app.add_subcommand(
      "doctor", "what on this host spoils or limits results, why, and what mends it");
  command->add_option("FILE", doctor->file,
                      "an experiment: what would spoil that one, on both of its hosts");
  command->add_flag("--clean", doctor->clean, "remove what is left of labs whose run is gone");
  add_no_launch(*command, doctor->no_launch);
  add_format(*command, doctor->format);
  command->callback([=, &result] { result = doctor_command(*doctor); });
}

void add_agents(CLI::App& app, int& result) {
  app.add_subcommand("schema", "print the JSON Schema of the experiment file")->callback([] {
    fmt::print("{}", experiment_schema(metric_names()));
  });
  app.add_subcommand("agent", "serve a controller over stdin and stdout")->callback([&result] {
    result = run_agent(STDIN_FILENO, STDOUT_FILENO);
  });
  app.add_subcommand("worker", "one end of one trial; started by the agent")
      ->group("")
      ->callback([&result] { result = run_worker(); });
}

// What a package installs beside the program; printed by commands that are for no person.
void add_texts(CLI::App& app) {
  const auto shell = std::make_shared<std::string>(), page = std::make_shared<std::string>();
  CLI::App* const completions = app.add_subcommand("completion", "print a completion script");
  completions->group("");
  completions->add_option("SHELL", *shell)
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  completions->callback([&app, shell] { fmt::print("{}", completion(app, *shell)); });
  CLI::App* const manual = app.add_subcommand("manual", "print a manual page");
  manual->group("");
  manual->add_option("SECTION", *page)->required()->check(CLI::IsMember({"1", "5"}));
  manual->callback([&app, page] {
    fmt::print("{}", *page == "1" ? manual_of_commands(app) : manual_of_experiments());
  });
}

std::string version_text() {
  return fmt::format("pingperf {} ({}, {} {})\nlibiperf {}", version(), git_commit(), compiler(),
                     build_type(), libiperf_version());
}

int run_cli(int argc, char** argv) {
  CLI::App app{"pingperf: one YAML experiment in, trustworthy CSV out", "pingperf"};
  app.require_subcommand(1);
  app.set_version_flag("--version", version_text());
  int result = 0;
  add_run(app, argc, argv, result);
  add_check_and_plan(app, result);
  add_compare(app, result);
  add_export(app, result);
  add_report(app, result);
  add_ping(app, result);
  add_servers(app, result);
  add_host_commands(app, result);
  add_agents(app, result);
  add_texts(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    const int code = app.exit(e);
    return code == 0 ? 0 : kWrongUsage;
  }
  return result;
}

}  // namespace

int pingperf_main(int argc, char** argv) {
  ::signal(SIGCHLD, SIG_DFL);  // ignored, as some inherit it, it takes exit statuses away
  try {
    const int code = run_cli(argc, argv);
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
    fmt::print(stderr, "pingperf: cannot write to stdout: {}\n", std::strerror(errno));
    return kBroken;
  } catch (const UsageError& e) {
    fmt::print(stderr, "{}\n", e.what());
    return kWrongUsage;
  } catch (const CsvError& e) {  // a file of the user's, not ours
    fmt::print(stderr, "{}\n", e.what());
    return kWrongUsage;
  } catch (const std::exception& e) {
    fmt::print(stderr, "pingperf: {}\n", e.what());
    return kBroken;
  }
}

}  // namespace pingperf
