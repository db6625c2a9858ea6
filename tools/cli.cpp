// The command line: reads the arguments, calls a command and turns errors into exit codes. Few
// files include CLI11, since that costs seconds per file.
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <sstream>

#include "harness/agent/agent.h"
#include "harness/agent/channel.h"
#include "harness/agent/copy_agent.h"
#include "harness/agent/idle.h"
#include "harness/agent/worker.h"
#include "harness/base/csv.h"
#include "harness/base/json.h"
#include "harness/base/print_message.h"
#include "harness/base/units.h"
#include "harness/base/usage_error.h"
#include "harness/base/version.h"
#include "harness/engines/libiperf.h"
#include "harness/experiment/schema.h"
#include "harness/results/columns.h"
#include "tools/commands.h"
#include "tools/compare_cli.h"
#include "tools/completion.h"
#include "tools/errors_cli.h"
#include "tools/format_cli.h"
#include "tools/history_commands.h"
#include "tools/ping_cli.h"
#include "tools/starters.h"

namespace pingperf {
namespace {

constexpr int kWrongUsage = 2, kFailure = 3;

// Returns the path of the first experiment: as installed beside this program, or as in the sources.
std::string example_file() {
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::filesystem::path installed =
      program.parent_path().parent_path() / "share/doc/pingperf/configs/quickstart.yaml";
  return std::filesystem::exists(installed, error) ? installed.string() : "configs/quickstart.yaml";
}

ArgumentSpec spec_of(const CLI::Option& option) {
  ArgumentSpec spec;
  for (const std::string& name : option.get_snames()) spec.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) spec.names.push_back("--" + name);
  spec.doc = option.get_description();
  if (option.get_items_expected_max() == 0) return spec;  // a flag
  const std::string type = option.get_type_name();        // "TEXT:{table,json}" with CLI::IsMember
  spec.value = option.get_positional() ? option.get_name(true) : type.substr(0, type.find(':'));
  if (const std::size_t open = type.find('{'); open != std::string::npos)
    spec.choices = CLI::detail::split(type.substr(open + 1, type.find('}') - open - 1), ',');
  if (spec.value == "NAME")  // of a metric
    for (const std::string_view metric : metric_names()) spec.choices.emplace_back(metric);
  return spec;
}

CommandSpec spec_of(const CLI::App& command) {
  CommandSpec spec{"", command.get_description(), {}};
  for (const CLI::App* part = &command; part->get_parent(); part = part->get_parent())
    spec.name = part->get_name() + (spec.name.empty() ? "" : " ") + spec.name;
  for (const CLI::Option* option : command.get_options())
    spec.arguments.push_back(spec_of(*option));
  return spec;
}

// Returns the program or command, then its commands without the hidden ones.
std::vector<CommandSpec> specs_of(const CLI::App& app) {
  std::vector<CommandSpec> specs = {spec_of(app)};
  for (const CLI::App* command :
       app.get_subcommands([](const CLI::App* c) { return !c->get_group().empty(); }))
    for (CommandSpec& spec : specs_of(*command)) specs.push_back(std::move(spec));
  return specs;
}

// Prints "--format table|json" where CLI11 prints "--format TEXT:{table,json}=table", and the range
// and the default after the description. tools/manual/make reads this.
class HelpFormatter final : public CLI::Formatter {
 public:
  std::string make_option_opts(const CLI::Option* option) const override {
    const std::string type = option->get_type_name();
    const ArgumentSpec spec = spec_of(*option);
    if (spec.value.empty() || option->get_positional()) return "";
    const bool is_choice = type.find('{') != std::string::npos;
    return fmt::format(" {}{}",
                       is_choice ? fmt::format("{}", fmt::join(spec.choices, "|")) : spec.value,
                       option->get_expected_max() > 1 ? " ..." : "");
  }

