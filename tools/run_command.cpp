// pingperf run: experiment -> plan -> agents -> trials -> files -> tables.
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <optional>

#include "harness/agent/agents.h"
#include "harness/agent/host_limits.h"
#include "harness/agent/lab.h"
#include "harness/agent/launchers.h"
#include "harness/base/counted.h"
#include "harness/base/json.h"
#include "harness/base/print_message.h"
#include "harness/base/terminal.h"
#include "harness/base/usage_error.h"
#include "harness/doctor/check_hosts.h"
#include "harness/experiment/case_order.h"
#include "harness/experiment/experiment_reader.h"
#include "harness/experiment/search_reader.h"
#include "harness/report/junit.h"
#include "harness/report/report.h"
#include "harness/report/results_table.h"
#include "harness/report/run_warnings.h"
#include "harness/report/search_table.h"
#include "harness/report/verdict_table.h"
#include "harness/results/columns.h"
#include "harness/results/environment.h"
#include "harness/results/own_columns.h"
#include "harness/results/run_set.h"
#include "harness/results/summary.h"
#include "harness/run/addresses.h"
#include "harness/run/estimate.h"
#include "harness/run/runner.h"
#include "harness/verdicts/comparison.h"
#include "harness/verdicts/criteria_reader.h"
#include "harness/verdicts/explanation.h"
#include "harness/verdicts/gates.h"
#include "harness/verdicts/searches.h"
#include "harness/verdicts/stopping.h"
#include "harness/verdicts/verdict_columns.h"
#include "tools/commands.h"
#include "tools/run_files.h"
#include "tools/run_json.h"
#include "tools/run_lines.h"

