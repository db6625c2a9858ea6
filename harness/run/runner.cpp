#include "harness/run/runner.h"

#include <fmt/core.h>
#include <poll.h>

#include <algorithm>
#include <condition_variable>
#include <future>
#include <mutex>
#include <span>

#include "harness/agent/host_facts.h"
#include "harness/base/lines.h"
#include "harness/results/summary.h"
#include "harness/results/warnings.h"
#include "harness/run/trial_run.h"

namespace pingperf {
namespace {

std::string host_name(Channel& channel) {
  return text_fact(channel.hello().host, "hostname");
}

// True when both agents run under one kernel, whose clock stamps at both ends.
bool has_same_clock(Channel& client, Channel& server) {
  const std::string boot = text_fact(client.hello().host, "boot_id");
  return !boot.empty() && boot == text_fact(server.hello().host, "boot_id");
}

// Lets the machine settle; returns at once when the run is interrupted.
void cool_down(const Experiment& experiment, const Interrupt& interrupt) {
  pollfd p{interrupt.fd(), POLLIN, 0};
  ::poll(&p, 1, static_cast<int>(experiment.plan.cooldown / kMillisecond));
}

// Returns the warnings with the medians of the earlier sessions.
TrialWarnings judge_of_earlier_trials(const RunDirectory& directory) {
  TrialWarnings judge;
  if (directory.finished().empty()) return judge;
  const TrialTable table = TrialTable::read(directory.path() / "trials.csv");
  for (const std::string& case_name : table.cases())
    for (const auto& [block, p50] : table.values(case_name, "rtt_p50_ns"))
      judge.remember(case_name, p50);
  return judge;
}

// A barrier at which the trials of a round wait, so that they start at the same moment.
class StartBarrier {
 public:
  explicit StartBarrier(std::size_t trials) : expected_(trials) {}

  // Waits for the others. Returns false if one of them does not arrive within `patience`; then
  // later calls do not wait.
  bool await_others(Nanoseconds patience) {
    std::unique_lock lock(mutex_);
    const std::uint64_t round = round_;
    ++here_;
    open_when_complete();
    const bool came = changed_.wait_for(lock, std::chrono::nanoseconds(patience),
                                        [&] { return round_ != round || broken_; });
    if (!came) broken_ = true;
    changed_.notify_all();
    return !broken_;
  }

  // Called by a trial that has ended.
  void leave() {
    const std::lock_guard lock(mutex_);
    --expected_;
    open_when_complete();
  }

 private:
  void open_when_complete() {
    if (here_ == 0 || here_ < expected_) return;
    here_ = 0;
    ++round_;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t expected_;
  std::size_t here_ = 0;
  std::uint64_t round_ = 0;
  bool broken_ = false;
};

// Runs the trials of one round, each on its own pair of hosts.
class RoundRunner {
 public:
  RoundRunner(const Experiment& experiment, Agents& agents, RunDirectory& directory,
              const Interrupt& interrupt, ProgressView& progress, TrialWarnings& judge)
      : experiment_(experiment),
        agents_(agents),
        directory_(directory),
        interrupt_(interrupt),
        progress_(progress),
        judge_(judge) {}

  void run(std::span<const Trial> round) {
    progress_.round_started(experiment_, round);
    std::vector<Attempt> attempts;
    for (const Trial& trial : round) attempts.push_back(begin(trial));
    carry_out(attempts);
    progress_.round_ended();
  }

 private:
  struct Attempt {
    TrialRecord record;
    Nanoseconds begin;
    Channel* client = nullptr;  // null: a host could not be reached
    Channel* server = nullptr;
    bool together = true;  // started with the others of the round
  };

  // Starts missing agents. Runs on the main thread, because an agent ends with its thread.
  Attempt begin(const Trial& trial) {
    Attempt attempt{.begin = now_ns()};
    TrialRecord& record = attempt.record;
    record.run = directory_.name();
    record.experiment = experiment_.name;
    record.trial_case = &experiment_.cases[trial.case_index];
    record.trial = trial;
    record.started_at = std::chrono::system_clock::now();
    AgentPair& agents = agents_.of(*record.trial_case);
    try {
      Channel& client = agents.client();
      Channel* const server = agents.server();
      record.client_host = host_name(client);
      record.server_host =
          server ? host_name(*server) : experiment_.hosts_of(*record.trial_case).server.external;
      record.same_clock = server && has_same_clock(client, *server);
      attempt.client = &client;
      attempt.server = server;
    } catch (const ChannelError& e) {
      take_failure(record, e);
    }
    return attempt;
  }

