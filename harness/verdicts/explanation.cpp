#include "harness/verdicts/explanation.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <set>
#include <string_view>

#include "harness/base/statistics.h"
#include "harness/verdicts/comparison.h"
#include "harness/verdicts/rank_tests.h"
#include "harness/verdicts/run_medians.h"

namespace pingperf {
namespace {

std::vector<double> flattened(const RunValues& runs) {
  std::vector<double> values;
  for (const std::vector<double>& run : runs) values.insert(values.end(), run.begin(), run.end());
  return values;
}

// A counter, or several that had the same changes, with its changes in all trials.
struct Candidate {
  CounterId counter;
  std::vector<CounterId> same;
  SideChanges base, changed;

  std::vector<double> all() const {
    std::vector<double> values;
    for (const SideChanges* side : {&base, &changed})
      for (const RunValues* runs : {&side->cases, &side->references})
        for (const std::vector<double>& run : *runs)
          values.insert(values.end(), run.begin(), run.end());
    return values;
  }
};

// Returns true if all changes agree within 1 %. Such counters count the same events.
bool are_alike(const std::vector<double>& some, const std::vector<double>& others) {
  constexpr double kTolerance = 0.01;
  return std::ranges::equal(some, others, [](double a, double b) {
    return std::abs(a - b) <= kTolerance * std::min(std::abs(a), std::abs(b));
  });
}

// Returns true if a test of this design can find the counter. The order of the trials does not
// affect the answer, so that the error rates of the test do not change.
bool is_testable(const Candidate& candidate, Design design) {
  const std::vector<double> base = flattened(candidate.base.cases),
                            changed = flattened(candidate.changed.cases);
  const auto is_negative = [](double change) { return change < 0; };
  if (std::ranges::any_of(candidate.all(), is_negative)) return false;  // it counts no events
  std::size_t unequal = 0;
  if (design == Design::pairs)
    for (std::size_t i = 0; i < base.size(); ++i) unequal += base[i] != changed[i];
  else
    unequal =
        base.size() + changed.size() -
        static_cast<std::size_t>(std::ranges::count(base, 0.0) + std::ranges::count(changed, 0.0));
  return unequal >= min_pairs(kLevel);
}

// Returns the counters of all runs that a test can find, those that are alike as one.
std::vector<Candidate> candidates_of(const ComparedTrials& compared) {
  std::set<CounterId> seen;
  std::vector<Candidate> candidates;
  std::vector<std::vector<double>> known;
  for (const CaseTrials* one : compared.all())
    for (const CounterId& counter : one->run.counters->counters()) {
      if (!seen.insert(counter).second) continue;
      Candidate candidate{
          counter, {}, changes_of(compared.base, counter), changes_of(compared.changed, counter)};
      if (!is_testable(candidate, compared.design)) continue;
      std::vector<double> changes = candidate.all();
      const auto alike = std::ranges::find_if(
          known, [&](const auto& others) { return are_alike(changes, others); });
      if (alike != known.end()) {
        candidates[static_cast<std::size_t>(alike - known.begin())].same.push_back(counter);
        continue;
      }
      known.push_back(std::move(changes));
      candidates.push_back(std::move(candidate));
    }
  return candidates;
}

// Returns true if the counter counts packets or bytes, which the payload causes. Its count per byte
// is then the only one that says more than the throughput.
bool counts_traffic(const CounterId& counter) {
  constexpr std::string_view kParts[] = {
      "InReceives",  "InDelivers",   "OutRequests", "OutTransmits", "InSegs", "OutSegs",
      "InDatagrams", "OutDatagrams", "Octets",      "Pkts",         "packet", "bytes",
      "processed",   "napi_poll",    "NET_RX",      "NET_TX",
  };
  return std::ranges::any_of(
      kParts, [&](std::string_view part) { return counter.name.find(part) != std::string::npos; });
}

// The shift of the logarithms of the rates of a counter. It is 0 if p is above kLevel.
struct Found {
  double p_value = 1;
  double center = 0;
};

// Computes only p for most counters, because they did not change, and p takes the least time.
Found find_shift(const Candidate& candidate, const Scaling& scale, Design design) {
  const RunValues before = log_rates(candidate.base, scale.base, design),
                  after = log_rates(candidate.changed, scale.changed, design);
  if (design == Design::runs) {
    const auto shift = estimate_run_shift(before, after);
    return shift ? Found{shift->p_value, shift->center} : Found{};
  }
  if (design == Design::sessions) {
    const double p_value = shift_p_value(before.front(), after.front());
    if (p_value > kLevel) return {p_value, 0};
    return {p_value, estimate_shift(before.front(), after.front()).center};
  }
  std::vector<double> differences;
  for (std::size_t i = 0; i < before.front().size(); ++i)
    differences.push_back(after.front()[i] - before.front()[i]);
  const double p_value = paired_p_value(differences);
  if (p_value > kLevel) return {p_value, 0};
  return {p_value, estimate_paired(differences).center};
}

// A tested counter. `p_value` is 1 if the duration or the payload explains the change.
struct Tested {
  CounterShift shift;
  double size = 0;  // by which the counters are sorted: a logarithm
  double p_value = 1;
};

// Sets the medians, or the means if both medians are 0.
void set_levels(CounterShift& shift, const Candidate& candidate) {
  const std::vector<double> base = flattened(candidate.base.cases),
                            changed = flattened(candidate.changed.cases);
  shift.before = median(base);
  shift.after = median(changed);
  if (shift.before != 0 || shift.after != 0) return;
  shift.before = mean(base);
  shift.after = mean(changed);
}

// Describes a shift that was found. Returns false if it is too small to be of interest.
bool describe_shift(Tested& tested, const Candidate& candidate, double center,
                    const std::string& unit) {
  CounterShift& shift = tested.shift;
  set_levels(shift, candidate);
  shift.unit = unit;
  const double ratio = ratio_of(center);
  const bool has_zero = median(flattened(candidate.base.cases)) == 0 ||
                        median(flattened(candidate.changed.cases)) == 0;
  if (!has_zero && ratio > 0 && std::isfinite(ratio)) {
    shift.ratio = ratio;
    tested.size = std::abs(center);
  } else {
    // The center of mostly equal counts is 0. Any other has the direction of the levels.
    if (center != 0 && (center > 0) != (shift.after > shift.before)) return false;
    tested.size = std::abs(std::log1p(shift.after) - std::log1p(shift.before));
  }
  return tested.size > std::log1p(kThreshold);
}

// Tests a counter in each of the scales. All must find a change in the same direction; the one that
// finds the smallest is reported.
Tested test(const Candidate& candidate, const std::vector<const Scaling*>& scales, Design design) {
  Tested tested;
  tested.shift.counter = candidate.counter;
  tested.shift.same = candidate.same;
  const Scaling* reported = nullptr;
  double center = 0, p_value = 0;
  for (const Scaling* scale : scales) {
    const Found found = find_shift(candidate, *scale, design);
    if (found.p_value > kLevel || (reported && (found.center > 0) != (center > 0))) return tested;
    p_value = std::max(p_value, found.p_value);
    if (reported && std::abs(found.center) >= std::abs(center)) continue;
    reported = scale;
    center = found.center;
  }
  if (!describe_shift(tested, candidate, center, reported->unit)) return tested;
  tested.p_value = p_value;
  return tested;
}

std::vector<CounterShift> explain(const ComparedTrials& compared) {
  if (compared.base.cases.empty() || compared.changed.cases.empty()) return {};
  const Scaling by_time = scaling_by_time(compared);
  const std::optional<Scaling> by_payload = scaling_by_payload(compared);
  std::vector<Tested> all;
  for (const Candidate& candidate : candidates_of(compared)) {
    std::vector<const Scaling*> scales;
    if (!counts_traffic(candidate.counter)) scales.push_back(&by_time);
    if (by_payload) scales.push_back(&*by_payload);
    if (!scales.empty()) all.push_back(test(candidate, scales, compared.design));
  }
  std::vector<double> p_values;
  for (const Tested& tested : all) p_values.push_back(tested.p_value);
  const std::vector<double> q = q_values(p_values);
  for (std::size_t i = 0; i < all.size(); ++i) all[i].shift.q_value = q[i];
  std::erase_if(all, [](const Tested& tested) { return tested.shift.q_value > kLevel; });
  std::ranges::stable_sort(all, std::ranges::greater(), &Tested::size);
  std::vector<CounterShift> shifts;
  for (Tested& tested : all)
    if (shifts.size() < kMaxCounters) shifts.push_back(std::move(tested.shift));
  return shifts;
}

// Returns the names of the cases that the verdicts on differences need.
std::set<std::string> cases_to_read(const std::vector<Verdict>& verdicts) {
  std::set<std::string> cases;
  for (const Verdict& v : verdicts)
    if (is_difference_found(v)) cases.insert({v.case_name, v.baseline});
  cases.erase("");
  return cases;
}

// The runs of one side that have counters.
class CountedRuns {
 public:
  CountedRuns(const RunSet& set, const std::set<std::string>& cases) {
    for (const RunSet::Run& run : set.runs()) {
      if (run.directory.empty()) continue;
      CounterTable counters = CounterTable::read(run.directory, blocks_of(run.trials), cases);
      if (counters.empty()) continue;
      runs_.push_back({&run.trials, &tables_.emplace_back(std::move(counters))});
    }
  }
  const std::vector<CountedTrials>& runs() const noexcept { return runs_; }

