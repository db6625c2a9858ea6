// Which agent reads which counters of the hosts of a trial.
#pragma once

#include <vector>

#include "harness/agent/channel.h"
#include "harness/experiment/plan.h"
#include "harness/results/record.h"

namespace pingperf {

// The agent that reads the counters of an end.
struct CounterReader {
  End end;
  Channel* channel;
  CountersRequest request;
};

// The agents read their hosts' counters just before the start and after the end. If both ends share
// a kernel, the server's agent reads its counters. If they share a network namespace, the client's
// agent reads that. So both read at the same time.
class TrialCounters {
 public:
  // `server` is null if the server is external.
  TrialCounters(Channel& client, Channel* server, Counters level);

  const std::vector<CounterReader>& readers() const noexcept { return readers_; }

  // Returns the changes that the reader is there for, each with the name of its host.
  std::vector<CounterChange> changes(const CounterReader& reader,
                                     const CountersResult& result) const;

 private:
  std::vector<CounterReader> readers_;
  bool shares_kernel_ = false;   // the two ends
  bool shares_network_ = false;  // and their network namespace
};

}  // namespace pingperf
