// pingperf doctor: prints what spoils or limits results on a host, why, and how to fix it.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "harness/agent/host_limits.h"
#include "harness/agent/journal.h"
#include "harness/agent/lab.h"
#include "harness/agent/launchers.h"
#include "harness/agent/systems.h"
#include "harness/base/counted.h"
#include "harness/base/json.h"
#include "harness/base/print_message.h"
#include "harness/doctor/check_hosts.h"
#include "harness/experiment/experiment_reader.h"
#include "harness/run/runner.h"
#include "harness/verdicts/criteria_reader.h"
#include "tools/commands.h"

namespace pingperf {
namespace {

constexpr int kNotUndone = 3;
constexpr Nanoseconds kObservation = 500 * kMillisecond;  // time to watch the CPUs of the hosts

// Puts a serious finding in front of those of the host.
void add_serious(HostReport& report, const char* subject, const std::string& what, const char* why,
                 const char* remedy) {
  report.findings.insert(report.findings.begin(), {subject, Severity::serious, what, why, remedy});
}

// Adds what check warns of, but for the pins: the findings have them already.
void add_limits(const Experiment& experiment, std::vector<HostReport>& reports) {
  const auto here = std::ranges::find(reports, true, &HostReport::is_here);
  if (here == reports.end()) return;  // all ends have a launcher, or are in a lab
  for (const std::string& limit : limits_here(experiment, false))
    add_serious(*here, "cases", limit, "Its trials would be rows without figures.",
                "Change the experiment or the host, or leave the case out.");
}

std::vector<HostReport> reports_of(const DoctorCommand& command) {
  if (command.file.empty()) {
    HostReport report = check_this_host(kObservation);
    print_recovered(report.host, report.undone, report.not_undone);
    return {std::move(report)};
  }
  const Experiment experiment = load_experiment(command.file, {.no_launch = command.no_launch});
  read_criteria(experiment);  // throws if the file is wrong
  if (command.no_launch) refuse_launchers(experiment);
  announce_launchers(experiment);
  Agents agents(experiment);  // a lab has its agents on this host
  print_recovered(agents);
  std::vector<HostReport> reports = check_hosts(experiment, agents, kObservation);
  for (const std::string& problem : problems_of_variants(experiment, agents, false))
    add_serious(reports.front(), "variants", problem, "The cases of the variant cannot run.",
                "Change the experiment or the host, or leave the variant out.");
  add_limits(experiment, reports);
  return reports;
}

// Returns "this host: bench1, Linux 6.1.0, 8 CPUs".
std::string heading(const HostReport& report) {
  std::string text = report.host;
  const Json facts = parse_json(report.facts);
  const auto add = [&](const char* before, const char* fact, const char* after) {
    const auto found = facts.find(fact);
    if (found == facts.end()) return;
    text += before + (found->is_string() ? found->get<std::string>() : found->dump()) + after;
  };
  add(": ", "hostname", "");
  add(", ", "kernel", "");
  add(", ", "cpus", " CPUs");
  return text;
}

std::string text_of(const HostReport& report, const Style& style) {
  constexpr std::size_t kIndent = 9;
  std::string text = styled(heading(report), TextStyle::heading, style) + "\n";
  if (report.findings.empty()) text += "found nothing that spoils or limits results\n";
  for (const Finding& f : report.findings) {
    const TextStyle tone = f.severity == Severity::serious ? TextStyle::error : TextStyle::plain;
    const auto add = [&](std::string_view mark, const std::string& paragraph) {
      text += styled(fmt::format("{:<{}}", mark, kIndent), tone, style) +
              wrap(paragraph, style.width, kIndent) + "\n";
    };
    text += "\n";
    add(name(f.severity), fmt::format("{}: {}", f.subject, f.what));
    add("  why", f.why);
    add("  fix", f.remedy);
  }
  return text;
}

// Forgets the changes of killed runs that could not be undone: they have been printed. Returns
// their number.
std::size_t forget_changes() {
  std::size_t forgotten = 0;
  for (const auto& journal : stale_journals()) {
    forgotten += journal->steps().size();
    journal->replace({});
  }
  return forgotten;
}

}  // namespace

int doctor_command(const DoctorCommand& command) {
  std::vector<std::string> removed;
  if (command.clean) removed = remove_stale_labs();
  const std::vector<HostReport> reports = reports_of(command);
  const std::size_t forgotten = command.clean ? forget_changes() : 0;
  if (forgotten > 0)
    print_message("forgot {} that could not be undone: undo by hand what is above\n",
                  counted(forgotten, "change"));
  const int status = forgotten > 0 ? kNotUndone : 0;
  if (command.format == "json") {
    Json document = {{"removed", removed}, {"hosts", to_json(reports)}};
    for (std::size_t i = 0; i < reports.size(); ++i)
      document["hosts"][i]["facts"] = parse_json(reports[i].facts);
    print_json(document);
    return status;
  }
  for (const std::string& name : removed) fmt::print("removed {}: its run is gone\n", name);
  if (command.clean && removed.empty() && reports.front().undone.empty() && forgotten == 0)
    fmt::print("found nothing that a killed run has left\n");
  for (const HostReport& report : reports)
    fmt::print("{}{}", &report == &reports.front() ? "" : "\n", text_of(report, style_of_stdout()));
  return status;
}

}  // namespace pingperf