  // Runs all at once. The first, which the progress shows, runs on this thread.
  void carry_out(std::vector<Attempt>& attempts) {
    StartBarrier gate(attempts.size());
    std::vector<std::future<void>> others;
    for (auto attempt = attempts.begin() + 1; attempt != attempts.end(); ++attempt)
      others.push_back(std::async(std::launch::async,
                                  [&, attempt] { carry_out(*attempt, gate, TrialObserver()); }));
    TrialObserver watch;
    watch.progress = [&](End end, const Interval& i) { progress_.interval(end, i); };
    watch.tick = [&] {
      const std::lock_guard lock(mutex_);
      progress_.tick();
    };
    carry_out(attempts.front(), gate, std::move(watch));
    for (std::future<void>& other : others) other.get();
  }

  void carry_out(Attempt& attempt, StartBarrier& gate, TrialObserver watch) {
    watch.interrupt_fd = interrupt_.fd();
    watch.before_start = [&] {
      attempt.together = gate.await_others(patience_of(*attempt.record.trial_case));
    };
    if (attempt.client) run_trial(attempt, watch);
    gate.leave();
    finish(attempt);
  }

  // Returns how long a trial waits for the others of its round: well within its own timeout.
  Nanoseconds patience_of(const Case& c) const {
    const Nanoseconds spare =
        trial_timeout(experiment_, c) - expected_length(c, experiment_.is_external(c));
    return std::clamp<Nanoseconds>(spare / 2, 0, 2 * kSecond);
  }

  // Records failures; does not throw ChannelError.
  void run_trial(Attempt& attempt, const TrialObserver& watch) {
    TrialRecord& record = attempt.record;
    const Case& c = *record.trial_case;
    try {
      TrialOutcome outcome =
          pingperf::run_trial(*attempt.client, attempt.server, experiment_, record.trial,
                              trial_timeout(experiment_, c), watch);
      record.status = outcome.status;
      record.error = std::move(outcome.error);
      record.client = std::move(outcome.client);
      record.server = std::move(outcome.server);
      if (!c.background) return;
      record.background = std::make_shared<TrialRecord>(record);
      record.background->trial_case = c.background.get();
      record.background->client = std::move(outcome.background_client);
      record.background->server = std::move(outcome.background_server);
    } catch (const ChannelError& e) {
      take_failure(record, e);
    }
  }

  void take_failure(TrialRecord& record, const ChannelError& e) {
    const bool silent = dynamic_cast<const AgentTimeout*>(&e) != nullptr;
    record.status = silent ? Status::timeout : Status::failed;
    record.error = e.what();
    agents_.of(*record.trial_case).drop();
  }

  void finish(Attempt& attempt) {
    TrialRecord& record = attempt.record;
    record.elapsed_s = to_seconds(now_ns() - attempt.begin);
    record.error = one_line(record.error);
    // An agent that the interrupt killed does not make the trial a failed one.
    if (record.status != Status::ok && interrupt_.raised()) record.status = Status::interrupted;
    if (record.status == Status::interrupted && record.error.empty())
      record.error = "the run was interrupted";
    const std::lock_guard lock(mutex_);
    record.quality = judge_.assess(record);
    if (!attempt.together && record.status == Status::ok)
      record.quality += fmt::format("{}the other pairs did not start at the same moment",
                                    record.quality.empty() ? "" : "; ");
    directory_.append(record);
    progress_.trial_ended(record);
  }

  const Experiment& experiment_;
  Agents& agents_;
  RunDirectory& directory_;
  const Interrupt& interrupt_;
  ProgressView& progress_;
  TrialWarnings& judge_;
  std::mutex mutex_;  // of the directory, the judge and the progress
};

}  // namespace

std::vector<Trial> missing_trials(const Experiment& experiment, const std::vector<Trial>& plan,
                                  const RunDirectory& directory) {
  std::vector<Trial> missing;
  for (const Trial& trial : plan)
    if (!directory.finished().contains(experiment.cases[trial.case_index].name, trial.block))
      missing.push_back(trial);
  return missing;
}

void run_trials(const Experiment& experiment, const std::vector<Trial>& trials, Agents& agents,
                RunDirectory& directory, const Interrupt& interrupt, ProgressView& progress) {
  TrialWarnings judge = judge_of_earlier_trials(directory);
  RoundRunner runner(experiment, agents, directory, interrupt, progress, judge);
  for (auto begin = trials.begin(); begin != trials.end();) {
    if (begin != trials.begin()) cool_down(experiment, interrupt);
    if (interrupt.raised()) return;
    const auto end = std::find_if(begin, trials.end(),
                                  [&](const Trial& trial) { return trial.round != begin->round; });
    runner.run({begin, end});
    begin = end;
  }
}

}  // namespace pingperf
