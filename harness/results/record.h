// TrialRecord: one finished trial. Every row of a run's files is made from it.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/counter.h"
#include "harness/experiment/experiment.h"
#include "harness/experiment/plan.h"
#include "sockets/measure/measurement.h"

namespace pingperf {

struct TrialRecord {
  std::string run;         // name of the run's directory
  std::string experiment;  // name of the experiment
  const Case* trial_case = nullptr;
  Trial trial{};
  std::chrono::system_clock::time_point started_at;
  double elapsed_s = 0;
  Status status = Status::ok;
  std::string error;    // one line; empty when ok
  std::string quality;  // the warnings; empty: none
  std::string client_host;
  std::string server_host;
  bool same_clock = false;                // both ends are under one kernel
  std::optional<Nanoseconds> start_skew;  // after the first start of the round; empty: it is alone
  Measurement client;
  Measurement server;
  std::vector<CounterChange> counters;      // of the hosts, from before `start` to after the end
  std::shared_ptr<TrialRecord> background;  // the load during the trial; null: none
  std::vector<const TrialRecord*> parts;    // of a sum of pairs: their records; else empty
};

}  // namespace pingperf
