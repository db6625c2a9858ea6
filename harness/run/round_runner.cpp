#include "harness/run/round_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "harness/base/counted.h"
#include "harness/base/lines.h"
#include "harness/results/metrics.h"
#include "harness/results/pair_sum.h"
#include "harness/results/summary.h"

namespace pingperf {
namespace {

constexpr Nanoseconds kTick = 200 * kMillisecond;
constexpr Nanoseconds kFirstRestart = 10 * kSecond;  // a round waits for it with any host_grace
constexpr std::size_t kMaxNamedPairs = 8;

// Fails the trial of a program that printed no figure of its kind.
void fail_without_figure(TrialRecord& record) {
  if (record.status != Status::ok || !record.trial_case->program) return;
  const bool is_transfer = record.trial_case->options->kind == Kind::throughput;
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

// Returns the name of the pair that a case runs on.
std::string pair_of(const Case& c) {
  for (const auto& [key, value] : c.axes)
    if (key == "pair") return value;
  return std::to_string(c.pair + 1);
}

}  // namespace

// One trial of the round.
struct RoundRunner::Attempt {
  Attempt(EventLoop& loop, const Trial& t) : trial(t), events(loop) {}

  const Trial trial;
  TrialRecord record;
  Nanoseconds begin = now_ns();
  HostAgent* client = nullptr;  // null: the trial does not run
  HostAgent* server = nullptr;
  TrialEvents events;
  std::optional<TrialSetup> setup;
  std::optional<Task<TrialOutcome>> task;
  bool started_together = true;  // started with the other trials of the round
  bool has_ended = false;
  bool is_written = false;
};

RoundRunner::RoundRunner(const Experiment& experiment, Agents& agents, VariantSwitch& variants,
                         RunDirectory& directory, const Interrupt& interrupt,
                         ProgressView& progress, const Margins& margins, const Steering& steering)
    : experiment_(experiment),
      agents_(agents),
      directory_(directory),
      interrupt_(interrupt),
      progress_(progress),
      margins_(margins),
      steering_(steering),
      warnings_(warnings_of_earlier_trials(directory)),
      variants_(variants) {
  agents_.loop().watch_reads(interrupt_.fd(), [this] { note_interrupt(); });
}

RoundRunner::~RoundRunner() {
  for (HostAgent* const agent : listened_) agent->stop_listening();  // a row could not be written
  agents_.loop().forget(interrupt_.fd());
}

// The descriptor stays readable.
void RoundRunner::note_interrupt() {
  agents_.loop().forget(interrupt_.fd());
  for (const auto& attempt : attempts_) {
    attempt->events.is_interrupted = true;
    attempt->events.signal.notify();
  }
}

void RoundRunner::switch_variant(std::span<const Trial> round) {
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

void RoundRunner::await_hosts(std::span<const Trial> round) {
  const auto is_worth_waiting = [&](const HostAgent* agent) {
    if (!agent || agent->channel() || agent->is_absent()) return false;
    if (agent->state() == HostAgent::State::ready) return true;  // its loss is noted soon
    const Nanoseconds least = agent->has_failed_to_start() ? 0 : kFirstRestart;
    return now_ns() < agent->away_since() + std::max(experiment_.plan.host_grace, least);
  };
  while (!interrupt_.raised() && std::ranges::any_of(round, [&](const Trial& trial) {
    if (is_sum(trial)) return false;
    const AgentPair& pair = agents_.of(experiment_.cases[trial.case_index]);
    return is_worth_waiting(&pair.client_agent()) || is_worth_waiting(pair.server_agent());
  })) {
    agents_.run_once(now_ns() + kTick);
    progress_.tick();
  }
}

void RoundRunner::prepare(std::span<const Trial> round) {
  std::map<Channel*, std::uint64_t> trials;  // of each agent
  for (const Trial& trial : round) {
    if (is_sum(trial)) continue;
    const AgentPair& pair = agents_.of(experiment_.cases[trial.case_index]);
    for (const Target target : {Target::client, Target::server})
      if (Channel* const agent = pair.running(target)) ++trials[agent];
  }
  for (const auto& [agent, count] : trials) {
    try {
      agent->send(PrepareWorkers{count});
    } catch (const ChannelError&) {  // the next trial of the agent reports it
    }
  }
}

void RoundRunner::cool_down() {
  const Nanoseconds end = now_ns() + experiment_.plan.cooldown;
  while (!interrupt_.raised() && now_ns() < end) agents_.run_once(end);
}

void RoundRunner::run(std::span<const Trial> round) {
  progress_.round_started(experiment_, round);
  for (const Trial& trial : round) steering_.started(trial);
  barrier_ = std::make_unique<RoundBarrier>();
  counters_ = std::make_unique<RoundCounters>();
  for (const Trial& trial : round)
    if (!is_sum(trial)) attempts_.push_back(begin(trial));
  for (const auto& attempt : attempts_)
    if (attempt->client) barrier_->join(attempt->events.signal);
  for (const auto& attempt : attempts_) start(*attempt);
  carry_out();
  for (const Trial& trial : round)
    if (is_sum(trial)) record_sum(trial);
  for (HostAgent* const agent : std::exchange(listened_, {})) agent->stop_listening();
  attempts_.clear();
  progress_.round_ended();
}

// Identifies the trial, and refuses it if it cannot run.
std::unique_ptr<RoundRunner::Attempt> RoundRunner::begin(const Trial& trial) {
  auto attempt = std::make_unique<Attempt>(agents_.loop(), trial);
  TrialRecord& record = attempt->record;
  record.run = directory_.name();
  record.experiment = experiment_.name;
  record.trial_case = &experiment_.cases[trial.case_index];
  record.trial = trial;
  record.started_at = std::chrono::system_clock::now();
  const AgentPair& pair = agents_.of(*record.trial_case);
  const Channel* const client = pair.running(Target::client);
  const Channel* const server = pair.running(Target::server);
  if (client) record.client_host = client->hello().host.hostname;
  if (server) record.server_host = server->hello().host.hostname;
  if (!pair.server_agent())
    record.server_host = experiment_.hosts_of(*record.trial_case).server->external;
  record.same_clock =
      client && server && client->hello().host.shares_kernel_with(server->hello().host);
  if (!pair.is_ready()) {
    record.status = pair.is_absent() ? Status::refused : Status::failed;
    record.error = pair.error();
  } else if (!switch_error_.empty()) {
    record.status = Status::refused;
    record.error = switch_error_;
  } else {
    attempt->client = &pair.client_agent();
    attempt->server = pair.server_agent();
  }
  return attempt;
}

// An agent that is lost meanwhile is reported by the task.
void RoundRunner::start(Attempt& attempt) {
  if (!attempt.client) return;
  Channel* const client = attempt.client->channel();
  Channel* const server = attempt.server ? attempt.server->channel() : nullptr;
  if (client == nullptr || (attempt.server && server == nullptr)) {
    attempt.record.status = Status::failed;
    attempt.record.error = client ? attempt.server->error() : attempt.client->error();
    barrier_->leave(attempt.events.signal);
    attempt.client = nullptr;
    return;
  }
  const bool is_shown = &attempt == attempts_.front().get();
  attempt.setup.emplace(TrialSetup{experiment_, attempt.trial, *client, server, margins_,
                                   variants_.path(attempt.record.trial_case->pair), attempt.events,
                                   *barrier_, *counters_,
                                   [this, is_shown, &attempt](End end, const Interval& i) {
                                     if (is_shown) progress_.interval(end, i);
                                     steering_.interval(attempt.trial, end, i);
                                   }});
  attempt.task.emplace(run_trial(*attempt.setup));
  listen(*attempt.client, End::client);
  if (attempt.server) listen(*attempt.server, End::server);
}

void RoundRunner::listen(HostAgent& agent, End end) {
  if (std::ranges::find(listened_, &agent) != listened_.end()) return;
  listened_.push_back(&agent);
  agent.listen([this, &agent, end](Event event) { deliver(agent, end, std::move(event)); },
               [this, &agent, end] { report_loss(agent, end); });
}

// Gives an event to the trials that it concerns: that of its endpoint, or all of the agent.
void RoundRunner::deliver(HostAgent& agent, End end, Event event) {
  if (auto* const result = std::get_if<CountersResult>(&event))
    return counters_->take(*agent.channel(), std::move(*result));
  const std::uint64_t endpoint = endpoint_of(event).value_or(0);
  for (const auto& attempt : attempts_) {
    if ((end == End::client ? attempt->client : attempt->server) != &agent) continue;
    const bool is_its = endpoint / 2 == attempt->trial.position || endpoint >= kServiceEndpoints;
    if (!is_its) continue;
    attempt->events.arrived.emplace_back(end, std::move(event));
    attempt->events.signal.notify();
    return;
  }
}

void RoundRunner::report_loss(HostAgent& agent, End end) {
  for (const auto& attempt : attempts_) {
    if ((end == End::client ? attempt->client : attempt->server) != &agent) continue;
    auto& lost = attempt->events.lost[static_cast<std::size_t>(end)];
    if (!lost) lost = agent.error();
    attempt->events.signal.notify();
  }
}

// Runs all attempts at once, to their ends.
void RoundRunner::carry_out() {
  Nanoseconds next_tick = 0;
  if (interrupt_.raised()) note_interrupt();
  for (;;) {
    bool is_over = true;
    for (const auto& attempt : attempts_) {
      if (attempt->has_ended) continue;
      if (attempt->task && !attempt->task->is_done()) {
        is_over = false;
        continue;
      }
      finish(*attempt);
    }
    write_ended();
    if (is_over) return;
    const Nanoseconds now = now_ns();
    if (now >= next_tick) {
      progress_.tick();
      next_tick = now + kTick;
    }
    agents_.run_once(next_tick);
  }
}

void RoundRunner::take_outcome(Attempt& attempt, TrialOutcome outcome) {
  TrialRecord& record = attempt.record;
  const Case& c = *record.trial_case;
  record.status = outcome.status;
  record.error = std::move(outcome.error);
  record.client = std::move(outcome.client);
  record.server = std::move(outcome.server);
  record.counters = std::move(outcome.counters);
  std::ranges::stable_sort(record.counters, {}, &CounterChange::host);  // either agent may be first
  attempt.started_together = outcome.started_together;
  if (attempt.events.started) record.started_at = outcome.started_at;
  if (outcome.ended_service) variants_.forget(c.pair, *outcome.ended_service);
  fail_without_figure(record);
  if (!c.background) return;
  record.background = std::make_shared<TrialRecord>(record);
  record.background->trial_case = c.background.get();
  record.background->client = std::move(outcome.background_client);
  record.background->server = std::move(outcome.background_server);
}

void RoundRunner::finish(Attempt& attempt) {
  if (attempt.task) take_outcome(attempt, attempt.task->result());
  if (attempt.client) barrier_->leave(attempt.events.signal);
  TrialRecord& record = attempt.record;
  record.elapsed_s = to_seconds(now_ns() - attempt.begin);
  record.error = one_line(record.error);
  // If the interrupt killed an agent, the trial is interrupted, not failed.
  if (record.status != Status::ok && interrupt_.raised()) record.status = Status::interrupted;
  if (record.status == Status::interrupted && record.error.empty())
    record.error = "the run was interrupted";
  attempt.has_ended = true;
}

// Returns "pair 2 was missing" for the pairs of the round that have not started; "" if all have.
std::string RoundRunner::missing_pairs() const {
  std::vector<std::string> names;
  for (const auto& attempt : attempts_)
    if (attempt->has_ended && !attempt->events.started)
      names.push_back(pair_of(*attempt->record.trial_case));
  if (names.empty()) return "";
  const bool is_one = names.size() == 1;
  return fmt::format("pair{} {} {} missing in this round", is_one ? "" : "s",
                     listed(names, kMaxNamedPairs), is_one ? "was" : "were");
}

void RoundRunner::add_start_skew(Attempt& attempt) {
  if (!attempt.events.started || attempts_.size() == 1) return;
  Nanoseconds first = *attempt.events.started;
  for (const auto& other : attempts_)
    first = std::min(first, other->events.started.value_or(first));
  attempt.record.start_skew = *attempt.events.started - first;
}

void RoundRunner::add_quality(Attempt& attempt) {
  TrialRecord& record = attempt.record;
  record.quality = warnings_.assess(record);
  if (record.status != Status::ok) return;
  const auto add = [&](const std::string& text) {
    if (!text.empty()) record.quality += (record.quality.empty() ? "" : "; ") + text;
  };
  if (!attempt.started_together) add("the other pairs did not start at the same moment");
  add(missing_pairs());
}

// Writes the rows of the trials that have ended since the last call, together.
void RoundRunner::write_ended() {
  std::vector<const TrialRecord*> records;
  for (const auto& attempt : attempts_) {
    if (!attempt->has_ended || std::exchange(attempt->is_written, true)) continue;
    add_start_skew(*attempt);
    add_quality(*attempt);
    records.push_back(&attempt->record);
  }
  if (records.empty()) return;
  directory_.append(records);
  for (const TrialRecord* const record : records) {
    steering_.recorded(*record);
    progress_.trial_ended(*record);
  }
}

// Writes the row of the sum of the round's pairs.
void RoundRunner::record_sum(const Trial& trial) {
  std::vector<const TrialRecord*> parts;
  for (const auto& attempt : attempts_) parts.push_back(&attempt->record);
  TrialRecord sum =
      sum_of_pairs(trial, experiment_.cases[trial.case_index], parts, experiment_.hosts.size());
  sum.run = directory_.name();
  sum.experiment = experiment_.name;
  directory_.append(sum);
  steering_.recorded(sum);
  progress_.trial_ended(sum);
}

bool RoundRunner::is_sum(const Trial& trial) const {
  return experiment_.cases[trial.case_index].is_sum;
}

}  // namespace pingperf
