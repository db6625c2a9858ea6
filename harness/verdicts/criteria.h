// Criteria: the comparisons, gates and stopping rule of an experiment.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/results/own_columns.h"
namespace pingperf {

// `until:`: when a run may stop, from `repetitions` blocks on.
struct Until {
  std::vector<std::string> metrics;
  double relative_ci = 0;       // half the width of the interval, as a share of the estimate
  bool of_comparisons = false;  // the interval of each compared ratio, not of each case's median
  std::uint64_t at_most = 0;    // blocks
};

class RunSet;

// Names the case that is judged and the case that it is judged against.
struct CasePair {
  std::string candidate;
  std::string baseline;  // empty: judged by itself
};

// An entry of `compare:`: pairs of cases to compare.
struct Compare {
  std::string metric;
  std::vector<CasePair> pairs;
};

// The outcome of an undecided gate, in the order of the choices in keys.cpp. repeat: run more
// blocks, then pass.
enum class Inconclusive { pass, fail, repeat };

// The limits that a gate sets, and what happens if the data do not decide it.
struct Bound {
  std::optional<double> at_least;  // of a ratio, or in the metric's unit
  std::optional<double> at_most;
  Inconclusive inconclusive = Inconclusive::pass;
};

// An entry of `gates:`: a bound that its cases must keep.
struct Gate {
  std::string metric;
  std::vector<CasePair> pairs;   // with a baseline or `against`, the bound is for the ratio
  std::string against;           // a stored run, as named; empty: none
  std::string against_location;  // in the file, for errors
  std::string against_path;      // of the stored run
  bool missing_passes = false;   // pairs without a stored figure pass
  // The runs of `against`, set by read_criteria(). With `against`, each trial of a pair's candidate
  // is first divided by the trial of its baseline in the same block.
  std::shared_ptr<const RunSet> stored;
  std::vector<CasePair> without_baseline;  // pass, because `against` has no run or no such case
  Bound bound;

  bool bounds_ratio() const {
    return !against.empty() || (!pairs.empty() && !pairs.front().baseline.empty());
  }
};

// A condition of a search: one metric's bound, on the side that the metric's direction gives.
struct Condition {
  std::string metric;
  double bound = 0;
  bool is_maximum = true;  // the metric must be at most the bound; else at least
};

// The `keep:` of a searched case: all of these.
struct SearchCriterion {
  std::string case_name;
  std::vector<Condition> keep;
};

// The comparisons, gates, searches and stopping rule of an experiment.
struct Criteria {
  std::uint64_t repetitions = 10;  // the plan's
  std::optional<Until> until;
  std::vector<Compare> compare;
  std::vector<Gate> gates;
  std::vector<SearchCriterion> searches;
  // Names of the gates and comparisons whose cases `--only` left out.
  std::vector<std::string> gates_without_cases;
  std::vector<std::string> comparisons_without_cases;
  OwnColumns own_columns;          // with the percentiles that these name
  std::size_t gates_left_out = 0;  // gates against stored runs, if these were not to be opened
};

}  // namespace pingperf
