// Verdict: one judged statement about a case and metric, with its interval.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/verdicts/counter_shift.h"
#include "harness/verdicts/criteria.h"
#include "harness/verdicts/significance.h"

namespace pingperf {

enum class Decision {
  none,  // there is nothing to judge
  faster,
  slower,
  higher,  // for a metric without a better direction, as is lower
  lower,
  same,
  inconclusive,
  passed,  // for a gate, as are failed and undecided
  failed,
  undecided,
};

std::string_view name(Decision decision);

// The decisions that the trials of a verdict allow.
enum class Trust {
  full,
  not_better,      // not faster, same or passed, because too many trials lack the metric
  unanimous_only,  // only if all trials agree, because the interval is unreliable
  none,            // no decision
};

// A case that is compared with a baseline in the same run or across runs, or that must keep a
// bound.
struct Verdict {
  std::string metric;
  std::string case_name;
  // Within a run, the case to compare with. Across runs, the case by which each trial is first
  // divided. For a gate, the case or the stored run. May be empty.
  std::string baseline;
  std::size_t n = 0;         // pairs of trials; across runs, trials of the new side
  std::size_t base_n = 0;    // across runs, trials of the base
  std::size_t excluded = 0;  // blocks in which one case of a pair has no value
  std::size_t runs = 0;      // across runs, runs of the new side with a value
  std::size_t base_runs = 0;
  std::optional<double> base_median;  // of the values as measured
  std::optional<double> new_median;
  std::optional<double> base_relative;  // across runs, of the values divided by their reference
  std::optional<double> new_relative;
  // The shift that decides: of the logarithms, or of the values if is_difference.
  std::optional<ShiftEstimate> shift;
  bool is_difference = false;
  // The ratio, the difference, or the median of an absolute gate; 0 or infinite where values are 0.
  std::optional<double> value;
  std::optional<double> ci_low;  // empty for too few trials, as is ci_high
  std::optional<double> ci_high;
  double least = 0;  // extremes of single trials
  double most = 0;
  std::optional<double> p_value;  // of no change
  std::optional<double> q_value;  // over the family that was judged together
  Decision decision = Decision::none;
  std::optional<double> detectable_ratio;       // 1.1 if a change of 10 % would have been found
  std::optional<std::size_t> more_repetitions;  // that would decide an inconclusive comparison
  std::optional<std::size_t> more_runs;  // the same in runs on each side, across several runs
  Trust trust = Trust::full;
  std::string warning;                 // the reason for less trust; empty if trust is full
  std::string note;                    // another difference of the two cases, or empty
  std::optional<Bound> bound;          // of a gate
  std::vector<CounterShift> counters;  // that changed with it, the largest change first
};

// Sets shift, value, interval, p value and extremes.
void set_estimate(Verdict& verdict, const ShiftEstimate& shift, const Significance& significance);

// Sets a warning and its trust, unless the verdict has a warning with less trust.
void warn(Verdict& verdict, Trust trust, const std::string& warning);

// Warns if more than a tenth of the trials or blocks are missing. The warning is "2 of 10 <what>".
void warn_of_missing(Verdict& verdict, std::size_t missing, std::size_t all, std::string_view what);

// Returns the verdict's value if it is a ratio of two figures above 0, else nothing.
std::optional<double> ratio_of(const Verdict& verdict);

// Sets the q values and decisions of comparisons that are judged as one family. A decision requires
// an interval wholly on one side of no change, a shift beyond the threshold, and a q value of at
// most 5 %. "same" requires the interval of 1 - 2 level within the threshold. Only comparisons that
// can have a decision belong to the family of the q values.
void decide_family(std::vector<Verdict>& family, const Significance& significance);

// Sets the change that each comparison of a judged family could have found, and how many more
// trials or runs would decide an inconclusive one. Sets nothing if no change can be found.
void add_power(std::vector<Verdict>& family, const Significance& significance);

// Returns true if the verdict is inconclusive because of its spread, and 2000 repetitions or 100
// runs would not decide it.
bool is_too_noisy(const Verdict& verdict);

// Returns the fewest pairs with which one of a family of so many can be decided at the level.
std::size_t min_pairs_of_family(std::size_t size, double level);

// Sets the decision of a gate by its interval: failed if all of it is beyond the bound, passed if
// all of it keeps the bound, and undecided if the bound is within. A gate without a value has
// failed. If the interval is unreliable, the extremes of the trials decide.
void decide_gate(Verdict& gate);

// Returns true if the gate fails the run: it failed, or it is undecided and that counts as failed.
bool fails(const Verdict& gate);

// Returns half the width of the interval as a share of the value. Returns nothing without an
// interval.
std::optional<double> half_width(const Verdict& verdict);

// Returns why the values of a case do not allow a verdict: they form two groups, or the hypervisor
// took CPU time in more than a third of the trials. Returns "" if they do. An empty `metric` means
// values without a unit.
std::string reliability_warning(const std::string& case_name, std::string_view metric,
                                const std::vector<double>& values,
                                const std::vector<double>& steal_ratios);

// Returns the parts of a gate's description: "0.812", "[0.79, 0.83]" and "at least 0.95", in the
// metric's unit or as ratios; "-" if there is no value.
std::string value_text(const Verdict& gate);
std::string interval_text(const Verdict& gate);
std::string bound_text(const Verdict& gate);

// Returns one line. Of a comparison: "bulk/engine=epoll throughput_bps: 0.812 [0.790, 0.830] of the
// base: slower". Of a gate: "bulk/engine=blocking throughput_bps: 0.812 [0.79, 0.83] of
// bulk/engine=iperf3, at least 0.95".
std::string describe(const Verdict& verdict);

}  // namespace pingperf
