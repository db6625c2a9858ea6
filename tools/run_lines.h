// The lines of `run --format jsonl`: one JSON object per event, as it happens.
// docs/reading-results.md describes them.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "harness/base/interrupt.h"
#include "harness/base/json_fwd.h"
#include "harness/experiment/experiment.h"
#include "harness/results/own_columns.h"
#include "harness/run/runner.h"

namespace pingperf {

// Writes lines to a descriptor. If the reader is gone, it prints that once to stderr and writes
// nothing more, so that the run goes on. If the reader is behind, it leaves out intervals, because
// a controller that waits would disturb the run. A reader that takes nothing for some seconds, or
// for one after an interrupt, counts as gone.
class RunLines {
 public:
  RunLines(int fd, const Interrupt& interrupt);

  void run_started(const Experiment& experiment, const RunDirectory& directory, std::size_t trials);
  void trial_started(const Case& c, const Trial& trial);
  void interval(const Case& c, const Trial& trial, End end, const Interval& interval);
  // Writes the row of trials.csv. Before it, the intervals of an engine that reports none while it
  // runs.
  void trial_ended(const TrialRecord& record, const OwnColumns& own);
  void run_ended(const Json& result);

 private:
  using TrialName = std::pair<std::string, std::uint64_t>;  // case and block

  bool can_write() const;
  bool wait_until_writable() const;
  void write(std::string_view event, const Json& fields);
  void write_line(std::string_view line);

  int fd_;
  const Interrupt& interrupt_;
  bool is_closed_ = false;
  std::set<TrialName> live_;  // the running trials that have reported an interval
};

}  // namespace pingperf
