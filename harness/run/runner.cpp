#include "harness/run/runner.h"

#include <fmt/core.h>
#include <poll.h>

#include <algorithm>
#include <condition_variable>
#include <future>
#include <iterator>
#include <mutex>
#include <span>

#include "harness/base/lines.h"
#include "harness/results/metrics.h"
#include "harness/results/pair_sum.h"
#include "harness/results/summary.h"
#include "harness/results/warnings.h"
#include "harness/run/trial_run.h"

namespace pingperf {
namespace {

// Fails the trial of a program that printed no figure of its kind.
void fail_without_figure(TrialRecord& record) {
  if (record.status != Status::ok || !record.trial_case->program) return;
  const bool is_transfer = record.trial_case->options.kind == Kind::throughput;
  const bool has_one = std::ranges::any_of(metrics(), [&](const Metric& metric) {
    return (is_transfer ? metric.name == "throughput_bps" : metric.name.starts_with("rtt_")) &&
           metric.value(record);
  });
  if (has_one) return;
  record.status = Status::failed;
  record.error =
      fmt::format("program '{}' reported no {}", record.trial_case->program->name,
                  is_transfer ? "throughput_bps: the receiving end has to" : "round-trip time");
}

// Returns true if both agents run under one kernel, whose clock stamps at both ends.
bool has_same_clock(const HostFacts& client, const HostFacts& server) {
  return !client.boot_id.empty() && client.boot_id == server.boot_id;
}

// Waits for the pause between two trials. Returns at once if the run is interrupted.
void cool_down(const Experiment& experiment, const Interrupt& interrupt) {
  pollfd p{interrupt.fd(), POLLIN, 0};
  ::poll(&p, 1, static_cast<int>(experiment.plan.cooldown / kMillisecond));
}

// Returns warnings that know the medians of earlier sessions.
TrialWarnings warnings_of_earlier_trials(const RunDirectory& directory) {
  TrialWarnings warnings;
  if (directory.finished().empty()) return warnings;
  const TrialTable table = TrialTable::read(directory.path() / "trials.csv");
  for (const std::string& case_name : table.cases())
    for (const auto& [block, p50] : table.values(case_name, "rtt_p50_ns"))
      warnings.remember(case_name, p50);
  return warnings;
}

// A barrier at which the trials of a round wait, so that they start at the same moment.
class StartBarrier {
 public:
  explicit StartBarrier(std::size_t trials) : expected_(trials) {}

  // Waits for the other trials. Returns false if one of them does not arrive within `timeout`. Then
  // later calls do not wait.
  bool await_others(Nanoseconds timeout) {
    std::unique_lock lock(mutex_);
    const std::uint64_t round = round_;
    ++here_;
    open_when_complete();
    const bool came = changed_.wait_for(lock, std::chrono::nanoseconds(timeout),
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
  RoundRunner(const Experiment& experiment, Agents& agents, VariantSwitch& variants,
              RunDirectory& directory, const Interrupt& interrupt, ProgressView& progress,
              const Margins& margins, const Steering& steering)
      : experiment_(experiment),
        agents_(agents),
        directory_(directory),
        interrupt_(interrupt),
        progress_(progress),
        margins_(margins),
        steering_(steering),
        warnings_(warnings_of_earlier_trials(directory)),
        variants_(variants) {}

  // Switches the systems to the variant of a round, unless they are in its state. If that fails,
  // the trials of the round will be refused.
  void switch_variant(std::span<const Trial> round) {
    const Variant* const variant = experiment_.cases[round.front().case_index].variant.get();
    if (variants_.is_at(variant)) {
      switch_error_.clear();
      return;
    }
    const bool has_failed = variant == failed_variant_ && round.front().block == failed_block_;
    if (has_failed) return;  // the next block tries it again
    if (variant) progress_.switch_started(*variant);
    switch_error_ = variants_.to(variant);
    failed_variant_ = switch_error_.empty() ? nullptr : variant;
    failed_block_ = round.front().block;
    if (variant) progress_.switch_ended(*variant, switch_error_);
  }

  // Asks the agents of a round to start the workers of its trials. Called between two rounds,
  // because the start of a process takes CPU time that no trial may lack.
  void prepare(std::span<const Trial> round) {
    for (const Trial& trial : round)
      if (const Case& c = experiment_.cases[trial.case_index]; !c.is_sum) agents_.of(c).prepare();
  }

  void run(std::span<const Trial> round) {
    progress_.round_started(experiment_, round);
    std::vector<Attempt> attempts;
    for (const Trial& trial : round)
      if (!experiment_.cases[trial.case_index].is_sum) attempts.push_back(begin(trial));
    if (!switch_error_.empty())
      for (Attempt& attempt : attempts) refuse(attempt, switch_error_);
    if (!attempts.empty()) carry_out(attempts);
    for (const Trial& trial : round)
      if (experiment_.cases[trial.case_index].is_sum) record_sum(trial, attempts);
    for (const std::size_t pair : std::exchange(failed_pairs_, {})) agents_.of(pair).drop();
    for (const auto& [pair, endpoint] : std::exchange(ended_services_, {}))
      variants_.forget(pair, endpoint);
    progress_.round_ended();
  }

 private:
  struct Attempt {
    TrialRecord record;
    Nanoseconds begin;
    Channel* client = nullptr;  // null: a host cannot be reached
    Channel* server = nullptr;
    bool together = true;  // started with the other trials of the round
  };

  // Starts missing agents.
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
      record.client_host = client.hello().host.hostname;
      record.server_host = server ? server->hello().host.hostname
                                  : experiment_.hosts_of(*record.trial_case).server.external;
      record.same_clock = server && has_same_clock(client.hello().host, server->hello().host);
      attempt.client = &client;
      attempt.server = server;
    } catch (const ChannelError& e) {
      take_failure(record, e);
    }
    return attempt;
  }