 private:
  std::deque<CounterTable> tables_;
  std::vector<CountedTrials> runs_;
};

}  // namespace

bool is_difference_found(const Verdict& verdict) {
  return verdict.decision == Decision::faster || verdict.decision == Decision::slower ||
         verdict.decision == Decision::higher || verdict.decision == Decision::lower;
}

std::vector<CounterShift> explain_pair(const Verdict& verdict, const CountedTrials& run) {
  if (!is_difference_found(verdict)) return {};
  return explain(paired_trials(run, verdict.case_name, verdict.baseline));
}

std::vector<CounterShift> explain_case(const Verdict& verdict,
                                       const std::vector<CountedTrials>& base,
                                       const std::vector<CountedTrials>& new_runs) {
  if (!is_difference_found(verdict)) return {};
  ComparedTrials compared;
  // The row of a reference names itself, and is not divided.
  const std::string reference = verdict.baseline == verdict.case_name ? "" : verdict.baseline;
  for (const CountedTrials& run : base) add_case(compared.base, run, verdict.case_name, reference);
  for (const CountedTrials& run : new_runs)
    add_case(compared.changed, run, verdict.case_name, reference);
  const std::size_t before = compared.base.cases.size(), after = compared.changed.cases.size();
  compared.design = before + after > 2 ? Design::runs : Design::sessions;
  if (compared.design == Design::runs && !are_enough_runs(before, after)) return {};
  return explain(compared);
}

void explain_comparisons(std::vector<Verdict>& verdicts, const std::filesystem::path& run,
                         const TrialTable& trials) {
  const std::set<std::string> cases = cases_to_read(verdicts);
  if (cases.empty()) return;
  const CounterTable counters = CounterTable::read(run, blocks_of(trials), cases);
  if (counters.empty()) return;
  for (Verdict& v : verdicts) v.counters = explain_pair(v, {&trials, &counters});
}

void explain_runs(RunComparison& comparison, const RunSet& base, const RunSet& new_runs) {
  std::set<std::string> cases = cases_to_read(comparison.rows);
  cases.merge(cases_to_read(comparison.references));
  if (cases.empty()) return;
  const CountedRuns before(base, cases), after(new_runs, cases);
  for (auto* rows : {&comparison.rows, &comparison.references})
    for (Verdict& v : *rows) v.counters = explain_case(v, before.runs(), after.runs());
}

}  // namespace pingperf
