// Runs one trial, from listen to result, by the agents of its two ends.
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

#include <functional>
#include <string>
#include <vector>

#include "harness/agent/channel.h"
#include "harness/experiment/plan.h"
#include "harness/results/record.h"

namespace pingperf {

// The callbacks of a trial.
struct TrialObserver {
  int interrupt_fd = -1;  // becomes readable to end the trial
  std::function<void(End, const Interval&)> progress = [](End, const Interval&) {};
  std::function<void()> tick = [] {};          // a few times a second
  std::function<void()> before_start = [] {};  // both ends are ready; may wait for other trials
  std::function<void()> after_end = [] {};     // both ends have ended; may wait for other trials
};

// How long the controller waits for an agent that should have answered.
struct Margins {
  Nanoseconds answer = 3 * kSecond;     // beyond the agent's own deadline
  Nanoseconds other_end = 2 * kSecond;  // from one end's result to the other's
};

// Endpoints from this number on are services of a variant.
inline constexpr std::uint64_t kServiceEndpoints = 1'000'000'000'000;

// Where a variant leads the trials of a pair of hosts.
struct TrialPath {
  std::string server_address;     // the server binds to it; empty: that of its host
  std::uint16_t server_port = 0;  // 0: that of the case, or any
  bool has_services = false;
  std::string dial;  // Address::to_string() for the client; empty: the server's
};

// The outcome of a trial. The caller adds the trial's identity.
struct TrialOutcome {
  Status status = Status::ok;
  std::string error;
  std::optional<std::uint64_t> ended_service;  // the endpoint of a service of the variant
  Measurement client;
  Measurement server;
  Measurement background_client;  // if the trial has a background
  Measurement background_server;
  std::vector<CounterChange> counters;
};

// An agent did not answer within a deadline. It hangs, so its channel cannot be used any more.
class AgentTimeout : public ChannelError {
 public:
  using ChannelError::ChannelError;
};

// Runs a trial to its end, within `timeout`. `server` is null if the server is external. A
// background starts first, and the measured endpoints start after its warmup. `path` is that of the
// variant. Failures are outcomes, with two exceptions: throws ChannelError if a channel breaks, and
// AgentTimeout if an agent does not answer.
TrialOutcome run_trial(Channel& client, Channel* server, const Experiment& experiment,
                       const Trial& trial, Nanoseconds timeout, const TrialObserver& observer,
                       const Margins& margins = {}, const TrialPath& path = {});

}  // namespace pingperf