  std::string make_option_desc(const CLI::Option* option) const override {
    std::string text = option->get_description();
    const std::string type = option->get_type_name(), standard = option->get_default_str();
    if (const std::size_t range = type.find('['); range != std::string::npos)
      text += " " + type.substr(range);
    if (!standard.empty()) text += fmt::format(" [default: {}]", standard);
    if (option->get_required() && !option->get_positional()) text += " [required]";
    return text;
  }
};

void add_overrides(CLI::App& command, Overrides& overrides) {
  command
      .add_option("--set", overrides.set,
                  "change one value of the experiment, e.g. workloads.bulk.duration=5s")
      ->type_name("PATH=VALUE")
      ->allow_extra_args(false);  // each --set takes one value
  command
      .add_option("--only", overrides.only,
                  "run only the cases or workloads that match, e.g. 'bulk/*'; may be repeated")
      ->type_name("GLOB")
      ->allow_extra_args(false);
}

void add_no_launch(CLI::App& command, bool& no_launch) {
  command.add_flag("--no-launch", no_launch,
                   "reject experiments that run a command to reach a host (launch:, ssh:, …)");
}

Nanoseconds pause_from(const std::string& text) {
  constexpr Nanoseconds kMaxPause = 24 * 3600 * kSecond;
  const auto pause = parse_duration(text);
  if (pause && *pause <= kMaxPause) return *pause;
  throw UsageError(
      fmt::format("--pause: '{}' is not a duration of at most 24h: write e.g. 30s", text));
}

// Returns labels as overrides of the experiment, which a resumed run keeps. In quotes, because a
// value can have any character.
std::vector<std::string> label_overrides(const std::vector<std::string>& texts) {
  std::map<std::string, std::string> labels;
  for (const std::string& text : texts) add_label(labels, text);
  std::vector<std::string> overrides;
  for (const auto& [key, value] : labels) {
    if (key.find('.') != std::string::npos)
      throw UsageError(
          fmt::format("--label: '{}' is a column: its name has letters, digits, '_' and '-'", key));
    overrides.push_back(fmt::format("labels.{}={}", key, json_line(Json(value))));
  }
  return overrides;
}

// Each function below adds sub-commands. A called sub-command sets `result`.

void add_run(CLI::App& app, int argc, char** argv, int& result) {
  const auto run = std::make_shared<RunCommand>();
  const auto pause = std::make_shared<std::string>("10s");
  const auto labels = std::make_shared<std::vector<std::string>>();
  run->command_line.assign(argv, argv + argc);
  CLI::App* const command = app.add_subcommand("run", "run experiments");
  auto* const files = command->add_option("FILE", run->files, "experiment files");
  command->add_option("-o,--output", run->results, "keep the runs in this directory")
      ->type_name("DIR")
      ->capture_default_str();
  command
      ->add_option("--resume", run->resume,
                   "resume an interrupted run; cannot be combined with FILE")
      ->type_name("DIR")
      ->excludes(files);
  command->add_flag("--failed", run->failed, "run the failed trials of the run again, too")
      ->needs("--resume");
  command
      ->add_option("--sessions", run->sessions,
                   "repeat each experiment so often, each time in new agents as a run of its own")
      ->type_name("COUNT")
      ->check(CLI::Range(1, 1000))
      ->excludes("--resume");
  command->add_option("--pause", *pause, "the time between two sessions")
      ->type_name("DURATION")
      ->capture_default_str()
      ->needs("--sessions");
  command->add_flag("--force", run->force,
                    "run although the experiment does not suit a host, such as pins to CPUs that "
                    "are not there");
  command->add_flag("-q,--quiet", run->quiet, "print only failures and results");
  add_format(*command, run->format, {"table", "json", "jsonl"},
             "table for people, json for scripts, jsonl for a line per event as it happens");
  add_no_launch(*command, run->no_launch);
  add_overrides(*command, run->overrides);
  command
      ->add_option("--label", *labels,
                   "a column of every table and a label in a history, e.g. commit=1a2b3c4")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false)
      ->excludes("--resume");
  command->callback([=, &result] {
    for (std::string& set : label_overrides(*labels)) run->overrides.set.push_back(std::move(set));
    if (run->files.empty() && run->resume.empty())
      throw UsageError(fmt::format(
          "pingperf run: requires an experiment file, e.g. {}, or --resume DIR", example_file()));
    const auto is_plan = [](const std::string& set) { return !set.starts_with("hosts."); };
    if (!run->resume.empty() &&
        (std::ranges::any_of(run->overrides.set, is_plan) || !run->overrides.only.empty()))
      throw UsageError(
          "pingperf run: --resume keeps the plan of the run: it cannot be combined with --only, "
          "and --set can change hosts alone, e.g. hosts.server.srun=node7");
    run->pause = pause_from(*pause);
    result = run_command(*run);
  });
}

void add_init(CLI::App& app, int& result) {
  const auto starter = std::make_shared<std::string>("quickstart");
  const auto file = std::make_shared<std::string>();
  CLI::App* const init =
      app.add_subcommand("init", "write a commented experiment file to start from");
  init->add_option("STARTER", *starter, "what to start from: quickstart, ci, two-hosts or program")
      ->check(CLI::IsMember(std::vector<std::string>(std::begin(kStarters), std::end(kStarters))));
  init->add_option("-o,--output", *file,
                   "write to this file, - for stdout; STARTER.yaml unless given")
      ->type_name("FILE");
  init->callback([=, &result] { result = init_command(*starter, *file); });
}

void add_check_and_plan(CLI::App& app, int& result) {
  const auto files = std::make_shared<std::vector<std::string>>();
  const auto overrides = std::make_shared<Overrides>();
  const auto format = std::make_shared<std::string>("table");
  CLI::App* const check = app.add_subcommand("check", "validate experiments without running them");
  check->add_option("FILE", *files, "experiment files")->required();
  add_overrides(*check, *overrides);
  add_format(*check, *format);
  check->callback([=, &result] { result = check_command(*files, *overrides, *format); });

  const auto file = std::make_shared<std::string>();
  CLI::App* const plan =
      app.add_subcommand("plan", "print the trials in order without running them");
  plan->add_option("FILE", *file, "an experiment file")->required();
  add_overrides(*plan, *overrides);
  add_format(*plan, *format);
  plan->callback([=, &result] { result = plan_command(*file, *overrides, *format); });
}

