// Effect: the ratio of two sets of values, with its interval and verdict.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/verdicts/significance.h"

namespace pingperf {

// The ratio of one to the other in one metric.
struct Effect {
  std::string metric;
  std::optional<double> ratio;    // Hodges–Lehmann; empty without data, as is all that follows
  std::optional<double> ci_low;   // empty for too few trials
  std::optional<double> ci_high;  // empty for too few trials
  std::optional<double> p_value;  // of no change
  std::optional<double> q_value;  // over the family that was judged together
  std::string verdict;            // faster, slower, higher, lower, same or inconclusive
  std::optional<double> detectable_ratio;       // 1.1: a change of 10 % would have been found
  std::optional<std::size_t> more_repetitions;  // of an inconclusive effect
  std::string remark;  // a warning against a verdict on these trials; empty: none
  double least = 0;    // of the ratios of single trials, the extremes
  double most = 0;
};

// Sets ratio and extremes, interval, p value and detectable ratio from an estimate of the shift of
// logarithms, which was made at the level of `significance`. `trials`: how many repetitions a unit
// of its weight takes; 1 of pairs, 2 of two samples.
void set_ratio_estimate(Effect& effect, const ShiftEstimate& logs, const Significance& significance,
                        std::size_t trials);

// Sets q values and verdicts of a family. A verdict needs an interval wholly on one side of no
// change, a ratio beyond the threshold, and a q value of at most 5 %; "same" needs the interval
// within the threshold. An effect with a warning has no verdict, unless all trials agree.
void judge(const std::vector<Effect*>& family, const Significance& significance);

template <typename Row>
void decide_family_verdicts(std::vector<Row>& rows, const Significance& significance) {
  std::vector<Effect*> family;
  for (Row& row : rows) family.push_back(&row);
  judge(family, significance);
}

// Returns half the width of the interval as a share of the ratio; empty without an interval.
std::optional<double> half_width(const Effect& effect);

// Returns why the values of a case do not allow a verdict: they form two groups, or the hypervisor
// took CPU time in more than a third of the trials. Returns "" if they do. An empty `metric` means
// values without a unit.
std::string reliability_warning(const std::string& case_name, std::string_view metric,
                                const std::vector<double>& values,
                                const std::vector<double>& steal_ratios);

// Returns true if the verdict is slower.
inline bool is_regression(const Effect& effect) {
  return effect.verdict == "slower";
}

}  // namespace pingperf
