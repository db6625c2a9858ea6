#include "harness/verdicts/counter_rates.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>

#include "harness/verdicts/rank_tests.h"

namespace pingperf {
namespace {

// The columns of trials.csv with the payload of a trial, those of the whole trial first.
struct PayloadColumn {
  std::string_view name;
  bool is_rate;  // per second
  std::string_view unit;
};
constexpr PayloadColumn kPayloads[] = {{"total_exchanges", false, "round trip"},
                                       {"total_bytes_received", false, "byte"},
                                       {"rate_hz", true, "round trip"},
                                       {"throughput_bps", true, "byte"}};
constexpr std::string_view kLengthColumn = "elapsed_s";

// The column of trials.csv that the changes are divided by.
struct RateUnit {
  std::string name;
  std::string_view column;  // empty: one per trial
  bool is_rate = false;     // the column is multiplied by the length of the trial
};

std::vector<std::uint64_t> ok_blocks(const TrialTable& trials, const std::string& case_name) {
  std::vector<std::uint64_t> blocks;
  for (std::size_t i : trials.rows_of(case_name)) {
    const auto row = trials.rows()[i];
    if (trials.is_ok(row)) blocks.push_back(trials.block(row));
  }
  std::ranges::sort(blocks);
  return blocks;
}

std::vector<std::uint64_t> common(const std::vector<std::uint64_t>& some,
                                  const std::vector<std::uint64_t>& others) {
  std::vector<std::uint64_t> both;
  std::ranges::set_intersection(some, others, std::back_inserter(both));
  return both;
}

// Returns a column of the trials, or nothing if a trial has no value above 0 there, unless
// `may_be_0`.
std::optional<std::vector<double>> column_of(const CaseTrials& one, std::string_view column,
                                             bool may_be_0) {
  const std::map<std::uint64_t, double> values = one.run.trials->values(one.name, column);
  std::vector<double> amounts;
  for (const std::uint64_t block : one.blocks) {
    const auto value = values.find(block);
    if (value == values.end() || (value->second <= 0 && !may_be_0)) return std::nullopt;
    amounts.push_back(value->second);
  }
  return amounts;
}

bool all_have(const ComparedTrials& compared, std::string_view column, bool may_be_0) {
  return std::ranges::all_of(compared.all(), [&](const CaseTrials* one) {
    return column_of(*one, column, may_be_0).has_value();
  });
}

// Returns the unit of time. Trials of another tool may have no length.
RateUnit unit_of_time(const ComparedTrials& compared) {
  if (all_have(compared, kLengthColumn, false)) return {"second", kLengthColumn};
  return {"trial", {}};
}

// Returns the unit of the payload that all trials have.
std::optional<RateUnit> unit_of_payload(const ComparedTrials& compared, const RateUnit& time) {
  for (const PayloadColumn& payload : kPayloads)
    if (all_have(compared, payload.name, true))
      return RateUnit{std::string(payload.unit), payload.name,
                      payload.is_rate && !time.column.empty()};
  return std::nullopt;
}

std::vector<double> amounts_of(const CaseTrials& one, const RateUnit& unit) {
  if (unit.column.empty()) return std::vector<double>(one.blocks.size(), 1);
  std::vector<double> amounts = *column_of(one, unit.column, true);
  if (!unit.is_rate) return amounts;
  const std::vector<double> lengths = *column_of(one, kLengthColumn, true);
  for (std::size_t i = 0; i < amounts.size(); ++i) amounts[i] *= lengths[i];
  return amounts;
}

SideChanges amounts_of(const ComparedSide& side, const RateUnit& unit) {
  SideChanges amounts;
  for (const CaseTrials& one : side.cases) amounts.cases.push_back(amounts_of(one, unit));
  for (const CaseTrials& one : side.references) amounts.references.push_back(amounts_of(one, unit));
  return amounts;
}

Scaling scaling_of(const ComparedTrials& compared, const RateUnit& unit) {
  return {unit.name, amounts_of(compared.base, unit), amounts_of(compared.changed, unit)};
}

double log_rate(double change, double amount, Design design) {
  if (design == Design::runs) return std::log1p(change) - log_of(amount);
  return change > 0 ? log_of(change) - log_of(amount) : kLogOfZero;
}

}  // namespace

std::vector<const CaseTrials*> ComparedTrials::all() const {
  std::vector<const CaseTrials*> all;
  for (const ComparedSide* side : {&base, &changed})
    for (const auto* cases : {&side->cases, &side->references})
      for (const CaseTrials& one : *cases) all.push_back(&one);
  return all;
}

ComparedTrials paired_trials(const CountedTrials& run, const std::string& candidate,
                             const std::string& baseline) {
  ComparedTrials compared;
  const std::vector<std::uint64_t> blocks =
      common(ok_blocks(*run.trials, candidate), ok_blocks(*run.trials, baseline));
  if (blocks.empty()) return compared;
  compared.base.cases.push_back({run, baseline, blocks});
  compared.changed.cases.push_back({run, candidate, blocks});
  return compared;
}

void add_case(ComparedSide& side, const CountedTrials& run, const std::string& name,
              const std::string& reference) {
  std::vector<std::uint64_t> blocks = ok_blocks(*run.trials, name);
  if (!reference.empty()) blocks = common(blocks, ok_blocks(*run.trials, reference));
  if (blocks.empty()) return;
  side.cases.push_back({run, name, blocks});
  if (!reference.empty()) side.references.push_back({run, reference, blocks});
}

SideChanges changes_of(const ComparedSide& side, const CounterId& counter) {
  SideChanges changes;
  for (const CaseTrials& one : side.cases)
    changes.cases.push_back(one.run.counters->changes(one.name, counter, one.blocks));
  for (const CaseTrials& one : side.references)
    changes.references.push_back(one.run.counters->changes(one.name, counter, one.blocks));
  return changes;
}

Scaling scaling_by_time(const ComparedTrials& trials) {
  return scaling_of(trials, unit_of_time(trials));
}

std::optional<Scaling> scaling_by_payload(const ComparedTrials& trials) {
  const auto unit = unit_of_payload(trials, unit_of_time(trials));
  return unit ? std::optional(scaling_of(trials, *unit)) : std::nullopt;
}

RunValues log_rates(const SideChanges& changes, const SideChanges& amounts, Design design) {
  RunValues rates;
  for (std::size_t run = 0; run < changes.cases.size(); ++run) {
    std::vector<double>& of_run = rates.emplace_back();
    for (std::size_t i = 0; i < changes.cases[run].size(); ++i) {
      double rate = log_rate(changes.cases[run][i], amounts.cases[run][i], design);
      if (!changes.references.empty())
        rate -= log_rate(changes.references[run][i], amounts.references[run][i], design);
      of_run.push_back(rate);
    }
  }
  return rates;
}

}  // namespace pingperf
