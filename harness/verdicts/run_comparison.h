// Comparison across runs: what changed between a base and something new.
#pragma once

#include <string>
#include <vector>

#include "harness/experiment/experiment.h"
#include "harness/results/run_set.h"
#include "harness/verdicts/effect.h"

namespace pingperf {

// A case and metric, before and after.
struct ShiftRow : Effect {
  std::string case_name;
  std::string reference;   // the case that each trial was divided by first; empty: none
  std::size_t base_n = 0;  // trials with a value, and with one of the reference in their block
  std::size_t new_n = 0;
  std::optional<double> base_median;  // of the trials themselves, not divided
  std::optional<double> new_median;
};

// One case, not judged yet; each trial is divided by that of the case `reference`, if any, of its
// block first: what a different or busier machine does to both cancels.
ShiftRow compare_case(const std::string& metric, const std::string& case_name, const RunSet& base,
                      const RunSet& now, const std::string& reference,
                      const Significance& significance);

// "bulk/engine=epoll throughput_bps: 0.812 [0.790, 0.830] of the base: slower"
std::string describe(const ShiftRow& row);

struct RunComparison {
  std::vector<ShiftRow> rows;             // judged as one family
  std::vector<std::string> only_base;     // cases
  std::vector<std::string> only_new;      // cases, and "case metric" that the base has no value of
  std::vector<std::string> unmeasured;    // "case metric" that the new run has no value of
  std::vector<std::string> failing;       // "case: 9 of 10 trials, 0 of 10 in the base"
  std::vector<std::string> unreferenced;  // cases left out: they have no reference
  std::vector<std::string> differences;   // "kernel: Linux 6.1, now Linux 6.18", of the
                                          // first runs; loads, of all
};

// Every case that both have, in each of `metrics` that both measured; `relative_to` as above, or
// empty. Throws UsageError when it names no case.
RunComparison compare_runs(const RunSet& base, const RunSet& now,
                           const std::vector<std::string>& metrics, const std::string& relative_to,
                           const Significance& significance);

// As CSV, one row a case and metric; and the same as JSON.
std::string shifts_csv(const std::vector<ShiftRow>& rows);
std::string run_comparison_json(const RunComparison& comparison);
std::string shift_columns_markdown();

}  // namespace pingperf