namespace pingperf {
namespace {

constexpr Nanoseconds kHostObservation =
    100 * kMillisecond;  // time to watch the hosts before the run

constexpr int kSuccess = 0, kFailedGate = 1, kFailedTrials = 3, kInterrupted = 130;

struct Outcome {
  std::size_t failed_trials = 0;
  std::size_t failed_gates = 0;
};

void print_tables(const Experiment& experiment, const TrialTable& trials, const Json& environment,
                  const std::vector<Verdict>& comparisons, const std::vector<Verdict>& gates,
                  const std::vector<SearchResult>& searches) {
  const Style style = style_of_stdout();
  if (const std::string warnings = warnings_text(trials, environment); !warnings.empty())
    fmt::print("\n{}", wrap(warnings, style.width));
  fmt::print("\n{}", results_table(trials, experiment.cases, style));
  if (!searches.empty()) fmt::print("\n{}", searches_table(searches, style));
  if (!comparisons.empty()) fmt::print("\n{}", comparisons_table(comparisons, style));
  if (!gates.empty()) fmt::print("\n{}", gates_table(gates, style));
}

// Writes the derived files of a run, then prints the tables or fills `document`. Computes
// everything from the rows on disk, so that a resumed run reports the same.
Outcome report(const Experiment& experiment, const Criteria& criteria,
               const RunDirectory& directory, Json* document) {
  const TrialTable trials = TrialTable::read(directory.path() / "trials.csv");
  std::vector<Verdict> comparisons = compare_cases(criteria, trials);
  explain_comparisons(comparisons, directory.path(), trials);
  const std::vector<Verdict> gates = judge_gates(criteria, trials);
  const auto write = [&](const char* file, const std::string& text) {
    write_file_atomically(directory.path() / file, text);
  };
  const std::vector<SearchResult> searches = Searches(experiment.cases, criteria, trials).results();
  std::vector<SummaryRow> summary = summarize(trials);
  sort_by_case(summary, experiment.cases);
  if (!criteria.searches.empty())
    write("searches.csv", with_case_columns(searches_csv(searches), trials, {}));
  write("summary.csv", with_case_columns(summary_csv(summary), trials));
  write("comparisons.csv",
        with_case_columns(verdicts_csv(VerdictList::comparisons, comparisons, directory.name()),
                          trials));
  write("junit.xml", junit_xml(experiment.name, junit_of_run(experiment, trials, gates)));
  write("report.html", report_html({{directory.path(), &experiment, &trials, summary, comparisons,
                                     gates, searches}}));
  if (document)
    *document = run_json(directory.path(), gates, criteria.own_columns);
  else
    print_tables(experiment, trials, recorded_environment(directory.path()), comparisons, gates,
                 searches);
  Outcome outcome;
  for (const auto& row : trials.rows()) {
    const std::string_view status = trials.text(row, "status");
    if (status != "ok" && status != name(Status::interrupted)) ++outcome.failed_trials;
  }
  for (const Verdict& row : gates) {
    if (!fails(row)) continue;
    print_message("gate {}: {}\n", name(row.decision), describe(row));
    ++outcome.failed_gates;
  }
  return outcome;
}

// Returns the steering of a run: sets the value of each trial of a search, and ends the searches.
// Writes the lines of the run unless `lines` is null.
Steering steering_of(Experiment& experiment, const OwnColumns& own, Searches& searches,
                     RunLines* lines) {
  const auto case_of = [&](const Trial& trial) -> const Case& {
    return experiment.cases[trial.case_index];
  };
  return {.admits =
              [&](const Trial& trial) {
                Case& c = experiment.cases[trial.case_index];
                const auto value = c.search ? searches.next(c.name) : std::nullopt;
                if (value) set_searched(c.options.edit(), *c.search, *value);
                return value || !c.search;
              },
          .started =
              [=](const Trial& trial) {
                if (lines) lines->trial_started(case_of(trial), trial);
              },
          .interval =
              [=](const Trial& trial, End end, const Interval& interval) {
                if (lines) lines->interval(case_of(trial), trial, end, interval);
              },
          .recorded =
              [&, lines](const TrialRecord& record) {
                if (lines) lines->trial_ended(record, own);
                if (record.trial_case->search)
                  searches.add(
                      TrialTable(CsvTable::parse(trials_header(own) + trial_row(record, own), "")));
              }};
}

// Runs the trials of the plan that have no row yet.
using RunTrials = std::function<void(const std::vector<Trial>& plan)>;

// Runs blocks until the data are precise enough for the experiment, or until the maximum of blocks.
// Returns the number of blocks.
std::uint64_t run_looks(const RunCommand& command, const Experiment& experiment,
                        const Criteria& criteria, const std::vector<Trial>& plan,
                        const RunDirectory& directory, const Interrupt& interrupt,
                        const RunTrials& run) {
  const std::vector<std::uint64_t> looks = interim_analyses(criteria);
  for (std::uint64_t look : looks) {
    run({plan.begin(), std::ranges::upper_bound(plan, look, {}, &Trial::block)});
    if (interrupt.raised() || looks.size() == 1) return look;
    const TrialTable so_far = TrialTable::read(directory.path() / "trials.csv").first(look);
    const std::vector<std::string> reasons = unresolved(experiment, criteria, so_far);
    if (reasons.empty()) return look;
    const bool is_last = look == looks.back();
    if (command.quiet && !is_last) continue;
    print_message(
        "after {} {}:\n", counted(look, "block"),
        is_last ? "undecided, and the maximum is reached" : "undecided, running more blocks");
    for (const std::string& reason : reasons) print_message("  {}\n", reason);
  }
  return looks.back();
}

// Runs all blocks: those of all cases, then those of the searches that have not ended.
void run_blocks(const RunCommand& command, Experiment& experiment, const Criteria& criteria,
                const std::vector<Trial>& plan, Agents& agents, VariantSwitch& variants,
                RunDirectory& directory, const Interrupt& interrupt, RunLines* lines) {
  Searches searches(experiment.cases, criteria, TrialTable::read(directory.path() / "trials.csv"));
  const RunTrials run = [&](const std::vector<Trial>& planned) {
    const std::vector<Trial> trials = missing_trials(experiment, planned, directory);
    if (trials.empty()) return;
    ProgressView progress(stderr, command.quiet, planned.back().position,
                          expected_length(experiment, trials));
    run_trials(experiment, trials, agents, variants, directory, interrupt, progress, {},
               steering_of(experiment, criteria.own_columns, searches, lines));
  };
  const std::uint64_t blocks =
      run_looks(command, experiment, criteria, plan, directory, interrupt, run);
  if (criteria.searches.empty() || interrupt.raised()) return;
  std::vector<Trial> rest(std::ranges::upper_bound(plan, blocks, {}, &Trial::block), plan.end());
  std::erase_if(rest, [&](const Trial& t) { return !experiment.cases[t.case_index].search; });
  run(rest);
}

// Warns once if a latency case has no pin: its results depend on where the scheduler puts the ends.
void warn_of_unpinned_latency(const Experiment& experiment) {
  const auto is_unpinned = [&](const Case& c) {
    const Options& o = *c.options;
    const bool has_server = c.engine->listen && !experiment.is_external(c);
    return o.kind != Kind::throughput && o.engine != "noop" &&
           (!o.client_cpu || (has_server && !o.server_cpu));
  };
  const auto found = std::find_if(experiment.cases.begin(), experiment.cases.end(), is_unpinned);
  if (found == experiment.cases.end()) return;
  print_message(
      "warning: latency without pin (case {}): the round trip depends on the CPUs, "
      "which differ between trials. Add e.g. pin: {{client: 0, server: 0}}\n",
      found->name);
}

// Prints one line per finding that would spoil the results.
void warn_of_hosts(const std::vector<HostReport>& reports) {
  for (const HostReport& report : reports)
    for (const Finding& finding : report.findings)
      if (finding.severity == Severity::serious)
        print_message("doctor: {}: {}. {} Fix: {}\n", report.host, finding.what, finding.why,
                      finding.remedy);
}

// Throws UsageError if the experiment does not suit a host, so that nobody waits for its rows.
void refuse_unsuited(const std::vector<HostReport>& reports) {
  std::vector<std::string> lines;
  for (const HostReport& report : reports)
    for (const Finding& finding : report.findings)
      if (finding.stops_run)
        lines.push_back(fmt::format("{}: {}. {} Fix: {}; --force runs it as it is", report.host,
                                    finding.what, finding.why, finding.remedy));
  if (!lines.empty()) throw UsageError(fmt::format("{}", fmt::join(lines, "\n")));
}

// Prints "quickstart: 7 cases, 49 trials, about 40 s", the time from now on. `start` is how long
// the agents took to start.
void announce(const RunCommand& command, const Experiment& experiment, const Criteria& criteria,
              const RunDirectory& directory, Nanoseconds start) {
  constexpr Nanoseconds kLongStart = 2 * kSecond;
  if (start >= kLongStart)
    print_message("{} started in {}\n", counted(count_agents(experiment), "agent"),
                  ProgressView::clock_text(start));
  const std::vector<Trial> trials = missing_trials(experiment, plan_trials(experiment), directory);
  const std::uint64_t most = interim_analyses(criteria).back();
  print_message("{}: {}, {}{}{}, about {}{}\n", experiment.name,
                counted(experiment.cases.size(), "case"),
                criteria.searches.empty() ? "" : "at most ", counted(trials.size(), "trial"),
                command.resume.empty() ? "" : " left",
                ProgressView::clock_text(estimate_run(experiment, trials, start).trials),
                most > experiment.plan.repetitions
                    ? fmt::format(", and more until the data are precise enough: at most {}",
                                  counted(most, "block"))
                    : "");
}

// Makes the lab of the experiment and sets its hosts to the namespaces. Returns null without a lab.
std::unique_ptr<Lab> make_lab(Experiment& experiment) {
  if (!experiment.lab) return nullptr;
  for (const std::string& name : remove_stale_labs())
    print_message("removed {}: its run is gone\n", name);
  auto lab = std::make_unique<Lab>(*experiment.lab);
  experiment.hosts = {{lab->client(), lab->server(), std::nullopt}};
  if (std::ranges::any_of(experiment.variants, [](const auto& variant) {
        return !variant->of(Target::router).are_empty();
      }))
    experiment.hosts.front().router = lab->router();
  return lab;
}

// One experiment to run: from its file, or from the copy in the directory of a run to resume.
struct Subject {
  std::filesystem::path file;
  Overrides overrides;
  std::string text;  // of the file, which may change between sessions

