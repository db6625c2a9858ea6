#include "bench/local_trials.h"

#include <fmt/core.h>

#include <stdexcept>
#include <utility>

#include "harness/experiment/experiment_reader.h"
#include "harness/run/trial_run.h"

namespace pingperf {
namespace {

Experiment experiment_of(const std::string& yaml, const std::string& pingperf) {
  Experiment experiment = parse_experiment(yaml, "benchmark");
  HostPair& hosts = experiment.hosts.front();
  hosts.client.edit().pingperf = hosts.server.edit().pingperf = pingperf;
  return experiment;
}

}  // namespace

LocalTrials::LocalTrials(const std::string& yaml, const std::string& pingperf)
    : experiment_(experiment_of(yaml, pingperf)), agents_(experiment_) {}

TrialRecord LocalTrials::run(std::size_t index) {
  TrialRecord record;
  record.trial_case = &experiment_.cases[index];
  record.trial = {index, 1, 1};
  AgentPair& pair = agents_.of(*record.trial_case);
  TrialEvents events(agents_.loop());
  RoundBarrier barrier;
  RoundCounters counters;
  barrier.join(events.signal);
  const Margins margins;
  const TrialPath path;
  const TrialSetup setup{.experiment = experiment_,
                         .trial = record.trial,
                         .client = pair.client(),
                         .server = pair.server(),
                         .margins = margins,
                         .path = path,
                         .events = events,
                         .barrier = barrier,
                         .counters = counters,
                         .progress = {}};
  Task<TrialOutcome> task = run_trial(setup);
  const auto listen = [&](HostAgent& agent, End end) {
    agent.listen(
        [&events, &counters, &agent, end](Event event) {
          if (auto* const result = std::get_if<CountersResult>(&event))
            return counters.take(*agent.channel(), std::move(*result));
          events.arrived.emplace_back(end, std::move(event));
          events.signal.notify();
        },
        [&events, &agent, end] {
          events.lost[static_cast<std::size_t>(end)] = agent.error();
          events.signal.notify();
        });
  };
  listen(pair.client_agent(), End::client);
  if (pair.server_agent()) listen(*pair.server_agent(), End::server);
  while (!task.is_done()) agents_.run_once(now_ns() + kSecond);
  pair.client_agent().stop_listening();
  if (pair.server_agent()) pair.server_agent()->stop_listening();
  TrialOutcome outcome = task.result();
  if (outcome.status != Status::ok)
    throw std::runtime_error(fmt::format("{}: {}", record.trial_case->name, outcome.error));
  record.client = std::move(outcome.client);
  record.server = std::move(outcome.server);
  return record;
}

}  // namespace pingperf