void add_export(CLI::App& app, int& result) {
  const auto run = std::make_shared<std::string>(), format = std::make_shared<std::string>();
  CLI::App* const command = app.add_subcommand("export", "print a run in another tool's format");
  command->add_option("RUN", *run, "the directory of a run; for openmetrics, also a folder of runs")
      ->required();
  command->add_option("--format", *format, "the format of the other tool")
      ->required()
      ->check(CLI::IsMember({"benchmark-json", "markdown", "openmetrics"}));
  command->callback([=, &result] { result = export_command(*run, *format); });
}

void add_report(CLI::App& app, int& result) {
  const auto report = std::make_shared<ReportCommand>();
  CLI::App* const command =
      app.add_subcommand("report", "write one HTML page about one or more runs");
  command->add_option("RUN", report->runs, "directories of runs")->required();
  command
      ->add_option("-o,--output", report->output,
                   "write the page here; report.html in the directory of a single run unless given")
      ->type_name("FILE");
  command->callback([=, &result] { result = report_command(*report); });
}

void add_host_commands(CLI::App& app, int& result) {
  const auto format = std::make_shared<std::string>("table");
  CLI::App* const engines =
      app.add_subcommand("engines", "list the engines, and why some cannot run on this host");
  add_format(*engines, *format);
  engines->callback([=, &result] { result = engines_command(*format); });

  const auto doctor = std::make_shared<DoctorCommand>();
  CLI::App* const command = app.add_subcommand(
      "doctor", "find what spoils or limits results on this host, and how to fix it");
  command->add_option("FILE", doctor->file, "check both hosts of this experiment instead");
  command->add_flag("--clean", doctor->clean,
                    "remove labs whose run is gone, and undo changes of killed runs");
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
  app.add_subcommand("idle", "wait for SIGTERM: the command of a container that agents run in")
      ->callback([&result] { result = run_idle(); });
  app.add_subcommand("worker", "one end of one trial; started by the agent")
      ->group("")
      ->callback([&result] { result = run_worker(); });
}

std::string version_text() {
  const auto no_libiperf = libiperf_unavailable();
  return fmt::format("pingperf {} ({}, {} {})\nlibiperf {}", version(), git_commit(), compiler(),
                     build_type(), no_libiperf ? "not found: " + *no_libiperf : libiperf_version());
}

int run_cli(int argc, char** argv) {
  CLI::App app{"pingperf: one YAML experiment in, trustworthy CSV out", "pingperf"};
  app.formatter(std::make_shared<HelpFormatter>());
  app.require_subcommand(1);
  app.set_help_flag("-h,--help", "print this help and exit");
  app.set_version_flag("--version", version_text, "print the version and exit");
  int result = 0;
  add_init(app, result);
  add_run(app, argc, argv, result);
  add_check_and_plan(app, result);
  add_compare(app, result);
  add_export(app, result);
  add_report(app, result);
  add_history_commands(app, result);
  add_ping_commands(app, result);
  add_host_commands(app, result);
  add_agents(app, result);
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() > 2 && words[0] == "complete" && words[1] == "--") {
    fmt::print("{}", completions(specs_of(app), {words.begin() + 2, words.end()}));
    return 0;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);  // prints the help or the version
    print_message("{}\n", command_line_error(app, words, e));
    return kWrongUsage;
  }
  return result;
}

// Opens /dev/null for the standard streams that the caller closed. Otherwise the next files would
// get their numbers, and messages would be written into them. The streams keep failing.
void fill_closed_streams() {
  for (int fd = 0; fd <= 2; ++fd)
    if (::fcntl(fd, F_GETFD) < 0) ::open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
}

}  // namespace

int pingperf_main(int argc, char** argv) {
  fill_closed_streams();
  ::signal(SIGCHLD, SIG_DFL);  // if inherited as ignored, exit statuses would be lost
  ::signal(SIGXFSZ, SIG_IGN);  // a file at its size limit is like a full disk
  try {
    // An agent starts a worker for each trial, which need not wait for the description of all
    // options.
    if (argc == 2 && argv[1] == std::string_view("worker")) return run_worker();
    // The words of a launcher are not options of pingperf.
    if (argc > 4 && argv[1] == std::string_view("copy-agent"))
      return run_copy_agent(argv[3], {argv + 4, argv + argc}, std::atoll(argv[2]) * kMillisecond);
    const int code = run_cli(argc, argv);
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
    print_message("pingperf: cannot write to stdout: {}\n", std::strerror(errno));
    return kFailure;
  } catch (const UsageError& e) {
    print_message("{}\n", e.what());
    return kWrongUsage;
  } catch (const CsvError& e) {  // a file of the user
    print_message("{}\n", e.what());
    return kWrongUsage;
  } catch (const std::exception& e) {
    // An error of several hosts has a line for each.
    std::istringstream lines(e.what());
    for (std::string line; std::getline(lines, line);) print_message("pingperf: {}\n", line);
    return kFailure;
  }
}

}  // namespace pingperf
