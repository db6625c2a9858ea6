// Makes entries of the history from runs on disk.
#pragma once

#include "harness/history/history.h"
#include "harness/results/run_set.h"

namespace pingperf {

// Returns the entry of a run. Its identity is the experiment, the name with its start, and the
// hosts, so that a run whose trials were repeated later replaces its stored one. A run of another
// tool without such a name is identified by the start of its first trial, or by its content.
// Its labels are `labels`, and those of the run with other keys. `machine` replaces the names of
// the hosts unless it is empty. Throws UsageError if the run has no ok trial or a damaged
// environment.json.
HistoryEntry history_entry(const RunSet::Run& run, const std::string& machine,
                           const std::map<std::string, std::string>& labels);

// Returns the trials of a stored run.
TrialTable history_trials(History& history, const HistoryRun& run);

// The stored runs that new runs are compared with.
struct HistoryBase {
  RunSet runs;  // in the order of their start
  // Changes of the facts: "within the base: …" from one of them to the next, then from the newest
  // of them to the first new run.
  std::vector<std::string> differences;
};

// Returns the runs of the filter that have the machine and the experiment of the first new run, and
// are not among the new runs. A machine in the filter replaces that of the new run. Throws
// UsageError if there is none.
HistoryBase history_base(History& history, const RunSet& new_runs, HistoryFilter filter);

}  // namespace pingperf
