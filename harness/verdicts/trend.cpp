#include "harness/verdicts/trend.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fnmatch.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <sstream>
#include <tuple>

#include "harness/base/counted.h"
#include "harness/base/statistics.h"
#include "harness/base/usage_error.h"
#include "harness/results/columns.h"
#include "harness/results/run_set.h"
#include "harness/verdicts/pairing.h"
#include "harness/verdicts/rank_tests.h"
#include "harness/verdicts/run_medians.h"
#include "sockets/core/options.h"

namespace pingperf {
namespace {

constexpr double kMaxTrendQ = 0.05;

// Returns the values on the scale on which changes are searched.
std::vector<double> scaled_values(const TrendSeries& series) {
  std::vector<double> values;
  for (const TrendPoint& point : series.points)
    values.push_back(series.is_difference ? point.value : std::log(point.value));
  return values;
}

TrendLevel level_of(const TrendSeries& series, std::size_t begin, std::size_t end) {
  std::vector<double> values;
  for (std::size_t i = begin; i < end; ++i) values.push_back(series.points[i].value);
  TrendLevel level{values.size(), median(values), {}, {}};
  if (const auto interval = median_interval(values))
    std::tie(level.ci_low, level.ci_high) = std::pair(interval->first, interval->second);
  return level;
}

// Returns the size of a change with its interval, on the scale of `values`.
ShiftEstimate shift_at(const std::vector<double>& values, const ChangePoint& at) {
  const auto begin = values.begin();
  const std::vector<double> before(begin + static_cast<std::ptrdiff_t>(at.begin),
                                   begin + static_cast<std::ptrdiff_t>(at.first));
  const std::vector<double> after(begin + static_cast<std::ptrdiff_t>(at.first),
                                  begin + static_cast<std::ptrdiff_t>(at.end));
  if (std::min(before.size(), after.size()) >= kMinPermutedPart)
    return estimate_shift(before, after);
  RunValues old_runs, new_runs;  // too few for ranks
  for (double value : before) old_runs.push_back({value});
  for (double value : after) new_runs.push_back({value});
  return estimate_run_shift(old_runs, new_runs).value_or(ShiftEstimate{});
}

// Returns the change at a place, without its q value and environment.
TrendChange trend_change(const TrendSeries& series, const std::vector<double>& values,
                         const ChangePoint& at) {
  const ShiftEstimate shift = shift_at(values, at);
  const auto size_of = [&](double scaled) {
    return series.is_difference ? scaled : std::exp(scaled);
  };
  TrendChange change{.at = at, .size = size_of(shift.center)};
  if (shift.ci_low) change.ci_low = size_of(*shift.ci_low);
  if (shift.ci_high) change.ci_high = size_of(*shift.ci_high);
  change.before = level_of(series, at.begin, at.first);
  change.after = level_of(series, at.first, at.end);
  const Better better = find_metric(series.metric)->better;
  change.is_worse = better != Better::neither && (shift.center < 0) == (better == Better::higher);
  return change;
}

// Returns true if the change is as large as the threshold, or as a difference that matters.
bool is_large(const TrendSeries& series, const TrendChange& change, double threshold) {
  if (!series.is_difference) return std::abs(std::log(change.size)) >= std::log1p(threshold);
  const std::optional<double> least = find_metric(series.metric)->min_difference;
  if (least && series.reference.empty()) return std::abs(change.size) >= *least;
  return std::abs(change.size) >= threshold * std::abs(change.before.median);
}

// The changes of one series while the family is decided.
struct SeriesSearch {
  std::vector<double> values;
  std::vector<ChangePoint> changes;
  bool had_small = false;  // a change was removed because it is small
};

using SeriesSearches = std::map<const TrendSeries*, SeriesSearch>;

void set_changes(TrendSeries& series, const SeriesSearch& search) {
  series.changes.clear();
  for (const ChangePoint& at : search.changes)
    series.changes.push_back(trend_change(series, search.values, at));
}

// Removes small changes, and tests their neighbours again.
void remove_small(TrendSeries& series, SeriesSearch& search, const TrendOptions& options) {
  for (;;) {
    set_changes(series, search);
    const auto small = std::ranges::find_if(series.changes, [&](const TrendChange& change) {
      return !is_large(series, change, options.threshold);
    });
    if (small == series.changes.end()) return;
    search.had_small = true;
    search.changes.erase(search.changes.begin() + (small - series.changes.begin()));
    test_changes_again(search.values, options.search, search.changes);
  }
}

// Sets the q values. A series without a change joins the family with the p value of its best
// candidate, or with 1 if its changes were too small: they must not lower the q values of others.
// Returns the series and index of the change with the largest q value.
std::pair<TrendSeries*, std::size_t> set_q_values(std::vector<TrendSeries>& all,
                                                  const SeriesSearches& searches) {
  std::vector<double> p_values;
  for (const TrendSeries& series : all) {
    if (!series.unjudged.empty()) continue;
    if (series.changes.empty())
      p_values.push_back(searches.at(&series).had_small ? 1 : series.p_value);
    for (const TrendChange& change : series.changes) p_values.push_back(change.at.p_value);
  }
  const std::vector<double> q = q_values(p_values);
  std::size_t next = 0;
  std::pair<TrendSeries*, std::size_t> worst{nullptr, 0};
  for (TrendSeries& series : all) {
    if (!series.unjudged.empty()) continue;
    next += series.changes.empty();
    for (std::size_t i = 0; i < series.changes.size(); ++i) {
      series.changes[i].q_value = q[next++];
      if (!worst.first || series.changes[i].q_value > worst.first->changes[worst.second].q_value)
        worst = {&series, i};
    }
  }
  return worst;
}

// Decides all series as one family: removes the least significant change until all have a small q.
void decide_trend(std::vector<TrendSeries>& all, const TrendOptions& options) {
  SeriesSearches searches;
  for (TrendSeries& series : all) {
    if (series.unjudged.empty() && series.points.size() < options.min_runs)
      series.unjudged = fmt::format("{}: a change point requires {}",
                                    counted(series.points.size(), "run"), options.min_runs);
    if (!series.unjudged.empty()) continue;
    SeriesSearch& search = searches[&series];
    search.values = scaled_values(series);
    ChangePoints found = find_change_points(search.values, options.search);
    series.p_value = found.p_value;
    search.changes = std::move(found.changes);
    remove_small(series, search, options);
  }
  for (;;) {
    const auto [series, index] = set_q_values(all, searches);
    if (!series || series->changes[index].q_value <= kMaxTrendQ) return;
    SeriesSearch& search = searches.at(series);
    search.changes.erase(search.changes.begin() + static_cast<std::ptrdiff_t>(index));
    test_changes_again(search.values, options.search, search.changes);
    remove_small(*series, search, options);
  }
}

// Returns true if the text begins with the column of a parameter: "size_mix=64:1".
bool begins_parameter(const std::string& text) {
  const std::string column = text.substr(0, text.find('='));
  return column.size() < text.size() &&
         (column == "kind" || column == "engine" || column == "transport" ||
          std::ranges::find(parameters(), column, &Parameter::column) != parameters().end());
}

// Returns the parameters of a text. Values may have blanks: "size_mix=64:1 1400:3".
std::vector<std::string> split_parameters(const std::string& text) {
  std::vector<std::string> split;
  std::istringstream in(text);
  for (std::string word; in >> word;)
    if (split.empty() || begins_parameter(word))
      split.push_back(word);
    else
      split.back() += " " + word;
  return split;
}

// Returns the parameters of one text that the other lacks: "rate_bps=100", or "none".
std::string parameters_only_in(const std::string& text, const std::string& other) {
  const std::vector<std::string> others = split_parameters(other);
  std::vector<std::string> only = split_parameters(text);
  std::erase_if(only, [&](const std::string& parameter) {
    return std::ranges::find(others, parameter) != others.end();
  });
  return only.empty() ? "none" : fmt::format("{}", fmt::join(only, " "));
}

// Sets what changed in the environment within one run of each change: its place is no more exact.
void set_environment(const Trend& trend, TrendSeries& series, History& history) {
  const auto add_parameters = [&](TrendChange& change, const char* what, std::int64_t before,
                                  std::int64_t after) {
    if (before == after) return;
    const std::string old = history.parameters(before), now = history.parameters(after);
    change.environment.push_back(fmt::format("{}: {}, now {}", what, parameters_only_in(old, now),
                                             parameters_only_in(now, old)));
  };
  for (TrendChange& change : series.changes) {
    const std::size_t last = std::min(change.at.first + 1, series.points.size() - 1);
    for (std::size_t i = std::max<std::size_t>(change.at.first - 1, 1); i <= last; ++i) {
      const TrendPoint &before = series.points[i - 1], &after = series.points[i];
      for (std::string& line : changed_facts(trend.runs[before.run], trend.runs[after.run]))
        change.environment.push_back(std::move(line));
      add_parameters(change, "parameters", before.parameters, after.parameters);
      add_parameters(change, "parameters of the reference", before.reference_parameters,
                     after.reference_parameters);
    }
  }
}

// The points of an experiment by the name of the case, in the order of the runs.
using CasePoints = std::map<std::string, std::vector<TrendPoint>>;

// Returns the cases in the order of their first runs, then of their names.
std::vector<Case> cases_in(const CasePoints& points) {
  std::vector<std::pair<std::size_t, std::string>> order;
  for (const auto& [name, of_case] : points) order.emplace_back(of_case.front().run, name);
  std::ranges::sort(order);
  std::vector<Case> cases;
  for (const auto& [run, name] : order) cases.push_back(case_named(name));
  return cases;
}

// Returns the points divided by those of the reference in the same runs.
std::vector<TrendPoint> relative_points(const std::vector<TrendPoint>& points,
                                        const std::vector<TrendPoint>& reference) {
  std::vector<TrendPoint> ratios;
  auto divisor = reference.begin();
  for (const TrendPoint& point : points) {
    while (divisor != reference.end() && divisor->run < point.run) ++divisor;
    if (divisor == reference.end()) break;
    if (divisor->run == point.run && divisor->value > 0)
      ratios.push_back(
          {point.run, point.value / divisor->value, point.parameters, divisor->parameters});
  }
  return ratios;
}

// Adds the series of one metric in one experiment. Returns true if a case is the reference.
bool add_series(Trend& trend, const std::string& experiment, const std::string& metric,
                CasePoints points, const TrendOptions& options) {
  const std::vector<Case> cases = cases_in(points);
  const bool is_count = find_metric(metric)->min_difference.has_value();
  bool has_reference = false;
  for (const Case& c : cases) {
    const bool is_base = !options.relative_to.empty() && is_reference(c, options.relative_to);
    has_reference = has_reference || is_base;
    if (is_base ||
        (!options.cases.empty() && ::fnmatch(options.cases.c_str(), c.name.c_str(), 0) != 0))
      continue;
    TrendSeries series{.experiment = experiment, .case_name = c.name, .metric = metric};
    if (!options.relative_to.empty()) {
      series.reference = reference_of(c.name, options.relative_to, cases);
      if (!series.reference.empty())
        series.points = relative_points(points.at(c.name), points.at(series.reference));
      if (series.points.empty()) {
        series.reference.clear();
        series.unjudged = "no case to relate it to";
      }
    }
    // No other case needs these: only a reference is read again.
    if (series.points.empty()) series.points = std::move(points.at(c.name));
    series.is_difference = is_count || std::ranges::any_of(series.points, [](const TrendPoint& p) {
                             return p.value <= 0;
                           });
    trend.series.push_back(std::move(series));
  }
  return has_reference;
}

// Returns the points of a metric by experiment. Empties `stored`, which can be large.
std::map<std::string, CasePoints> points_by_case(const Trend& trend,
                                                 const std::map<std::int64_t, std::string>& names,
                                                 std::vector<HistoryPoint> stored) {
  std::map<std::int64_t, std::size_t> index_of;
  for (std::size_t i = 0; i < trend.runs.size(); ++i) index_of[trend.runs[i].id] = i;
  std::map<std::string, std::map<std::int64_t, std::vector<TrendPoint>>> experiments;
  auto run = index_of.end();
  std::map<std::int64_t, std::vector<TrendPoint>>* cases = nullptr;  // of the run's experiment
  for (const HistoryPoint& point : stored) {
    if (run == index_of.end() || run->first != point.run) {
      run = index_of.find(point.run);
      cases = &experiments[trend.runs[run->second].experiment];
    }
    (*cases)[point.case_id].push_back({run->second, point.value, point.parameters});
  }
  std::map<std::string, CasePoints> named;
  for (auto& [experiment, of_experiment] : experiments)
    for (auto& [id, points] : of_experiment) {
      std::ranges::sort(points, {}, &TrendPoint::run);  // they were in the order of the numbers
      named[experiment].emplace(names.at(id), std::move(points));
    }
  return named;
}

void read_series(Trend& trend, History& history, const TrendOptions& options) {
  const std::map<std::int64_t, std::string> names = history.case_names();
  std::set<std::int64_t> ids;
  for (const HistoryRun& run : trend.runs) ids.insert(run.id);
  bool has_reference = options.relative_to.empty();
  for (const std::string& metric : options.metrics)
    for (auto& [experiment, points] : points_by_case(trend, names, history.points(metric, ids)))
      has_reference =
          add_series(trend, experiment, metric, std::move(points), options) || has_reference;
  if (!has_reference)
    throw UsageError(
        fmt::format("relative to '{}': no case of these runs has that", options.relative_to));
  if (trend.series.empty())
    throw UsageError(fmt::format(
        "{}: no case{} of {} has {}", history.file(),
        options.cases.empty() ? "" : " '" + options.cases + "'",
        trend.runs.size() == 1 ? "this run" : fmt::format("these {} runs", trend.runs.size()),
        fmt::join(options.metrics, " or ")));
}

}  // namespace

Trend find_trend(History& history, const std::vector<HistoryRun>& runs,
                 const TrendOptions& options) {
  Trend trend{.runs = runs};
  read_series(trend, history, options);
  decide_trend(trend.series, options);
  for (TrendSeries& series : trend.series) {
    set_environment(trend, series, history);
    series.first_level = series.changes.empty() ? level_of(series, 0, series.points.size())
                                                : series.changes.front().before;
  }
  for (std::size_t i = 1; i < runs.size(); ++i)
    if (std::vector<std::string> facts = changed_facts(runs[i - 1], runs[i]); !facts.empty())
      trend.environment.push_back({i, std::move(facts)});
  return trend;
}

void keep_changes_since(Trend& trend, const std::string& since) {
  const std::size_t index = index_since(trend.runs, since);
  for (TrendSeries& series : trend.series) {
    const auto kept = std::ranges::find_if(series.changes, [&](const TrendChange& change) {
      return series.points[change.at.first].run >= index;
    });
    if (kept == series.changes.begin()) continue;
    series.first_level = std::prev(kept)->after;
    series.first_begin = std::prev(kept)->at.first;
    series.changes.erase(series.changes.begin(), kept);
  }
}

const HistoryRun& last_before(const Trend& trend, const TrendSeries& series,
                              const TrendChange& change) {
  return trend.runs[series.points[change.at.first - 1].run];
}

const HistoryRun& first_after(const Trend& trend, const TrendSeries& series,
                              const TrendChange& change) {
  return trend.runs[series.points[change.at.first].run];
}

bool is_failure(const Trend& trend, const TrendSeries& series, const TrendChange& change,
                std::size_t newest) {
  if (!change.is_worse || !change.environment.empty()) return false;
  // Counts runs, not points: a case that was removed has no more points.
  const auto first = static_cast<std::ptrdiff_t>(series.points[change.at.first].run);
  const auto runs_since =
      std::count_if(trend.runs.begin() + first, trend.runs.end(),
                    [&](const HistoryRun& run) { return run.experiment == series.experiment; });
  return static_cast<std::size_t>(runs_since) <= newest;
}

}  // namespace pingperf
