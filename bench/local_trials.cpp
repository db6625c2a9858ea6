#include "bench/local_trials.h"

#include <fmt/core.h>

#include "harness/experiment/experiment_reader.h"

namespace pingperf {
namespace {

Experiment experiment_of(const std::string& yaml, const std::string& pingperf) {
  Experiment experiment = parse_experiment(yaml, "benchmark");
  HostPair& hosts = experiment.hosts.front();
  hosts.client.pingperf = hosts.server.pingperf = pingperf;
  return experiment;
}

}  // namespace

LocalTrials::LocalTrials(const std::string& yaml, const std::string& pingperf)
    : experiment_(experiment_of(yaml, pingperf)), agents_(experiment_.hosts.front()) {}

TrialRecord LocalTrials::run(std::size_t index) {
  TrialRecord record;
  record.trial_case = &experiment_.cases[index];
  record.trial = {index, 1, 1};
  const Nanoseconds timeout = trial_timeout(experiment_, *record.trial_case);
  TrialOutcome outcome =
      run_trial(agents_.client(), agents_.server(), experiment_, record.trial, timeout, {});
  if (outcome.status != Status::ok)
    throw std::runtime_error(fmt::format("{}: {}", record.trial_case->name, outcome.error));
  record.client = std::move(outcome.client);
  record.server = std::move(outcome.server);
  return record;
}

}  // namespace pingperf
