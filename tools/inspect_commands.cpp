// pingperf check, plan and engines: print facts without running a trial.
#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "harness/agent/channel.h"
#include "harness/agent/host_limits.h"
#include "harness/agent/lab.h"
#include "harness/agent/launchers.h"
#include "harness/agent/systems.h"
#include "harness/base/counted.h"
#include "harness/base/json.h"
#include "harness/base/print_message.h"
#include "harness/base/usage_error.h"
#include "harness/experiment/experiment_reader.h"
#include "harness/experiment/plan.h"
#include "harness/run/estimate.h"
#include "harness/run/progress.h"
#include "harness/verdicts/criteria_reader.h"
#include "harness/verdicts/stopping.h"
#include "tools/commands.h"

namespace pingperf {
namespace {

// Returns the transports of one engine for one kind: " tcp udp (no)".
std::string services(const std::vector<EngineInfo>& engines, std::string_view family, Kind kind) {
  std::string text;
  for (const EngineInfo& engine : engines)
    if (engine.name == family && engine.kind == kind)
      text += fmt::format(" {}{}", name(engine.transport), engine.unavailable ? " (no)" : "");
  return text;
}

void print_family(const std::vector<EngineInfo>& engines, const EngineInfo& first) {
  fmt::print("{:<10} {}\n", first.name, first.summary);
  for (Kind kind : {Kind::throughput, Kind::latency, Kind::connect})
    if (const std::string text = services(engines, first.name, kind); !text.empty())
      fmt::print("{:<10}   {:<10}{}\n", "", name(kind), text);
  for (const EngineInfo& engine : engines)
    if (engine.name == first.name && engine.unavailable)
      fmt::print("{:<10}   not here: {} {}: {}\n", "", name(engine.kind), name(engine.transport),
                 *engine.unavailable);
}

Json engines_json(const std::vector<EngineInfo>& engines) {
  Json list = Json::array();
  for (const EngineInfo& engine : engines)
    list.push_back({{"name", engine.name},
                    {"summary", engine.summary},
                    {"kind", name(engine.kind)},
                    {"transport", name(engine.transport)},
                    {"parameters", engine.parameters},
                    {"unavailable", optional_json(engine.unavailable)}});
  return list;
}

Json plan_json(const Experiment& experiment, const std::vector<Trial>& plan) {
  Json trials = Json::array();
  for (const Trial& trial : plan) {
    const Case& c = experiment.cases[trial.case_index];
    trials.push_back({{"position", trial.position},
                      {"block", trial.block},
                      {"case", c.name},
                      {"expected_s", to_seconds(expected_length(c, experiment.is_external(c)))}});
  }
  return {{"experiment", experiment.name},
          {"expected_s", to_seconds(estimate_run(experiment, plan).all())},
          {"trials", std::move(trials)}};
}

Json lines_of(const std::string& text) {
  Json lines = Json::array();
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

}  // namespace

void print_recovered(std::string_view host, const std::vector<std::string>& undone,
                     const std::vector<std::string>& not_undone) {
  for (const std::string& command : undone)
    print_message("undid a change of a killed run on {}: {}\n", host, command);
  for (const std::string& command : not_undone)
    print_message("could not undo a change of a killed run on {}: {}\n", host, command);
}

void print_recovered(Agents& agents) {
  for (const SystemAgent& agent : system_agents(agents)) {
    const AgentHello& hello = agent.channel->hello();
    print_recovered(fmt::format("the host of the {}", name(agent.target)), hello.undone,
                    hello.not_undone);
  }
}

void announce_launchers(const Experiment& experiment) {
  for (const Launcher& launcher : launchers_of(experiment))
    print_message("{}: runs: {}\n", launcher.location, launcher.command);
}

void print_warnings(const Experiment& experiment, const Criteria& criteria,
                    const std::vector<std::string>& limits, const std::string& location) {
  for (const std::string& line : experiment.warnings)
    print_message("{}warning: {}\n", location, line);
  if (const auto line = left_out_by_only(criteria))
    print_message("{}warning: {}\n", location, *line);
  for (const std::string& line : limits) print_message("{}warning: {}\n", location, line);
  for (const std::string& line : undecidable(criteria))
    print_message("{}warning: {}\n", location, line);
}

void print_json(const Json& document) {
  fmt::print("{}\n", document.dump(2, ' ', false, Json::error_handler_t::replace));
}

int check_command(const std::vector<std::string>& files, const Overrides& overrides,
                  const std::string& format) {
  bool wrong = false;
  Json document = Json::array();
  for (const std::string& file : files) {
    try {
      const Experiment experiment = load_experiment(file, overrides);
      const Criteria criteria = read_criteria(experiment);
      if (experiment.lab) check_lab(experiment);
      const std::vector<std::string> limits = limits_here(experiment);
      print_warnings(experiment, criteria, limits, file + ": ");
      const std::vector<Trial> plan = plan_trials(experiment);
      const Nanoseconds length = estimate_run(experiment, plan).all();
      document.push_back({{"file", file},
                          {"ok", true},
                          {"limits", limits},
                          {"cases", experiment.cases.size()},
                          {"trials", plan.size()},
                          {"expected_s", to_seconds(length)}});
      if (format == "table")
        fmt::print("{}: ok: {}, {}{}, about {}\n", file, counted(experiment.cases.size(), "case"),
                   criteria.searches.empty() ? "" : "at most ", counted(plan.size(), "trial"),
                   ProgressView::clock_text(length));
      if (format == "table")
        for (const Launcher& launcher : launchers_of(experiment))
          fmt::print("{}: would run: {}\n", launcher.location, launcher.command);
    } catch (const UsageError& e) {
      const Json errors = lines_of(e.what());
      document.push_back(
          {{"file", file}, {"ok", false}, {"error", errors.front()}, {"errors", errors}});
      print_message("{}\n", e.what());
      wrong = true;
    }
  }
  if (format == "json") print_json(document);
  return wrong ? 2 : 0;
}

int plan_command(const std::string& file, const Overrides& overrides, const std::string& format) {
  const Experiment experiment = load_experiment(file, overrides);
  const Criteria criteria = read_criteria(experiment);
  print_warnings(experiment, criteria, limits_here(experiment), file + ": ");
  const std::vector<Trial> plan = plan_trials(experiment);
  if (format == "json") {
    print_json(plan_json(experiment, plan));
    return 0;
  }
  fmt::print("{:>8}  {:>5}  {:>9}  {}\n", "position", "block", "expected", "case");
  for (const Trial& trial : plan) {
    const Case& c = experiment.cases[trial.case_index];
    fmt::print("{:>8}  {:>5}  {:>7.1f} s  {}\n", trial.position, trial.block,
               to_seconds(expected_length(c, experiment.is_external(c))), c.name);
  }
  fmt::print("{}{}, about {}\n", criteria.searches.empty() ? "" : "at most ",
             counted(plan.size(), "trial"),
             ProgressView::clock_text(estimate_run(experiment, plan).all()));
  return 0;
}

int engines_command(const std::string& format) {
  const Channel agent(agent_command({}, ""), "this host");
  const std::vector<EngineInfo>& engines = agent.hello().engines;
  if (format == "json") {
    print_json(engines_json(engines));
    return 0;
  }
  for (std::size_t i = 0; i < engines.size(); ++i)
    if (i == 0 || engines[i].name != engines[i - 1].name) print_family(engines, engines[i]);
  return 0;
}

}  // namespace pingperf
