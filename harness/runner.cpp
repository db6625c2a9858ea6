#include "harness/runner.h"

#include <fmt/format.h>
#include <poll.h>

#include "harness/command.h"
#include "harness/quality.h"
#include "harness/summary.h"
#include "harness/trial_run.h"

namespace pingperf {
namespace {

std::string description_of(const Host& host, End end) {
  const std::string who =
      host.launch.empty() ? "this host" : fmt::format("{}", fmt::join(host.launch, " "));
  return std::string(name(end)) + " (" + who + ")";
}

std::unique_ptr<Channel> start_agent(const Host& host, const std::string& path, End end) {
  return std::make_unique<ProcessChannel>(agent_command(host.launch, path),
                                          description_of(host, end));
}

std::string host_name(Channel& channel) {
  return channel.hello().host.value("hostname", "");
}

// True when both agents run under one kernel, whose clock stamps at both ends.
bool has_same_clock(Channel& client, Channel& server) {
  const std::string boot = client.hello().host.value("boot_id", "");
  return !boot.empty() && boot == server.hello().host.value("boot_id", "");
}

// Lets the machine settle; returns at once when the run is interrupted.
void cool_down(const Experiment& experiment, const Interrupt& interrupt) {
  pollfd p{interrupt.fd(), POLLIN, 0};
  ::poll(&p, 1, static_cast<int>(experiment.plan.cooldown / kMillisecond));
}

// One that knows the medians of the sessions before.
QualityJudge judge_of_earlier_trials(const RunDirectory& directory) {
  QualityJudge judge;
  if (directory.finished().empty()) return judge;
  const TrialTable table = TrialTable::read(directory.path() / "trials.csv");
  for (const std::string& case_name : table.cases())
    for (const auto& [block, p50] : table.values(case_name, "rtt_p50_ns"))
      judge.remember(case_name, p50);
  return judge;
}

// Runs one trial; what breaks is in the record.
void carry_out(const Experiment& experiment, TrialRecord& record, AgentPair& agents,
               const TrialWatch& watch) {
  try {
    Channel& client = agents.client();
    Channel* const server = agents.server();
    record.client_host = host_name(client);
    record.server_host = server ? host_name(*server) : experiment.server.external;
    record.same_clock = server && has_same_clock(client, *server);
    TrialOutcome outcome = run_trial(client, server, experiment, record.trial,
                                     trial_timeout(experiment, *record.trial_case), watch);
    record.status = outcome.status;
    record.error = std::move(outcome.error);
    record.client = std::move(outcome.client);
    record.server = std::move(outcome.server);
    if (record.trial_case->background) {
      record.background = std::make_shared<TrialRecord>(record);
      record.background->trial_case = record.trial_case->background.get();
      record.background->client = std::move(outcome.background_client);
      record.background->server = std::move(outcome.background_server);
    }
  } catch (const ChannelError& e) {
    const bool silent = dynamic_cast<const SilentAgent*>(&e) != nullptr;
    record.status = silent ? Status::timeout : Status::failed;
    record.error = e.what();
    agents.drop();
  }
}

}  // namespace

AgentPair::AgentPair(const Experiment& experiment) : experiment_(experiment) {
  client();
  server();
}

Channel& AgentPair::client() {
  if (!client_) client_ = start(experiment_.client, End::client, client_copy_);
  return *client_;
}

Channel* AgentPair::server() {
  if (experiment_.server.is_external()) return nullptr;
  if (!server_) server_ = start(experiment_.server, End::server, server_copy_);
  return server_.get();
}

std::unique_ptr<Channel> AgentPair::start(const Host& host, End end,
                                          std::unique_ptr<RemoteCopy>& copy) {
  if (copy) return start_agent(host, copy->path(), end);
  if (!host.copy) return start_agent(host, host.pingperf, end);
  try {
    return start_agent(host, host.pingperf, end);
  } catch (const ChannelError&) {  // missing there, or of another version
  }
  try {
    copy = std::make_unique<RemoteCopy>(host.launch);
  } catch (const CommandError& e) {
    throw ChannelError(
        fmt::format("cannot copy pingperf to the {}: {}", description_of(host, end), e.what()));
  }
  return start_agent(host, copy->path(), end);
}

void AgentPair::drop() {
  client_.reset();
  server_.reset();
}

std::vector<Trial> missing_trials(const Experiment& experiment, const std::vector<Trial>& plan,
                                  const RunDirectory& directory) {
  std::vector<Trial> missing;
  for (const Trial& trial : plan)
    if (!directory.finished().contains(experiment.cases[trial.case_index].name, trial.block))
      missing.push_back(trial);
  return missing;
}

void run_trials(const Experiment& experiment, const std::vector<Trial>& trials, AgentPair& agents,
                RunDirectory& directory, const Interrupt& interrupt, ProgressView& progress) {
  TrialWatch watch;
  watch.interrupt_fd = interrupt.fd();
  watch.progress = [&](End end, const Interval& i) { progress.interval(end, i); };
  watch.tick = [&] { progress.tick(); };

  QualityJudge judge = judge_of_earlier_trials(directory);
  for (const Trial& trial : trials) {
    if (&trial != &trials.front()) cool_down(experiment, interrupt);
    if (interrupt.raised()) return;
    TrialRecord record;
    record.run = directory.name();
    record.experiment = experiment.name;
    record.trial_case = &experiment.cases[trial.case_index];
    record.trial = trial;
    record.started_at = std::chrono::system_clock::now();
    progress.trial_started(trial, *record.trial_case,
                           expected_length(*record.trial_case, experiment.server.is_external()));
    const Nanoseconds begin = now_ns();
    carry_out(experiment, record, agents, watch);
    record.elapsed_s = to_seconds(now_ns() - begin);
    // An agent that dies of the interrupt does not make the trial a failed one.
    if (record.status != Status::ok && interrupt.raised()) record.status = Status::interrupted;
    if (record.status == Status::interrupted && record.error.empty())
      record.error = "the run was interrupted";
    record.quality = judge.assess(record);
    directory.append(record);
    progress.trial_ended(record);
  }
}

}  // namespace pingperf
