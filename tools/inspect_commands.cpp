// pingperf check, plan and engines: they tell, and run no trial.
#include <fmt/format.h>

#include "harness/channel.h"
#include "harness/lab.h"
#include "harness/launchers.h"
#include "harness/plan.h"
#include "harness/progress.h"
#include "harness/stopping.h"
#include "tools/commands.h"

namespace pingperf {
namespace {

// "latency tcp udp" of one engine's family, a line a kind.
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

}  // namespace

int check_command(const std::vector<std::string>& files, const Overrides& overrides) {
  bool wrong = false;
  for (const std::string& file : files) {
    try {
      const Experiment experiment = load_experiment(file, overrides);
      if (experiment.lab) check_lab(*experiment.lab);
      if (const auto objection = gates_objection(experiment))
        fmt::print(stderr, "{}: warning: {}\n", file, *objection);
      const std::vector<Trial> plan = plan_trials(experiment);
      fmt::print("{}: ok: {} cases, {} trials, about {}\n", file, experiment.cases.size(),
                 plan.size(), ProgressView::clock_text(expected_length(experiment, plan)));
      for (const Launcher& launcher : launchers_of(experiment))
        fmt::print("{}: would run: {}\n", launcher.place, launcher.command);
    } catch (const UsageError& e) {
      fmt::print(stderr, "{}\n", e.what());
      wrong = true;
    }
  }
  return wrong ? 2 : 0;
}

int plan_command(const std::string& file, const Overrides& overrides) {
  const Experiment experiment = load_experiment(file, overrides);
  const std::vector<Trial> plan = plan_trials(experiment);
  fmt::print("{:>8}  {:>5}  {:>9}  {}\n", "position", "block", "expected", "case");
  for (const Trial& trial : plan) {
    const Case& c = experiment.cases[trial.case_index];
    fmt::print("{:>8}  {:>5}  {:>7.1f} s  {}\n", trial.position, trial.block,
               to_seconds(expected_length(c, experiment.is_external(c))), c.name);
  }
  fmt::print("{} trials, about {}\n", plan.size(),
             ProgressView::clock_text(expected_length(experiment, plan)));
  return 0;
}

int engines_command() {
  const ProcessChannel agent(agent_command({}, ""), "this host");
  const std::vector<EngineInfo>& engines = agent.hello().engines;
  for (std::size_t i = 0; i < engines.size(); ++i)
    if (i == 0 || engines[i].name != engines[i - 1].name) print_family(engines, engines[i]);
  return 0;
}

}  // namespace pingperf
