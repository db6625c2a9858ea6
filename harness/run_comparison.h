// Comparison across runs: what changed between a base and something new.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "harness/effect.h"
#include "harness/experiment.h"
#include "harness/summary.h"

namespace pingperf {

// The trials of one run or several.
class RunSet {
 public:
  struct Run {
    std::filesystem::path directory;  // empty when only its trials.csv is known
    TrialTable trials;
  };

  // Each path is the directory of a run, its trials.csv, or a directory that holds runs, all of
  // which are taken. Throws UsageError naming the path that is none of these or damaged.
  static RunSet read(const std::vector<std::string>& paths);
  static RunSet of(TrialTable trials);

  const std::vector<Run>& runs() const noexcept { return runs_; }
  // Of all runs, in the order of their first trials: name, workload and axes, as the names have
  // them; no options.
  std::vector<Case> cases() const;

 private:
  std::vector<Run> runs_;
};

// A case and metric, before and after.
struct ShiftRow : Effect {
  std::string case_name;
  std::string reference;   // the case that each trial was divided by first; empty: none
  std::size_t base_n = 0;  // trials with a value, and with one of the reference in their block
  std::size_t new_n = 0;
  std::optional<double> base_median;  // of the trials themselves, not divided
  std::optional<double> new_median;
};

// One case, not judged yet. `relative_to`: empty, or "key=value", the axis value, or
// "workload=name", whose case of the same block each trial is divided by first: what a different or
// busier machine does to both cancels.
ShiftRow compare_case(const std::string& metric, const std::string& case_name, const RunSet& base,
                      const RunSet& now, const std::string& relative_to,
                      const Strictness& strictness);

// True of a case that others are divided by, with such a `relative_to`.
bool is_reference(const Case& c, const std::string& relative_to);

struct RunComparison {
  std::vector<ShiftRow> rows;          // judged as one family
  std::vector<std::string> only_base;  // cases
  std::vector<std::string> only_new;
  std::vector<std::string>
      unmeasured;  // "case metric" of the base that the new run has no value of
  std::vector<std::string> unreferenced;  // cases left out: they have no reference
  std::vector<std::string> differences;   // "kernel: Linux 6.1, now Linux 6.18"
};

// Every case that both have, in each of `metrics` that both measured. Throws UsageError when
// `relative_to` is not of its form or names no case.
RunComparison compare_runs(const RunSet& base, const RunSet& now,
                           const std::vector<std::string>& metrics, const std::string& relative_to,
                           const Strictness& strictness);

// As CSV, one row a case and metric; and the same as JSON.
std::string shifts_csv(const std::vector<ShiftRow>& rows);
std::string run_comparison_json(const RunComparison& comparison);
std::string shift_columns_markdown();

}  // namespace pingperf
