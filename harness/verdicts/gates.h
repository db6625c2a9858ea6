// Gates: bounds on an experiment's results.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harness/results/summary.h"
#include "harness/verdicts/criteria.h"
#include "harness/verdicts/effect.h"

namespace pingperf {

// Judged on the interval, not on the point: failed = all of it is beyond the bound, passed = all of
// it keeps the bound, undecided = the bound lies within. A gate without a single value has failed.
// Trials that are no ground for an interval decide where each of them says the same.
enum class GateState { passed, failed, undecided };

std::string_view name(GateState state);

// One case of a gate.
struct GateRow {
  const Gate* gate = nullptr;
  std::string case_name;
  std::string against;           // the baseline case or stored run; empty: an absolute bound
  std::size_t n = 0;             // values, or pairs
  std::optional<double> figure;  // median, or ratio
  std::optional<double> ci_low;  // empty for too few values
  std::optional<double> ci_high;
  double least = 0;  // of single trials, the extremes
  double most = 0;
  GateState state = GateState::undecided;
  std::string why;  // of a state that the interval does not explain; else empty
};

// Returns a row for every case of every gate.
std::vector<GateRow> judge_gates(const Criteria& criteria, const TrialTable& trials);

// Returns true if the row fails the run: the gate failed, or it is undecided and that counts as
// failed.
bool fails(const GateRow& row);

// "0.812", "[0.79, 0.83]" and "at least 0.95", in the metric's unit or as ratios.
std::string figure_text(const GateRow& row);
std::string interval_text(const GateRow& row);
std::string bound_text(const GateRow& row);

// "bulk/engine=blocking throughput_bps: 0.812 [0.79, 0.83] of bulk/engine=iperf3, at least 0.95"
std::string describe(const GateRow& row);

}  // namespace pingperf
