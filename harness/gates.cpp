#include "harness/gates.h"

#include <fmt/format.h>

#include <map>

#include "harness/comparison.h"
#include "harness/run_comparison.h"
#include "harness/statistics.h"
#include "harness/stopping.h"
#include "harness/table.h"

namespace pingperf {
namespace {

void take(GateRow& row, const Effect& effect, std::size_t n) {
  row.n = n;
  row.figure = effect.ratio;
  row.ci_low = effect.ci_low;
  row.ci_high = effect.ci_high;
  row.why = effect.remark;
}

void measure_itself(GateRow& row, const TrialTable& trials, double level) {
  const std::vector<double> values = values_of(trials, row.case_name, row.gate->metric);
  row.n = values.size();
  if (values.empty()) return;
  row.figure = median(values);
  if (const auto interval = median_interval(values, level)) {
    row.ci_low = interval->first;
    row.ci_high = interval->second;
  }
  row.why = remark_on(row.case_name, values, values_of(trials, row.case_name, "steal_ratio"));
}

GateState state_of(const GateRow& row) {
  if (!row.ci_low || !row.why.empty()) return GateState::undecided;
  const auto &least = row.gate->at_least, &most = row.gate->at_most;
  if ((least && *row.ci_high < *least) || (most && *row.ci_low > *most)) return GateState::failed;
  const bool keeps = (!least || *row.ci_low >= *least) && (!most || *row.ci_high <= *most);
  return keeps ? GateState::passed : GateState::undecided;
}

void judge(GateRow& row) {
  row.state = state_of(row);
  if (row.n == 0) {
    row.state = GateState::failed;
    row.why = "nothing was measured";
  } else if (!row.ci_low) {
    row.why = fmt::format("{} values make no interval", row.n);
  }
}

std::string number(const GateRow& row, double value) {
  return row.gate->bounds_ratio() ? fmt::format("{:.3g}", value)
                                  : human_metric(row.gate->metric, value);
}

}  // namespace

std::string_view name(GateState state) {
  return state == GateState::passed   ? "passed"
         : state == GateState::failed ? "failed"
                                      : "undecided";
}

std::vector<GateRow> judge_gates(const Experiment& experiment, const TrialTable& trials) {
  const Strictness strictness = strictness_of(experiment);
  std::vector<GateRow> rows;
  for (const Gate& gate : experiment.gates) {
    std::optional<RunSet> stored;
    if (!gate.against.empty()) stored = RunSet::read({gate.against});
    for (const CasePair& pair : gate.pairs) {
      GateRow row;
      row.gate = &gate;
      row.case_name = pair.candidate;
      row.against = stored ? gate.against : pair.baseline;
      if (stored) {
        const ShiftRow shift = compare_case(gate.metric, pair.candidate, *stored,
                                            RunSet::of(trials), gate.relative_to, strictness);
        take(row, shift, std::min(shift.base_n, shift.new_n));
      } else if (!pair.baseline.empty()) {
        const ComparisonRow ratio = compare_pair(gate.metric, pair, trials, strictness);
        take(row, ratio, ratio.n);
      } else {
        measure_itself(row, trials, strictness.level);
      }
      judge(row);
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

bool fails(const GateRow& row) {
  return row.state == GateState::failed ||
         (row.state == GateState::undecided && row.gate->inconclusive == Inconclusive::fail);
}

std::string describe(const GateRow& row) {
  std::string text = fmt::format("{} {}:", row.case_name, row.gate->metric);
  if (row.figure) text += fmt::format(" {}", number(row, *row.figure));
  if (row.ci_low)
    text += fmt::format(" [{}, {}]", number(row, *row.ci_low), number(row, *row.ci_high));
  if (row.figure && !row.against.empty()) text += " of " + row.against;
  if (row.gate->at_least) text += ", at least " + number(row, *row.gate->at_least);
  if (row.gate->at_most) text += ", at most " + number(row, *row.gate->at_most);
  if (!row.why.empty()) text += fmt::format(" ({})", row.why);
  return text;
}

}  // namespace pingperf