  static void refuse(Attempt& attempt, const std::string& error) {
    attempt.record.status = Status::refused;
    attempt.record.error = error;
    attempt.client = nullptr;
  }

  // Runs all attempts at once. The progress shows the first, which runs on this thread.
  void carry_out(std::vector<Attempt>& attempts) {
    StartBarrier barrier(attempts.size());
    std::vector<std::future<void>> others;
    for (auto attempt = attempts.begin() + 1; attempt != attempts.end(); ++attempt)
      others.push_back(std::async(std::launch::async,
                                  [&, attempt] { carry_out(*attempt, barrier, TrialObserver()); }));
    TrialObserver observer;
    observer.progress = [&](End end, const Interval& i) { progress_.interval(end, i); };
    observer.tick = [&] {
      const std::lock_guard lock(mutex_);
      progress_.tick();
    };
    carry_out(attempts.front(), barrier, std::move(observer));
    for (std::future<void>& other : others) other.get();
  }

  void carry_out(Attempt& attempt, StartBarrier& barrier, TrialObserver observer) {
    observer.interrupt_fd = interrupt_.fd();
    observer.before_start = [&] {
      attempt.together = barrier.await_others(barrier_timeout(*attempt.record.trial_case));
    };
    observer.after_end = [&] { barrier.await_others(barrier_timeout(*attempt.record.trial_case)); };
    if (attempt.client) run_trial(attempt, observer);
    barrier.leave();
    finish(attempt);
  }

  // Returns how long a trial waits for the others of its round, well within its own timeout.
  Nanoseconds barrier_timeout(const Case& c) const {
    const Nanoseconds spare =
        trial_timeout(experiment_, c) - expected_length(c, experiment_.is_external(c));
    return std::clamp<Nanoseconds>(spare / 2, 0, 2 * kSecond);
  }

  // Records failures; does not throw ChannelError.
  void run_trial(Attempt& attempt, const TrialObserver& observer) {
    TrialRecord& record = attempt.record;
    const Case& c = *record.trial_case;
    try {
      TrialOutcome outcome = pingperf::run_trial(*attempt.client, attempt.server, experiment_,
                                                 record.trial, trial_timeout(experiment_, c),
                                                 observer, margins_, variants_.path(c.pair));
      record.status = outcome.status;
      record.error = std::move(outcome.error);
      record.client = std::move(outcome.client);
      record.server = std::move(outcome.server);
      record.counters = std::move(outcome.counters);
      std::ranges::stable_sort(record.counters, {},
                               &CounterChange::host);  // either agent may be first
      if (outcome.ended_service) note_ended_service(c.pair, *outcome.ended_service);
      fail_without_figure(record);
      if (!c.background) return;
      record.background = std::make_shared<TrialRecord>(record);
      record.background->trial_case = c.background.get();
      record.background->client = std::move(outcome.background_client);
      record.background->server = std::move(outcome.background_server);
    } catch (const ChannelError& e) {
      take_failure(record, e);
    }
  }

