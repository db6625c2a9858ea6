// One trial, from listen to result, over the agents of its two ends.
//
//   controller        server's agent           client's agent
//     |--- listen ------>|                         |
//     |<-- ready --------|  (address)              |
//     |--- connect ------------------------------->|  dials the address
//     |<-- ready ----------------------------------|
//     |--- start ------->|                         |
//     |--- start --------------------------------->|
//     |<-- progress, result or error, from both ---|
#pragma once

#include <functional>
#include <string>

#include "harness/agent/channel.h"
#include "harness/experiment/plan.h"
#include "harness/results/record.h"

namespace pingperf {

// What a trial asks of, and tells, whoever runs it.
struct TrialObserver {
  int interrupt_fd = -1;  // readable: end the trial
  std::function<void(End, const Interval&)> progress = [](End, const Interval&) {};
  std::function<void()> tick = [] {};          // a few times a second
  std::function<void()> before_start = [] {};  // both ends are ready: waits for others that are to
                                               // start at the same moment
};

// How a trial ended; its identity is the caller's to add.
struct TrialOutcome {
  Status status = Status::ok;
  std::string error;
  Measurement client;
  Measurement server;
  Measurement background_client;  // of a trial that has one
  Measurement background_server;
};

// An agent let a deadline pass without a word: it hangs, and its channel is of no more use.
class AgentTimeout : public ChannelError {
 public:
  using ChannelError::ChannelError;
};

// Runs a trial of its case to its end, within `timeout`. `server` is null when the server is
// external. A background is begun first, and what is measured once the background's warmup is over.
// Every failure is an outcome, except a channel that broke or an agent that does not answer: those
// throw ChannelError, or AgentTimeout.
TrialOutcome run_trial(Channel& client, Channel* server, const Experiment& experiment,
                       const Trial& trial, Nanoseconds timeout, const TrialObserver& watch);

}  // namespace pingperf
