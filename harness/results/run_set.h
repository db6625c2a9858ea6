// RunSet: the trials of one run or several, for `pingperf compare`.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "harness/experiment/experiment.h"
#include "harness/results/summary.h"

namespace pingperf {

class RunSet {
 public:
  struct Run {
    std::filesystem::path directory;  // canonical; empty when only its trials.csv is known
    TrialTable trials;
  };

  // Each path is the directory of a run, its trials.csv, or a directory that holds runs, all of
  // which are taken. Throws UsageError naming the path that is none of these, damaged, or there
  // twice.
  static RunSet read(const std::vector<std::string>& paths);
  static RunSet of(TrialTable trials);
  // Adds a run of which only the trials are known.
  void add(TrialTable trials) { runs_.push_back({{}, std::move(trials)}); }

  const std::vector<Run>& runs() const noexcept { return runs_; }
  // Returns the cases of all runs in the order of their first trials. They have name, workload and
  // axes, read from the name, and no options.
  std::vector<Case> cases() const;

  bool holds(const std::filesystem::path& directory) const;
  // Drops the runs that `others` has too, unless none would be left: of a folder of runs, one of
  // which is compared with the rest.
  void remove_runs_in(const RunSet& others);

 private:
  std::vector<Run> runs_;
};

}  // namespace pingperf
