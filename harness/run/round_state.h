// The shared state of the trials of one round: the moments at which they wait for each other, and
// the counters of hosts that several of them use.
#pragma once

#include <cstddef>
#include <map>
#include <vector>

#include "harness/agent/channel.h"
#include "harness/base/event_loop.h"

namespace pingperf {

// A barrier at which the trials of a round wait, so that they start at the same moment. A trial
// that has waited too long breaks the barrier: then no trial waits at it any more.
class RoundBarrier {
 public:
  // Adds a trial. Its signal is notified when the barrier opens or breaks.
  void join(Signal& signal) { waiting_.push_back(&signal); }
  // Called by a trial that has ended.
  void leave(Signal& signal);
  // Called by a trial that waits from now on, with its signal. Returns the number for has_opened().
  std::size_t arrive(Signal& signal);
  bool has_opened(std::size_t arrival) const { return opened_ > arrival || is_broken_; }
  bool is_broken() const { return is_broken_; }
  void break_up();

 private:
  void open_when_complete();
  void notify();

  std::vector<Signal*> waiting_;  // of all trials that have not ended
  std::vector<Signal*> here_;     // of those that wait at the barrier
  std::size_t opened_ = 0;        // how often
  bool is_broken_ = false;
};

// Requests the counters of each agent once for a round, however many of its trials use the agent.
class RoundCounters {
 public:
  // Adds a trial that reads counters of an agent. Called before the first begin().
  void add(Channel& agent, const CountersRequest& request, Signal& signal);

  // Requests the values before the trials, or the changes since then. Does nothing if another trial
  // has done so. Throws ChannelError.
  void begin(Channel& agent) { request(agent, true); }
  void end(Channel& agent) { request(agent, false); }
  // Takes the answer of an agent, and notifies its trials.
  void take(const Channel& agent, CountersResult result);

  bool has_begun(const Channel& agent) const { return agents_.at(&agent).answers >= 1; }
  bool has_ended(const Channel& agent) const { return agents_.at(&agent).answers >= 2; }
  const CountersResult& result(const Channel& agent) const { return agents_.at(&agent).result; }

 private:
  struct Reading {
    CountersRequest request;
    std::vector<Signal*> signals;
    int requests = 0;
    int answers = 0;
    CountersResult result;
  };

  void request(Channel& agent, bool begins);

  std::map<const Channel*, Reading> agents_;
};

}  // namespace pingperf
