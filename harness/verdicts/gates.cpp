#include "harness/verdicts/gates.h"

#include <algorithm>

#include "harness/base/statistics.h"
#include "harness/verdicts/comparison.h"
#include "harness/verdicts/run_comparison.h"

namespace pingperf {
namespace {

// Returns the median of the case itself, for an absolute bound.
Verdict measure_case(const std::string& metric, const std::string& case_name,
                     const TrialTable& trials, double level) {
  Verdict v{.metric = metric, .case_name = case_name};
  const std::vector<double> values = values_of(trials, case_name, metric);
  v.n = values.size();
  if (values.empty()) return v;
  v.value = v.new_median = median(values);
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  v.least = *least;
  v.most = *most;
  if (const auto interval = median_interval(values, level)) {
    v.ci_low = interval->first;
    v.ci_high = interval->second;
  }
  warn(v, Trust::unanimous_only,
       reliability_warning(case_name, metric, values, values_of(trials, case_name, "steal_ratio")));
  const std::size_t all = trials.rows_of(case_name).size();
  warn_of_missing(v, all - values.size(), all, "trials have no value");
  return v;
}

// Measures one case of a gate against the stored run, within this run, or by itself.
Verdict measure(const Gate& gate, const CasePair& pair, const TrialTable& trials,
                const Significance& significance) {
  if (gate.stored) {
    Verdict v = compare_case(gate.metric, pair.candidate, *gate.stored, RunSet::of(trials),
                             pair.baseline, significance);
    v.n = std::min(v.base_n, v.n);
    v.baseline = gate.against;
    return v;
  }
  if (!pair.baseline.empty()) return compare_pair(gate.metric, pair, trials, significance);
  return measure_case(gate.metric, pair.candidate, trials, significance.level);
}

// Returns the gate of a case that no stored run has yet: `missing: pass`. It fails if this run has
// no value.
Verdict judge_without_baseline(const Gate& gate, const CasePair& pair, const TrialTable& trials) {
  Verdict v{.metric = gate.metric, .case_name = pair.candidate, .baseline = gate.against};
  v.bound = gate.bound;
  for (const std::string& name : {pair.candidate, pair.baseline})
    if (!name.empty() && values_of(trials, name, gate.metric).empty()) {
      decide_gate(v);
      return v;
    }
  v.decision = Decision::passed;
  v.warning = gate.stored ? "passed, because the stored run has no such case yet"
                          : "passed, because there is no stored run yet";
  return v;
}

}  // namespace

std::vector<Verdict> judge_gates(const Criteria& criteria, const TrialTable& trials) {
  const Significance significance = significance_of(criteria, blocks_of(trials));
  std::vector<Verdict> verdicts;
  for (const Gate& gate : criteria.gates) {
    for (const CasePair& pair : gate.without_baseline)
      verdicts.push_back(judge_without_baseline(gate, pair, trials));
    for (const CasePair& pair : gate.pairs) {
      Verdict& v = verdicts.emplace_back(measure(gate, pair, trials, significance));
      v.bound = gate.bound;
      decide_gate(v);
    }
  }
  return verdicts;
}

}  // namespace pingperf
