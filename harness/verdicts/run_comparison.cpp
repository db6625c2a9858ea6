#include "harness/verdicts/run_comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/math/distributions/hypergeometric.hpp>
#include <boost/math/distributions/normal.hpp>
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
#include "harness/verdicts/run_medians.h"
#include "harness/verdicts/verdict_columns.h"

namespace pingperf {
namespace {

// The values of a case in one side's runs.
struct Side {
  std::vector<double> values;    // as measured
  std::vector<double> relative;  // divided by the reference, or minus the reference
  RunValues runs;                // `relative` by run, as logarithms if ratios are compared
  std::size_t ok_trials = 0;
  std::size_t zeros = 0;  // values that are 0
  std::vector<double> steal_ratios;
  std::vector<double> other_load_ratios;
};

// Names a case, its metric and the way in which they are compared.
struct Subject {
  std::string metric;
  std::string case_name;
  std::string reference;  // empty: none
  bool as_differences;
};

void add_value(Side& side, const Subject& subject, double value, double divisor) {
  side.values.push_back(value);
  side.zeros += value == 0;
  const bool divided = !subject.reference.empty();
  if (subject.as_differences) {
    side.relative.push_back(divided ? value - divisor : value);
    side.runs.back().push_back(side.relative.back());
  } else {
    side.relative.push_back(divided ? value / divisor : value);
    side.runs.back().push_back(divided ? log_of(value) - log_of(divisor) : log_of(value));
  }
}

void add_run(Side& side, const TrialTable& trials, const Subject& subject) {
  std::map<std::uint64_t, double> divisors;
  if (!subject.reference.empty()) divisors = trials.values(subject.reference, subject.metric);
  side.runs.emplace_back();
  for (const auto& [block, value] : trials.values(subject.case_name, subject.metric)) {
    const auto divisor = divisors.find(block);
    const bool has_divisor =
        divisor != divisors.end() && (subject.as_differences || divisor->second > 0);
    if (subject.reference.empty())
      add_value(side, subject, value, 1);
    else if (has_divisor)
      add_value(side, subject, value, divisor->second);
  }
  if (side.runs.back().empty()) side.runs.pop_back();
  side.ok_trials += trials.count_ok(subject.case_name);
  for (double steal : values_of(trials, subject.case_name, "steal_ratio"))
    side.steal_ratios.push_back(steal);
  for (double load : values_of(trials, subject.case_name, "other_load_ratio"))
    side.other_load_ratios.push_back(load);
}

Side side_of(const RunSet& runs, const Subject& subject) {
  Side side;
  for (const RunSet::Run& run : runs.runs()) add_run(side, run.trials, subject);
  return side;
}

// Returns a line about the CPU time that other processes took if it differs between the sides by
// more than kHighOtherLoad, else "".
std::string difference_of_loads(const std::vector<double>& base_loads,
                                const std::vector<double>& new_loads) {
  if (base_loads.empty() || new_loads.empty()) return "";
  const double before = median(base_loads), after = median(new_loads);
  if (std::abs(after - before) <= kHighOtherLoad) return "";
  return fmt::format("others took {:.0f}% of the CPU time, now {:.0f}%", 100 * before, 100 * after);
}

void warn_of_side(Verdict& v, const Side& side, const char* which, const std::string& reference) {
  const std::string_view unit = reference.empty() ? std::string_view(v.metric) : "";
  if (side.zeros == 0 && !v.is_difference)
    warn(v, Trust::unanimous_only,
         reliability_warning(which, unit, side.relative, side.steal_ratios));
  const std::size_t missing = side.ok_trials - std::min(side.ok_trials, side.values.size());
  warn_of_missing(v, missing, side.ok_trials,
                  fmt::format("ok trials of {} have no value{}", which,
                              reference.empty() ? "" : " beside one of the reference"));
}

// Widens the intervals by the difference between sessions, and sets p to that of the wider
// interval.
void widen(ShiftEstimate& shift, double session_sd, double level) {
  const boost::math::normal normal;
  const double error = error_of_sessions(session_sd);
  // Returns the new distance of an end of the interval from the center.
  const auto half_of = [&](double end, double tail) {
    return std::hypot(end - shift.center, boost::math::quantile(normal, tail) * error);
  };
  if (!shift.ci_low || !shift.same_low) return;
  shift.ci_low = shift.center - half_of(*shift.ci_low, level / 2);
  shift.ci_high = shift.center + half_of(*shift.ci_high, level / 2);
  shift.same_low = shift.center - half_of(*shift.same_low, level);
  shift.same_high = shift.center + half_of(*shift.same_high, level);
  const double half = std::max(*shift.ci_high - shift.center, shift.center - *shift.ci_low);
  const double z = std::abs(shift.center) / half * -boost::math::quantile(normal, level / 2);
  shift.p_value = std::max(shift.p_value, 2 * boost::math::cdf(normal, -z));
  // The sessions may be the reason why all trials agree, so the extremes decide nothing.
  shift.least = -std::numeric_limits<double>::infinity();
  shift.most = std::numeric_limits<double>::infinity();
}

// Compares the trials of one run on each side.
void compare_sessions(Verdict& v, const Side& before, const Side& after,
                      const std::string& reference, const Significance& significance) {
  constexpr std::size_t kMinTrials = 6;
  ShiftEstimate shift = estimate_shift(before.runs.front(), after.runs.front(), significance.level);
  const bool is_widened = significance.session_sd && !v.is_difference;  // a share, not a difference
  if (is_widened) widen(shift, *significance.session_sd, significance.level);
  set_estimate(v, shift, significance);
  if (std::min(v.base_n, v.n) < kMinTrials)
    warn(v, Trust::none,
         fmt::format("{} and {} trials: a verdict requires {} on each side", v.base_n, v.n,
                     kMinTrials));
  // A difference between sessions cannot explain zeros on one side only.
  const bool is_beyond_sessions = !v.is_difference && std::isinf(std::log(*v.value));
  if (reference.empty() && !is_widened && !is_beyond_sessions)
    warn(v, Trust::none,
         fmt::format("one run on each side, and sessions differ: a verdict requires 5 runs of the "
                     "base{}",
                     v.is_difference ? " or --relative-to" : ", --relative-to or --session-sd"));
}

// Compares the medians of several runs.
void compare_several(Verdict& v, const Side& before, const Side& after,
                     const Significance& significance) {
  const auto shift = estimate_run_shift(before.runs, after.runs, significance.level);
  if (!shift) return;
  set_estimate(v, *shift, significance);
  if (!are_enough_runs(v.base_runs, v.runs))
    warn(v, Trust::none,
         fmt::format("{} and {} runs: a verdict requires 3 on each side, or 5 and 1", v.base_runs,
                     v.runs));
}

// Returns the names of the cases of `some` that `others` lack.
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

std::vector<std::string> differences_between(const RunSet::Run& base, const RunSet::Run& new_run) {
  std::vector<std::string> lines;
  if (first_text(base, "experiment") != first_text(new_run, "experiment"))
    lines.push_back(fmt::format("experiment: {}, now {}", first_text(base, "experiment"),
                                first_text(new_run, "experiment")));
  if (base.directory.empty() || new_run.directory.empty()) return lines;
  for (std::string& line : environment_differences(base.directory, new_run.directory))
    lines.push_back(std::move(line));
  return lines;
}

// Returns the CPU load by other processes in all trials of all runs.
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

// Counts the trials whose value is 0 as failures, because they transferred nothing.
Failures zeros_of(const RunSet& set, const std::string& case_name, const std::string& metric) {
  Failures zeros;
  for (const RunSet::Run& run : set.runs())
    for (double value : values_of(run.trials, case_name, metric)) {
      ++zeros.all;
      zeros.failed += value == 0;
    }
  return zeros;
}

// Returns the one-sided p of Fisher's exact test for more failures in `after` than in `before`.
double fisher_p(const Failures& before, const Failures& after) {
  const std::size_t failed = before.failed + after.failed;
  const std::size_t fewest = failed - std::min(failed, before.all);  // on the new side
  if (before.all == 0 || after.failed <= fewest) return 1;
  const boost::math::hypergeometric draws(static_cast<unsigned>(failed),
                                          static_cast<unsigned>(after.all),
                                          static_cast<unsigned>(before.all + after.all));
  return boost::math::cdf(boost::math::complement(draws, static_cast<double>(after.failed - 1)));
}

void note_more(RunComparison& comparison, const std::string& subject, const std::string& what,
               const Failures& before, const Failures& after) {
  if (after.failed == 0 || fisher_p(before, after) > kLevel) return;
  comparison.failing.push_back(fmt::format("{}: {} of {} trials {}, {} of {} in the base", subject,
                                           after.failed, after.all, what, before.failed,
                                           before.all));
}

void note_failing(RunComparison& comparison, const std::string& case_name, const RunSet& base,
                  const RunSet& new_runs) {
  note_more(comparison, case_name, "failed", failures_of(base, case_name),
            failures_of(new_runs, case_name));
}

// Returns the parameters that differ between the case's trials in any runs of the two sides, except
// `allowed`: "message_size_bytes 65536, now 131072 (compare --allow message_size)".
std::string parameter_differences(const std::string& case_name, const RunSet& base,
                                  const RunSet& new_runs, const std::vector<std::string>& allowed) {
  const auto texts_in = [&](const RunSet& set, const std::string& column) {
    std::set<std::string> texts;
    for (const RunSet::Run& run : set.runs())
      if (const auto& rows = run.trials.rows_of(case_name); !rows.empty())
        texts.emplace(run.trials.text(run.trials.rows()[rows.front()], column));
    texts.erase("");
    return texts;
  };
  std::vector<std::string> lines;
  for (const Parameter& parameter : parameters()) {
    const std::string column(parameter.column);
    if (column.empty() || std::ranges::count(allowed, parameter.name) > 0) continue;
    const std::set<std::string> before = texts_in(base, column), after = texts_in(new_runs, column);
    if (before.empty() || after.empty() || (before.size() == 1 && before == after)) continue;
    lines.push_back(fmt::format("{} {}, now {} (compare --allow {})", column,
                                fmt::join(before, " or "), fmt::join(after, " or "),
                                parameter.name));
  }
  return fmt::format("{}", fmt::join(lines, "; "));
}

// Adds the comparison of each metric of a case.
void compare_metrics(RunComparison& comparison, const std::string& case_name, const RunSet& base,
                     const RunSet& new_runs, const CompareOptions& options,
                     const std::string& reference) {
  Significance significance = options.significance;
  if (!reference.empty() && !significance.session_sd) significance.session_sd = kReferenceSessionSd;
  const std::string unlike = parameter_differences(case_name, base, new_runs, options.allowed);
  for (const std::string& metric : options.metrics) {
    Verdict v = compare_case(metric, case_name, base, new_runs, reference, significance);
    if (!unlike.empty()) warn(v, Trust::none, "not the same case: " + unlike);
    if (v.base_n > 0 && v.n == 0)
      comparison.unmeasured.push_back(fmt::format("{} {}", case_name, metric));
    else if (v.base_n == 0 && v.n > 0)
      comparison.only_new.push_back(fmt::format("{} {}", case_name, metric));
    else if (v.base_n > 0)
      comparison.rows.push_back(std::move(v));
    if (base.runs().size() + new_runs.runs().size() == 2)
      comparison.session_sd = significance.session_sd;
    if (find_metric(metric)->better == Better::higher)
      note_more(comparison, fmt::format("{} {}", case_name, metric), "got 0",
                zeros_of(base, case_name, metric), zeros_of(new_runs, case_name, metric));
  }
}

// Returns true if a search chose a parameter of the case's trials.
bool has_searched(const RunSet& set, const std::string& case_name) {
  return std::ranges::any_of(
      set.runs(), [&](const RunSet::Run& run) { return run.trials.is_searched(case_name); });
}

// Returns true if a trial of the case has one of the metrics.
bool has_any(const RunSet& set, const std::string& case_name,
             const std::vector<std::string>& metrics) {
  return std::ranges::any_of(set.runs(), [&](const RunSet::Run& run) {
    return std::ranges::any_of(metrics, [&](const std::string& metric) {
      return !run.trials.values(case_name, metric).empty();
    });
  });
}

// Adds the comparisons of a reference case itself.
void compare_reference(RunComparison& comparison, const std::string& reference, const RunSet& base,
                       const RunSet& new_runs, const CompareOptions& options) {
  note_failing(comparison, reference, base, new_runs);
  for (const std::string& metric : options.metrics) {
    Verdict v = compare_case(metric, reference, base, new_runs, "", options.significance);
    v.baseline = reference;
    if (v.base_n > 0 && v.n > 0) comparison.references.push_back(std::move(v));
  }
}

}  // namespace

Verdict compare_case(const std::string& metric, const std::string& case_name, const RunSet& base,
                     const RunSet& new_runs, const std::string& reference,
                     const Significance& significance) {
  Verdict v{.metric = metric, .case_name = case_name, .baseline = reference};
  v.is_difference = find_metric(metric)->min_difference.has_value();
  const Subject subject{metric, case_name, reference, v.is_difference};
  const Side before = side_of(base, subject), after = side_of(new_runs, subject);
  v.base_n = before.values.size();
  v.n = after.values.size();
  v.base_runs = before.runs.size();
  v.runs = after.runs.size();
  if (v.base_n > 0) v.base_median = median(before.values);
  if (v.n > 0) v.new_median = median(after.values);
  if (v.base_n == 0 || v.n == 0) return v;
  if (reference.empty())  // a reference would have the same load
    warn(v, Trust::none, difference_of_loads(before.other_load_ratios, after.other_load_ratios));
  v.base_relative = median(before.relative);
  v.new_relative = median(after.relative);
  if (v.base_runs + v.runs > 2)
    compare_several(v, before, after, significance);
  else
    compare_sessions(v, before, after, reference, significance);
  warn_of_side(v, before, "base", reference);
  warn_of_side(v, after, "new", reference);
  return v;
}

RunComparison compare_runs(const RunSet& base, const RunSet& new_runs,
                           const CompareOptions& options) {
  RunComparison comparison;
  const std::string& relative_to = options.relative_to;
  std::vector<Case> old_cases = base.cases(), new_cases = new_runs.cases();
  for (std::vector<Case>* const cases : {&old_cases, &new_cases})
    std::erase_if(*cases, [&](const Case& c) {
      return has_searched(base, c.name) || has_searched(new_runs, c.name);
    });
  comparison.only_base = missing_from(new_cases, old_cases);
  comparison.only_new = missing_from(old_cases, new_cases);
  const std::set<std::string> fresh(comparison.only_new.begin(), comparison.only_new.end());
  std::set<std::string> references;
  bool has_reference = relative_to.empty();
  for (const Case& c : new_cases) {
    has_reference = has_reference || is_reference(c, relative_to);
    if (is_reference(c, relative_to) || fresh.contains(c.name)) continue;
    const std::string reference =
        relative_to.empty() ? "" : reference_of(c.name, relative_to, new_cases);
    if (reference.empty() && !relative_to.empty()) {
      if (has_any(new_runs, c.name, options.metrics)) comparison.unreferenced.push_back(c.name);
      continue;
    }
    note_failing(comparison, c.name, base, new_runs);
    compare_metrics(comparison, c.name, base, new_runs, options, reference);
    if (!reference.empty() && references.insert(reference).second)
      compare_reference(comparison, reference, base, new_runs, options);
  }
  if (!has_reference)
    throw UsageError(fmt::format("relative to '{}': no case of the new run has that", relative_to));
  decide_family(comparison.rows, options.significance);
  add_power(comparison.rows, options.significance);
  decide_family(comparison.references, options.significance);
  comparison.differences = differences_between(base.runs().front(), new_runs.runs().front());
  if (const std::string loads = difference_of_loads(loads_of(base), loads_of(new_runs));
      !loads.empty())
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
  json["references"] = verdicts_json(VerdictList::runs, comparison.references);
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace pingperf
