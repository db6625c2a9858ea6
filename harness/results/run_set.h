// RunSet: the trials of one run or several, for `pingperf compare`.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/experiment/experiment.h"
#include "harness/results/summary.h"

namespace pingperf {

// Selects runs by their start. A moment is a date or a minute, in UTC: "2026-11-28" or
// "2026-11-28T16:10".
struct RunSelection {
  std::string side;                 // begins the error message if no run is left
  std::string since;                // empty: no bound
  std::string until;                // empty: no bound; includes all of that day or minute
  std::optional<std::size_t> last;  // so many of the newest

  bool takes_all() const { return since.empty() && until.empty() && !last; }
};

// Returns true if `text` is a moment of a RunSelection.
bool is_moment(std::string_view text);

// Returns the case with the name "bulk/engine=iperf3/streams=4": workload, then axes. It has no
// options.
Case case_named(const std::string& name);

class RunSet {
 public:
  struct Run {
    std::filesystem::path directory;  // canonical; empty when only its trials.csv is known
    TrialTable trials;
  };

  // Reads runs in the order of the paths. Each path is the directory of a run, its trials.csv, a
  // directory that contains runs, or a glob over these. Throws UsageError that names the path if it
  // is none of these, damaged, or given twice.
  static RunSet read(const std::vector<std::string>& paths);
  // Reads the selected runs that have trials and are not in `others`, in the order of their start.
  // The start is in the name of the directory, or it is that of the first trial. Throws UsageError
  // as read() does, and if no run is left.
  static RunSet read(const std::vector<std::string>& paths, const RunSelection& selection,
                     const RunSet& others);
  static RunSet of(TrialTable trials);
  // Adds a run of which only the trials are known.
  void add(TrialTable trials) { runs_.push_back({{}, std::move(trials)}); }

  const std::vector<Run>& runs() const noexcept { return runs_; }
  // Returns the cases of all runs in the order of their first trials. They have name, workload and
  // axes, read from the name, and the kind of their trials, but no other options.
  std::vector<Case> cases() const;

  // Sorts the runs by their start. Runs without a known start are first, in the order they have.
  void sort_by_start();

  bool holds(const std::filesystem::path& directory) const;
  // Removes the runs that `others` has too, so that a folder of runs can be the base of one of its
  // own runs. Does nothing if no run would be left.
  void remove_runs_in(const RunSet& others);

 private:
  std::vector<Run> runs_;
};

}  // namespace pingperf
