#include "harness/verdicts/run_comparison.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "harness/base/statistics.h"
#include "harness/base/usage_error.h"
#include "harness/results/columns.h"
#include "harness/results/environment.h"
#include "harness/results/warnings.h"
#include "harness/verdicts/pairing.h"
#include "harness/verdicts/verdict_columns.h"

namespace pingperf {
namespace {

// The values of a case in one side's runs.
struct Side {
  std::vector<double> values;       // as measured
  std::vector<double> logs;         // of what is compared
  std::vector<double> run_medians;  // of logs, one a run
  std::size_t zeros = 0;            // values that have no logarithm
  std::vector<double> steal_ratios;
  std::vector<double> other_load_ratios;
};

void add_run(Side& side, const TrialTable& trials, const std::string& metric,
             const std::string& case_name, const std::string& reference) {
  std::map<std::uint64_t, double> divisors;
  if (!reference.empty()) divisors = trials.values(reference, metric);
  std::vector<double> logs;
  for (const auto& [block, value] : trials.values(case_name, metric)) {
    const auto divisor = divisors.find(block);
    if (!reference.empty() && (divisor == divisors.end() || divisor->second <= 0)) continue;
    side.values.push_back(value);
    if (value > 0)
      logs.push_back(std::log(reference.empty() ? value : value / divisor->second));
    else
      ++side.zeros;
  }
  for (double steal : values_of(trials, case_name, "steal_ratio"))
    side.steal_ratios.push_back(steal);
  for (double load : values_of(trials, case_name, "other_load_ratio"))
    side.other_load_ratios.push_back(load);
  if (logs.empty()) return;
  side.run_medians.push_back(median(logs));
  side.logs.insert(side.logs.end(), logs.begin(), logs.end());
}

Side side_of(const RunSet& runs, const std::string& metric, const std::string& case_name,
             const std::string& reference) {
  Side side;
  for (const RunSet::Run& run : runs.runs())
    add_run(side, run.trials, metric, case_name, reference);
  return side;
}

std::vector<double> exponentials(std::vector<double> logs) {
  for (double& value : logs) value = std::exp(value);
  return logs;
}

double range(const std::vector<double>& values) {
  if (values.empty()) return 0;
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return *high - *low;
}

// What others took of the CPU time on the two sides, when that differs by more than disturbs.
std::string difference_of_loads(const std::vector<double>& base, const std::vector<double>& now) {
  if (base.empty() || now.empty()) return "";
  const double before = median(base), after = median(now);
  if (std::abs(after - before) <= kHighOtherLoad) return "";
  return fmt::format("others took {:.0f}% of the CPU time, now {:.0f}%", 100 * before, 100 * after);
}

// Runs of one side that differ among themselves as much as the sides do: then the shift between the
// sides may be no more than that between sessions, which trials within a run cannot tell.
std::string warn_of_sessions(const Side& base, const Side& now, double shift, double threshold) {
  const double apart = range(base.run_medians) + range(now.run_medians);
  if (apart <= std::log1p(threshold) || apart < std::abs(shift)) return "";
  return fmt::format("the runs of one side alone differ by {:.0f}%", 100 * std::expm1(apart));
}

std::string warn_of_sides(std::string_view metric, const Side& base, const Side& now, double shift,
                          double threshold) {
  if (const std::size_t zeros = base.zeros + now.zeros; zeros > 0)
    return fmt::format("{} of {} values are 0, and have no ratio", zeros,
                       base.values.size() + now.values.size());
  std::string warning =
      reliability_warning("base", metric, exponentials(base.logs), base.steal_ratios);
  if (warning.empty())
    warning = reliability_warning("new", metric, exponentials(now.logs), now.steal_ratios);
  if (warning.empty()) warning = warn_of_sessions(base, now, shift, threshold);
  return warning;
}

// Names of the cases of `some` that `others` lack.
std::vector<std::string> missing_from(const std::vector<Case>& others,
                                      const std::vector<Case>& some) {
  std::set<std::string> known;
  for (const Case& c : others) known.insert(c.name);
  std::vector<std::string> names;
  for (const Case& c : some)
    if (!known.contains(c.name)) names.push_back(c.name);
  return names;
}

std::string_view first_text(const RunSet::Run& run, std::string_view column) {
  return run.trials.rows().empty() ? std::string_view()
                                   : run.trials.text(run.trials.rows().front(), column);
}

std::vector<std::string> differences_between(const RunSet::Run& base, const RunSet::Run& now) {
  std::vector<std::string> lines;
  if (first_text(base, "experiment") != first_text(now, "experiment"))
    lines.push_back(fmt::format("experiment: {}, now {}", first_text(base, "experiment"),
                                first_text(now, "experiment")));
  if (base.directory.empty() || now.directory.empty()) return lines;
  for (std::string& line : environment_differences(base.directory, now.directory))
    lines.push_back(std::move(line));
  return lines;
}

// Of all trials of all runs.
std::vector<double> loads_of(const RunSet& set) {
  std::vector<double> loads;
  for (const RunSet::Run& run : set.runs())
    for (const Case& c : set.cases())
      for (double load : values_of(run.trials, c.name, "other_load_ratio")) loads.push_back(load);
  return loads;
}

struct Failures {
  std::size_t failed = 0, all = 0;
};

Failures failures_of(const RunSet& set, const std::string& case_name) {
  Failures failures;
  for (const RunSet::Run& run : set.runs())
    for (std::size_t i : run.trials.rows_of(case_name)) {
      const std::string_view status = run.trials.text(run.trials.rows()[i], "status");
      ++failures.all;
      failures.failed += status != "ok" && status != "interrupted";
    }
  return failures;
}

// Where the share of failed trials grew by more than a tenth.
void note_failing(RunComparison& comparison, const std::string& case_name, const RunSet& base,
                  const RunSet& now) {
  const Failures before = failures_of(base, case_name), after = failures_of(now, case_name);
  if (10 * after.failed * before.all <= (10 * before.failed + before.all) * after.all) return;
  comparison.failing.push_back(fmt::format("{}: {} of {} trials, {} of {} in the base", case_name,
                                           after.failed, after.all, before.failed, before.all));
}

void compare_metrics(RunComparison& comparison, const std::string& case_name, const RunSet& base,
                     const RunSet& now, const std::vector<std::string>& metrics,
                     const std::string& reference, const Significance& significance) {
  for (const std::string& metric : metrics) {
    Verdict row = compare_case(metric, case_name, base, now, reference, significance);
    if (row.base_n > 0 && row.n == 0)
      comparison.unmeasured.push_back(fmt::format("{} {}", case_name, metric));
    else if (row.base_n == 0 && row.n > 0)
      comparison.only_new.push_back(fmt::format("{} {}", case_name, metric));
    else if (row.base_n > 0)
      comparison.rows.push_back(std::move(row));
  }
}

}  // namespace

Verdict compare_case(const std::string& metric, const std::string& case_name, const RunSet& base,
                     const RunSet& now, const std::string& reference,
                     const Significance& significance) {
  Verdict row;
  row.metric = metric;
  row.case_name = case_name;
  row.baseline = reference;
  const Side before = side_of(base, metric, case_name, reference);
  const Side after = side_of(now, metric, case_name, reference);
  row.base_n = before.values.size();
  row.n = after.values.size();
  if (row.base_n > 0) row.base_median = median(before.values);
  if (row.n > 0) row.new_median = median(after.values);
  if (row.base_n == 0 || row.n == 0) return row;
  double shift = 0;
  if (!before.logs.empty() && !after.logs.empty()) {
    const ShiftEstimate estimate = estimate_shift(before.logs, after.logs, significance.level);
    set_ratio_estimate(row, estimate, significance, 2);
    shift = estimate.center;
  }
  const std::string_view unit = reference.empty() ? std::string_view(metric) : "";
  row.warning = warn_of_sides(unit, before, after, shift, significance.threshold);
  if (!reference.empty()) return row;  // it bore the same load
  const std::string loads = difference_of_loads(before.other_load_ratios, after.other_load_ratios);
  if (loads.empty()) return row;
  row.warning = loads;
  row.least = 0;  // every trial may say the same, and the load have made it say so
  row.most = std::numeric_limits<double>::infinity();
  return row;
}

RunComparison compare_runs(const RunSet& base, const RunSet& now,
                           const std::vector<std::string>& metrics, const std::string& relative_to,
                           const Significance& significance) {
  RunComparison comparison;
  const std::vector<Case> old_cases = base.cases(), new_cases = now.cases();
  comparison.only_base = missing_from(new_cases, old_cases);
  comparison.only_new = missing_from(old_cases, new_cases);
  const std::set<std::string> fresh(comparison.only_new.begin(), comparison.only_new.end());
  bool has_reference = relative_to.empty();
  for (const Case& c : new_cases) {
    has_reference = has_reference || is_reference(c, relative_to);
    if (is_reference(c, relative_to) || fresh.contains(c.name)) continue;
    const std::string reference =
        relative_to.empty() ? "" : reference_of(c.name, relative_to, new_cases);
    if (reference.empty() && !relative_to.empty()) {
      comparison.unreferenced.push_back(c.name);
      continue;
    }
    note_failing(comparison, c.name, base, now);
    compare_metrics(comparison, c.name, base, now, metrics, reference, significance);
  }
  if (!has_reference)
    throw UsageError(fmt::format("relative to '{}': no case of the new run has that", relative_to));
  decide_family(comparison.rows, significance);
  comparison.differences = differences_between(base.runs().front(), now.runs().front());
  if (const std::string loads = difference_of_loads(loads_of(base), loads_of(now)); !loads.empty())
    comparison.differences.push_back("load: " + loads);
  return comparison;
}

std::string run_comparison_json(const RunComparison& comparison) {
  nlohmann::ordered_json json;
  json["schema_version"] = kSchemaVersion;
  json["differences"] = comparison.differences;
  json["only_base"] = comparison.only_base;
  json["only_new"] = comparison.only_new;
  json["unmeasured"] = comparison.unmeasured;
  json["failing"] = comparison.failing;
  json["without_reference"] = comparison.unreferenced;
  json["rows"] = verdicts_json(VerdictList::runs, comparison.rows);
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace pingperf