  // Records the row of the sum of a round's pairs.
  void record_sum(const Trial& trial, const std::vector<Attempt>& attempts) {
    std::vector<const TrialRecord*> parts;
    for (const Attempt& attempt : attempts) parts.push_back(&attempt.record);
    TrialRecord sum =
        sum_of_pairs(trial, experiment_.cases[trial.case_index], parts, experiment_.hosts.size());
    sum.run = directory_.name();
    sum.experiment = experiment_.name;
    directory_.append(sum);
    steering_.recorded(sum);
    progress_.trial_ended(sum);
  }

  void note_ended_service(std::size_t pair, std::uint64_t endpoint) {
    const std::lock_guard lock(mutex_);
    ended_services_.emplace_back(pair, endpoint);
  }

  void take_failure(TrialRecord& record, const ChannelError& e) {
    const bool silent = dynamic_cast<const AgentTimeout*>(&e) != nullptr;
    record.status = silent ? Status::timeout : Status::failed;
    record.error = e.what();
    const std::lock_guard lock(mutex_);
    failed_pairs_.push_back(record.trial_case->pair);  // its agents end after the round
  }

  void finish(Attempt& attempt) {
    TrialRecord& record = attempt.record;
    record.elapsed_s = to_seconds(now_ns() - attempt.begin);
    record.error = one_line(record.error);
    // If the interrupt killed an agent, the trial is interrupted, not failed.
    if (record.status != Status::ok && interrupt_.raised()) record.status = Status::interrupted;
    if (record.status == Status::interrupted && record.error.empty())
      record.error = "the run was interrupted";
    const std::lock_guard lock(mutex_);
    record.quality = warnings_.assess(record);
    if (!attempt.together && record.status == Status::ok)
      record.quality += fmt::format("{}the other pairs did not start at the same moment",
                                    record.quality.empty() ? "" : "; ");
    directory_.append(record);
    steering_.recorded(record);
    progress_.trial_ended(record);
  }

  const Experiment& experiment_;
  Agents& agents_;
  RunDirectory& directory_;
  const Interrupt& interrupt_;
  ProgressView& progress_;
  const Margins margins_;
  const Steering& steering_;
  TrialWarnings warnings_;
  VariantSwitch& variants_;
  const Variant* failed_variant_ = nullptr;  // in block `failed_block_`
  std::uint64_t failed_block_ = 0;
  std::string switch_error_;  // why the variant of this round could not be made; "": it was
  std::vector<std::pair<std::size_t, std::uint64_t>> ended_services_;  // of this round
  std::vector<std::size_t> failed_pairs_;                              // in this round
  std::mutex mutex_;  // guards the directory, the progress, the warnings and the above
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
                VariantSwitch& variants, RunDirectory& directory, const Interrupt& interrupt,
                ProgressView& progress, const Margins& margins, const Steering& steering) {
  RoundRunner runner(experiment, agents, variants, directory, interrupt, progress, margins,
                     steering);
  bool is_first = true;
  for (auto begin = trials.begin(); begin != trials.end();) {
    const auto end = std::find_if(begin, trials.end(),
                                  [&](const Trial& trial) { return trial.round != begin->round; });
    if (interrupt.raised()) break;
    std::vector<Trial> round, left_out;
    std::partition_copy(begin, end, std::back_inserter(round), std::back_inserter(left_out),
                        steering.admits);
    begin = end;
    if (round.empty()) progress.round_left_out(experiment, left_out);
    if (round.empty()) continue;
    runner.switch_variant(round);
    if (!std::exchange(is_first, false)) {
      runner.prepare(round);
      cool_down(experiment, interrupt);
    }
    if (interrupt.raised()) break;
    runner.run(round);
  }
  variants.to(nullptr);
}

}  // namespace pingperf
