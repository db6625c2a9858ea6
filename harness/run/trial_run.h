// Runs one trial, from listen to result, by the agents of its two ends. It is a coroutine: many
// trials run at once on one thread.
//
//   controller        server's agent           client's agent
//     |--- listen ------>|                         |
//     |<-- ready --------|  (address)              |
//     |--- connect ------------------------------->|  connects to the address
//     |<-- ready ----------------------------------|
//     |<-- counters --->|<----- counters --------->|  before start, and after both ends have ended
//     |--- start ------->|                         |
//     |--- start --------------------------------->|
//     |<-- progress, result or error, from both ---|
#pragma once

#include <array>
#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "harness/agent/channel.h"
#include "harness/base/event_loop.h"
#include "harness/base/task.h"
#include "harness/experiment/plan.h"
#include "harness/results/record.h"
#include "harness/run/round_state.h"
#include "harness/run/trial_addresses.h"

namespace pingperf {

// The events of a trial that are not handled yet. The runner fills it and notifies the signal.
struct TrialEvents {
  explicit TrialEvents(EventLoop& loop) : signal(loop) {}

  std::deque<std::pair<End, Event>> arrived;
  std::array<std::optional<std::string>, 2> lost;  // the error of the client's and server's agent
  bool is_interrupted = false;
  std::optional<Nanoseconds> started;  // set by the trial when the measured endpoints start
  Signal signal;
};

// How long the controller waits for an agent that should have answered.
struct Margins {
  Nanoseconds answer = 3 * kSecond;     // beyond the agent's own deadline
  Nanoseconds other_end = 2 * kSecond;  // from one end's result to the other's
};

// Endpoints from this number on are services of a variant.
inline constexpr std::uint64_t kServiceEndpoints = 1'000'000'000'000;

// The outcome of a trial. The caller adds the trial's identity.
struct TrialOutcome {
  Status status = Status::ok;
  std::string error;
  std::chrono::system_clock::time_point started_at;  // of the measured endpoints, if they started
  bool started_together = true;                      // started with the other trials of the round
  std::optional<std::uint64_t> ended_service;        // the endpoint of a service of the variant
  Measurement client;
  Measurement server;
  Measurement background_client;  // if the trial has a background
  Measurement background_server;
  std::vector<CounterChange> counters;
};

// A trial and what it needs.
struct TrialSetup {
  const Experiment& experiment;
  const Trial& trial;
  Channel& client;
  Channel* server;  // null: the server is external
  const Margins& margins;
  const TrialPath& path;  // of the variant
  TrialEvents& events;
  RoundBarrier& barrier;
  RoundCounters& counters;
  std::function<void(End, const Interval&)> progress;
};

// Runs a trial to its end, within its timeout. A background starts first, and the measured
// endpoints start after its warmup. All failures are outcomes: an agent that is lost or does not
// answer, too. An agent that does not answer is abandoned, because its state is unknown.
Task<TrialOutcome> run_trial(const TrialSetup& setup);

}  // namespace pingperf
