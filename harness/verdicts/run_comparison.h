// Comparison of runs: the changes from base runs to new runs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harness/experiment/experiment.h"
#include "harness/results/run_set.h"
#include "harness/verdicts/verdict.h"

namespace pingperf {

// The default of the standard deviation between sessions, for the ratio of a case to its reference.
// If two engines vary by 3 % each, their ratio varies by 4.2 %.
inline constexpr double kReferenceSessionSd = 0.042;

// Returns the comparison of one case, without q value and decision. If there is a `reference`, each
// trial is divided by the trial of that case in the same block. This cancels the effect of a
// different or busier machine. With one run on each side, compares the trials: the estimate is
// about these two sessions. Without a reference or significance.session_sd it allows no verdict
// about the code. With several runs, compares the medians of the runs.
Verdict compare_case(const std::string& metric, const std::string& case_name, const RunSet& base,
                     const RunSet& new_runs, const std::string& reference,
                     const Significance& significance);

struct RunComparison {
  std::vector<Verdict> rows;            // one family: q values count all of them
  std::vector<Verdict> references;      // the reference cases themselves, not divided
  std::optional<double> session_sd;     // used to widen the intervals of one run on each side
  std::vector<std::string> only_base;   // cases that only BASE has
  std::vector<std::string> only_new;    // the same of NEW, or "case metric" that only NEW measured
  std::vector<std::string> unmeasured;  // "case metric" without a value in the new runs
  std::vector<std::string> failing;     // "case: 9 of 10 trials failed, 0 of 10 in the base"
  std::vector<std::string> unreferenced;  // cases that are left out, because they have no reference
  std::vector<std::string> differences;   // between the first runs: "kernel: Linux 6.1, now
                                          // Linux 6.18"; the load, between all runs
};

// How runs are compared.
struct CompareOptions {
  std::vector<std::string> metrics;
  std::string relative_to;  // names the references ("engine=iperf3"); empty: none
  Significance significance;
  std::vector<std::string> allowed;  // parameters that may differ between the sides
};

// Compares every case that both have, in each metric that both measured. With one run on each side
// and a reference, the intervals allow for kReferenceSessionSd unless the significance has another
// standard deviation. A case whose parameters differ between the sides gets no decision. Throws
// UsageError if `relative_to` names no case.
RunComparison compare_runs(const RunSet& base, const RunSet& new_runs,
                           const CompareOptions& options);

// Returns everything as JSON.
std::string run_comparison_json(const RunComparison& comparison);

}  // namespace pingperf