  Experiment experiment() const { return parse_experiment(text, file.string(), overrides); }
};

// The sessions of one experiment: each is a run, and all of them are a set.
struct Sessions {
  std::uint64_t count;
  std::uint64_t number = 1;                 // of the session that runs
  std::vector<std::filesystem::path> runs;  // the directories so far

  bool is_set() const { return count > 1; }
  std::string set() const { return runs.front().filename(); }
};

// Undoes the last variant and prints what could not be undone, also if an exception ends the run.
class UndoAtEnd {
 public:
  UndoAtEnd(VariantSwitch& variants, bool is_lab) : variants_(variants), is_lab_(is_lab) {}
  UndoAtEnd(const UndoAtEnd&) = delete;
  UndoAtEnd& operator=(const UndoAtEnd&) = delete;
  ~UndoAtEnd() {
    variants_.to(nullptr);
    for (const std::string& command : variants_.not_undone())
      print_message("{} {}\n",
                    is_lab_ ? "a change of the lab could not be undone, and ends with the lab,"
                            : "a change could not be undone; run by hand",
                    command);
  }

 private:
  VariantSwitch& variants_;
  const bool is_lab_;
};

// Runs one session of an experiment, or resumes a run.
int run_session(const RunCommand& command, const Subject& subject, const Criteria& criteria,
                const Interrupt& interrupt, Sessions& sessions, Json* document, RunLines* lines) {
  Experiment experiment = subject.experiment();
  const std::unique_ptr<Lab> lab = make_lab(experiment);
  const std::vector<Trial> plan = plan_trials(experiment, interim_analyses(criteria).back());
  const Nanoseconds before = now_ns();
  Agents agents(experiment, &interrupt);
  const Nanoseconds start = now_ns() - before;
  for (const std::string& line : agents.absent())
    print_message("{}: its trials are refused\n", line);
  print_recovered(agents);
  resolve_addresses(experiment, agents);
  VariantSwitch variants(experiment, agents, interrupt);
  const UndoAtEnd undo(variants, lab != nullptr);
  const std::vector<HostReport> reports = check_hosts(experiment, agents, kHostObservation);
  if (!command.force && command.resume.empty()) refuse_unsuited(reports);
  RunDirectory directory = open_directory(command, experiment, criteria.own_columns, subject.text,
                                          subject.overrides, lab.get(), agents, to_json(reports));
  refuse_itself_as_baseline(criteria, directory);
  sessions.runs.push_back(directory.path());
  if (sessions.is_set())
    record_set(directory.path(), sessions.set(), sessions.number, sessions.count);
  if (!command.quiet) announce(command, experiment, criteria, directory, start);
  if (sessions.number == 1) warn_of_unpinned_latency(experiment);
  if (!command.quiet && sessions.number == 1) warn_of_hosts(reports);
  if (lines)
    lines->run_started(experiment, directory, missing_trials(experiment, plan, directory).size());
  run_blocks(command, experiment, criteria, plan, agents, variants, directory, interrupt, lines);
  const Outcome outcome = report(experiment, criteria, directory, document);
  if (document)
    document->update({{"experiment", experiment.name},
                      {"interrupted", interrupt.raised()},
                      {"failed_trials", outcome.failed_trials},
                      {"failed_gates", outcome.failed_gates}});
  else
    print_files(directory.path());
  if (document && sessions.is_set())
    document->update({{"set", sessions.set()}, {"session", sessions.number}});
  if (interrupt.raised()) {
    print_message("Interrupted. To run the missing trials: pingperf run --resume {}\n",
                  directory.path().string());
    return kInterrupted;
  }
  if (outcome.failed_trials > 0)
    print_message(
        "{} failed: see the columns status and error of trials.csv. To run them "
        "again: pingperf run --resume {} --failed\n",
        counted(outcome.failed_trials, "trial"), directory.path().string());
  if (outcome.failed_gates > 0) return kFailedGate;
  return outcome.failed_trials > 0 || !variants.not_undone().empty() ? kFailedTrials : kSuccess;
}

// Returns the exit code that matters more, for several experiments.
int worse_exit_code(int a, int b) {
  for (int code : {kInterrupted, kFailedGate, kFailedTrials})
    if (a == code || b == code) return code;
  return kSuccess;
}

// Waits for the pause between two sessions. Returns false at once if the program is interrupted.
bool pause_before(const RunCommand& command, const Sessions& sessions, const Interrupt& interrupt) {
  if (!command.quiet)
    print_message("session {} of {} after a pause of {}\n", sessions.number, sessions.count,
                  ProgressView::clock_text(command.pause));
  pollfd p{interrupt.fd(), POLLIN, 0};
  const timespec pause{command.pause / kSecond, command.pause % kSecond};
  ::ppoll(&p, 1, &pause, nullptr);
  if (!interrupt.raised()) return true;
  print_message("Interrupted: {} of {} sessions are complete\n", sessions.number - 1,
                sessions.count);
  return false;
}

// Names the runs of a set, and the command that compares them.
void print_set(const std::vector<std::filesystem::path>& runs) {
  fmt::print("\nThese {} runs are one set:\n", runs.size());
  for (const std::filesystem::path& run : runs) fmt::print("  {}\n", run.string());
  const std::string folder = runs.front().parent_path().string();
  fmt::print(
      "As the base of later runs: pingperf compare {0} NEW --last {1}\n"
      "As the new runs: pingperf compare BASE {0} --new-last {1}\n",
      folder, runs.size());
}

// Runs all sessions of an experiment. An error ends the first session with the program. In a later
// session it is reported, and the next session runs.
int run_sessions(const RunCommand& command, const Subject& subject, const Interrupt& interrupt,
                 Json* documents, RunLines* lines) {
  const Experiment experiment = subject.experiment();
  // Read once: the first session must not become the baseline of the second.
  const Criteria criteria = read_criteria(experiment);
  announce_launchers(experiment);
  print_warnings(experiment, criteria, limits_here(experiment), "");
  Sessions sessions{command.sessions};
  int worst = kSuccess;
  for (; sessions.number <= sessions.count && worst != kInterrupted; ++sessions.number) {
    if (sessions.number > 1 && !pause_before(command, sessions, interrupt)) {
      worst = kInterrupted;
      break;
    }
    Json document;
    try {
      worst = worse_exit_code(worst, run_session(command, subject, criteria, interrupt, sessions,
                                                 documents ? &document : nullptr, lines));
    } catch (const StartInterrupted&) {
      print_message("Interrupted before the first trial\n");
      worst = kInterrupted;
    } catch (const std::exception& e) {
      if (sessions.number == 1) throw;
      print_message("session {} of {}: {}\n", sessions.number, sessions.count, e.what());
      worst = worse_exit_code(worst, kFailedTrials);
    }
    if (lines && !document.is_null()) lines->run_ended(document);
    if (documents && !document.is_null()) documents->push_back(std::move(document));
  }
  if (!documents && sessions.runs.size() > 1) print_set(sessions.runs);
  return worst;
}

}  // namespace

Style style_of_stdout() {
  Style style;
  if (::isatty(STDOUT_FILENO) == 0) return style;
  const auto variable = [](const char* name) {
    const char* const value = std::getenv(name);
    return std::string_view(value ? value : "");
  };
  const std::string_view terminal = variable("TERM");
  style.color = variable("NO_COLOR").empty() && !terminal.empty() && terminal != "dumb";
  style.width = terminal_width(STDOUT_FILENO);
  return style;
}

namespace {

// Returns the overrides of the run, and those of the command: on other hosts, the missing trials
// are the same. Throws UsageError if they are not, because the hosts name the pairs.
Overrides overrides_to_resume(const RunCommand& command) {
  const std::filesystem::path run = command.resume, file = run / "experiment.yaml";
  Overrides overrides = recorded_overrides(run);
  if (command.overrides.set.empty()) return overrides;
  const auto names = [&] {
    std::vector<std::string> all;
    for (const Case& c : load_experiment(file, overrides).cases) all.push_back(c.name);
    return all;
  };
  const std::vector<std::string> before = names();
  overrides.set.insert(overrides.set.end(), command.overrides.set.begin(),
                       command.overrides.set.end());
  if (names() != before)
    throw UsageError(fmt::format(
        "--set '{}': the pairs of {} have the names of their hosts, so other hosts are another run",
        command.overrides.set.front(), run.string()));
  return overrides;
}

}  // namespace

int run_command(const RunCommand& command) {
  std::vector<std::pair<std::filesystem::path, Overrides>> experiments;
  if (const std::filesystem::path run = command.resume; !run.empty())
    experiments.emplace_back(run / "experiment.yaml", overrides_to_resume(command));
  for (const std::string& file : command.files) {
    experiments.emplace_back(file, command.overrides);
    experiments.back().second.folders = folders_of(file);
  }
  bool has_lab = false;
  for (auto [file, overrides] : experiments) {  // check all before the first runs
    overrides.no_launch = command.no_launch;
    const Experiment experiment = load_experiment(file, overrides);
    const Criteria criteria = read_criteria(experiment);
    if (command.no_launch) refuse_launchers(experiment);
    if (!experiment.lab) continue;
    check_lab(experiment);
    has_lab = true;
  }
  if (has_lab) enter_user_namespaces(command.command_line);
  const Interrupt interrupt;
  int worst = kSuccess;
  std::optional<RunLines> lines;
  if (command.format == "jsonl") lines.emplace(STDOUT_FILENO, interrupt);
  const bool as_json = command.format == "json";
  Json documents = Json::array();
  for (const auto& [file, overrides] : experiments) {
    const Subject subject{file, overrides, read_experiment(file)};
    worst = worse_exit_code(
        worst, run_sessions(command, subject, interrupt, as_json || lines ? &documents : nullptr,
                            lines ? &*lines : nullptr));
    if (worst == kInterrupted) break;
  }
  if (as_json) print_json({{"runs", std::move(documents)}});
  return worst;
}

}  // namespace pingperf
