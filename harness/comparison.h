// Comparison: cases against a baseline, trial by trial of one block.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/experiment.h"
#include "harness/summary.h"

namespace pingperf {

struct ComparisonRow {
  std::string metric;
  std::string case_name;
  std::string baseline;
  std::size_t n = 0;             // pairs: trials of both cases in one block, both ok
  std::size_t excluded = 0;      // blocks in which one of the two has no value
  std::optional<double> ratio;   // case / baseline; empty without pairs, as is all that follows
  std::optional<double> ci_low;  // 95 %; empty for n < 6
  std::optional<double> ci_high;
  std::optional<double> p_value;
  std::optional<double> q_value;           // over all rows of the run
  std::string verdict;                     // faster, slower, higher, lower, same or inconclusive
  std::optional<double> detectable_ratio;  // 1.1: a change of 10 % would have been found
  std::optional<std::size_t> more_repetitions;  // of an inconclusive one
  std::string note;    // what makes the two unlike, beside what is compared; empty: nothing
  std::string remark;  // why no verdict can be had from these trials; empty: nothing
};

// Two cases that agree in everything but what is compared.
struct CasePair {
  const Case* candidate;
  const Case* baseline;
};

// The pairs that one `compare:` entry asks for.
std::vector<CasePair> pairs_of(const Compare& compare, const std::vector<Case>& cases);

// A change below this is none that matters: 5 %.
inline constexpr double kThreshold = 0.05;

// All rows of the experiment's `compare:`.
std::vector<ComparisonRow> compare_cases(const Experiment& experiment, const TrialTable& trials);

// The text of comparisons.csv.
std::string comparisons_csv(const std::vector<ComparisonRow>& rows, const std::string& run);
std::string comparison_columns_markdown();

}  // namespace pingperf
