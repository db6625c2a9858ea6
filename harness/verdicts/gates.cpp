#include "harness/verdicts/gates.h"

#include <fmt/core.h>

#include <algorithm>

#include "harness/base/statistics.h"
#include "harness/results/metrics.h"
#include "harness/verdicts/comparison.h"
#include "harness/verdicts/run_comparison.h"

namespace pingperf {
namespace {

void take(GateRow& row, const Effect& effect, std::size_t n) {
  row.n = n;
  row.figure = effect.ratio;
  row.ci_low = effect.ci_low;
  row.ci_high = effect.ci_high;
  row.least = effect.least;
  row.most = effect.most;
  row.why = effect.remark;
}

void measure_itself(GateRow& row, const TrialTable& trials, double level) {
  const std::vector<double> values = values_of(trials, row.case_name, row.gate->metric);
  row.n = values.size();
  if (values.empty()) return;
  row.figure = median(values);
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  row.least = *least;
  row.most = *most;
  if (const auto interval = median_interval(values, level)) {
    row.ci_low = interval->first;
    row.ci_high = interval->second;
  }
  row.why = reliability_warning(row.case_name, row.gate->metric, values,
                                values_of(trials, row.case_name, "steal_ratio"));
}

// Where values from `low` to `high` lie.
GateState state_between(const Gate& gate, double low, double high) {
  if ((gate.at_least && high < *gate.at_least) || (gate.at_most && low > *gate.at_most))
    return GateState::failed;
  const bool keeps =
      (!gate.at_least || low >= *gate.at_least) && (!gate.at_most || high <= *gate.at_most);
  return keeps ? GateState::passed : GateState::undecided;
}

void judge(GateRow& row) {
  if (row.n == 0 && row.why.empty()) {
    row.state = GateState::failed;
    row.why = "nothing was measured";
  } else if (!row.ci_low) {
    row.state = GateState::undecided;
    if (row.why.empty()) row.why = fmt::format("{} values make no interval", row.n);
  } else if (row.why.empty()) {
    row.state = state_between(*row.gate, *row.ci_low, *row.ci_high);
  } else {  // no ground for an interval; but every trial may say the same
    row.state = state_between(*row.gate, row.least, row.most);
  }
}

// One case of a gate against the stored run, within this one, or by itself.
GateRow measure(const Gate& gate, const CasePair& pair, const TrialTable& trials,
                const Significance& significance) {
  GateRow row;
  row.gate = &gate;
  row.case_name = pair.candidate;
  if (gate.stored) {
    row.against = gate.against;
    const ShiftRow shift = compare_case(gate.metric, pair.candidate, *gate.stored,
                                        RunSet::of(trials), pair.baseline, significance);
    take(row, shift, std::min(shift.base_n, shift.new_n));
  } else if (!pair.baseline.empty()) {
    row.against = pair.baseline;
    const ComparisonRow ratio = compare_pair(gate.metric, pair, trials, significance);
    take(row, ratio, ratio.n);
  } else {
    measure_itself(row, trials, significance.level);
  }
  judge(row);
  return row;
}

std::string number(const GateRow& row, double value) {
  return row.gate->bounds_ratio() ? fmt::format("{:.4g}", value)
                                  : human_metric(row.gate->metric, value);
}

}  // namespace

std::string_view name(GateState state) {
  return state == GateState::passed   ? "passed"
         : state == GateState::failed ? "failed"
                                      : "undecided";
}

std::vector<GateRow> judge_gates(const Criteria& criteria, const TrialTable& trials) {
  const Significance significance = significance_of(criteria);
  std::vector<GateRow> rows;
  for (const Gate& gate : criteria.gates)
    for (const CasePair& pair : gate.pairs)
      rows.push_back(measure(gate, pair, trials, significance));
  return rows;
}

bool fails(const GateRow& row) {
  return row.state == GateState::failed ||
         (row.state == GateState::undecided && row.gate->inconclusive == Inconclusive::fail);
}

std::string figure_text(const GateRow& row) {
  return row.figure ? number(row, *row.figure) : "-";
}

std::string interval_text(const GateRow& row) {
  if (!row.ci_low) return "-";
  return fmt::format("[{}, {}]", number(row, *row.ci_low), number(row, *row.ci_high));
}

std::string bound_text(const GateRow& row) {
  std::string text;
  if (row.gate->at_least) text = "at least " + number(row, *row.gate->at_least);
  if (row.gate->at_most)
    text += fmt::format("{}at most {}", text.empty() ? "" : ", ", number(row, *row.gate->at_most));
  return text;
}

std::string describe(const GateRow& row) {
  std::string text = fmt::format("{} {}: {} {}", row.case_name, row.gate->metric, figure_text(row),
                                 interval_text(row));
  if (!row.against.empty()) text += " of " + row.against;
  text += ", " + bound_text(row);
  if (!row.why.empty()) text += fmt::format(" ({})", row.why);
  return text;
}

}  // namespace pingperf
