// Comparison of runs: the changes from base runs to new runs.
#pragma once

#include <string>
#include <vector>

#include "harness/experiment/experiment.h"
#include "harness/results/run_set.h"
#include "harness/verdicts/verdict.h"

namespace pingperf {

// Returns the comparison of one case, without q value and decision. If there is a `reference`, each
// trial is divided by the trial of that case in the same block. This cancels the effect of a
// different or busier machine.
Verdict compare_case(const std::string& metric, const std::string& case_name, const RunSet& base,
                     const RunSet& now, const std::string& reference,
                     const Significance& significance);

struct RunComparison {
  std::vector<Verdict> rows;              // judged as one family
  std::vector<std::string> only_base;     // cases
  std::vector<std::string> only_new;      // cases, and "case metric" that the base has no value of
  std::vector<std::string> unmeasured;    // "case metric" that the new run has no value of
  std::vector<std::string> failing;       // "case: 9 of 10 trials, 0 of 10 in the base"
  std::vector<std::string> unreferenced;  // cases left out: they have no reference
  std::vector<std::string> differences;   // "kernel: Linux 6.1, now Linux 6.18", of the
                                          // first runs; loads, of all
};

// Compares every case that both have, in each of `metrics` that both measured. `relative_to` names
// the references ("engine=iperf3"), or is empty. Throws UsageError if it names no case.
RunComparison compare_runs(const RunSet& base, const RunSet& now,
                           const std::vector<std::string>& metrics, const std::string& relative_to,
                           const Significance& significance);

// Returns everything as JSON.
std::string run_comparison_json(const RunComparison& comparison);

}  // namespace pingperf
