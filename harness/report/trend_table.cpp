#include "harness/report/trend_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "harness/base/counted.h"
#include "harness/base/csv.h"
#include "harness/base/json.h"
#include "harness/base/parameter_text.h"
#include "harness/report/history_table.h"
#include "harness/results/columns.h"
#include "harness/results/metric_text.h"

namespace pingperf {
namespace {

// Returns a size in the unit of the series: "0.91", or "+1.50%" of a difference.
std::string size_text(const TrendSeries& series, double size) {
  if (!series.is_difference) return fmt::format("{:.3g}", size);
  return (size < 0 ? "" : "+") + (series.reference.empty() ? human_metric(series.metric, size)
                                                           : fmt::format("{:.3g}", size));
}

std::string size_interval_text(const TrendSeries& series, const TrendChange& change) {
  if (!change.ci_low || !change.ci_high) return "-";
  return fmt::format("{}..{}", size_text(series, *change.ci_low),
                     size_text(series, *change.ci_high));
}

std::string level_text(const TrendSeries& series, double value) {
  return series.reference.empty() ? human_metric(series.metric, value)
                                  : fmt::format("{:.3g}", value);
}

// Returns "2026-11-28", or "2026-11-28 16:10" if all runs are of one day.
std::string start_text(const Trend& trend, const HistoryRun& run) {
  const std::string day = run.started_at.substr(0, 10);
  const bool is_one_day = trend.runs.front().started_at.starts_with(day) &&
                          trend.runs.back().started_at.starts_with(day);
  return is_one_day && run.started_at.size() >= 16 ? day + " " + run.started_at.substr(11, 5) : day;
}

// Returns "2026-11-28 commit=1a2b3c4 (run 12)".
std::string run_text(const Trend& trend, const HistoryRun& run) {
  const std::string labels = labels_text(run);
  return fmt::format("{} {}{}(run {})", start_text(trend, run), labels, labels.empty() ? "" : " ",
                     run.id);
}

// Returns the name of a series. The experiment is in it if there are several.
std::string name_of(const Trend& trend, const TrendSeries& series) {
  const bool is_one = std::ranges::all_of(trend.series, [&](const TrendSeries& other) {
    return other.experiment == series.experiment;
  });
  return is_one ? series.case_name : series.experiment + ": " + series.case_name;
}

// Returns the notes below the table: what is not judged, and what changed in the environment.
std::string trend_notes(const Trend& trend) {
  std::map<std::string, std::size_t> unjudged;
  for (const TrendSeries& series : trend.series)
    if (!series.unjudged.empty()) ++unjudged[series.unjudged];
  std::string text;
  for (const auto& [why, count] : unjudged)
    text += fmt::format("Not judged: {} of {} series: {}.\n", count, trend.series.size(), why);
  for (const EnvironmentChange& change : trend.environment)
    text += fmt::format("Environment since {}: {}\n", run_text(trend, trend.runs[change.run]),
                        fmt::join(change.facts, "; "));
  return text;
}

Json json_of_level(const TrendLevel& level) {
  return {{"runs", level.runs},
          {"median", level.median},
          {"ci_low", optional_json(level.ci_low)},
          {"ci_high", optional_json(level.ci_high)}};
}

Json json_of_side(const HistoryRun& run) {
  return {
      {"id", run.id}, {"run", run.name}, {"started_at", run.started_at}, {"labels", run.labels}};
}

Json json_of_change(const Trend& trend, const TrendSeries& series, const TrendChange& change) {
  return {{"size", change.size},
          {"ci_low", optional_json(change.ci_low)},
          {"ci_high", optional_json(change.ci_high)},
          {"p_value", change.at.p_value},
          {"q_value", change.q_value},
          {"first", change.at.first},
          {"is_worse", change.is_worse},
          {"last_before", json_of_side(last_before(trend, series, change))},
          {"first_after", json_of_side(first_after(trend, series, change))},
          {"before", json_of_level(change.before)},
          {"after", json_of_level(change.after)},
          {"environment", change.environment}};
}

Json json_of_series(const Trend& trend, const TrendSeries& series) {
  Json json = {{"experiment", series.experiment},
               {"case", series.case_name},
               {"metric", series.metric},
               {"title", title_of(series.metric)},
               {"has_direction", find_metric(series.metric)->better != Better::neither},
               {"first_level", json_of_level(series.first_level)},
               {"first_begin", series.first_begin},
               {"reference", series.reference},
               {"is_difference", series.is_difference},
               {"p_value", series.p_value},
               {"unjudged", series.unjudged},
               {"runs", Json::array()},
               {"values", Json::array()},
               {"changes", Json::array()}};
  for (const TrendPoint& point : series.points) {
    json["runs"].push_back(point.run);
    json["values"].push_back(point.value);
  }
  for (const TrendChange& change : series.changes)
    json["changes"].push_back(json_of_change(trend, series, change));
  return json;
}

std::string number_or_empty(const std::optional<double>& number) {
  return number ? number_text(*number) : "";
}

}  // namespace

std::string change_text(const TrendSeries& series, const TrendChange& change) {
  return fmt::format("{} ({}){}", size_text(series, change.size),
                     size_interval_text(series, change),
                     series.is_difference ? "" : " times the figure before");
}

std::string describe(const Trend& trend, const TrendSeries& series, const TrendChange& change) {
  return fmt::format("{} {}: {}, q {:.2g}: last before {}; first after {}", name_of(trend, series),
                     series.metric, change_text(series, change), change.q_value,
                     run_text(trend, last_before(trend, series, change)),
                     run_text(trend, first_after(trend, series, change)));
}

std::string trend_table(const Trend& trend, const Style& style) {
  TextTable table({"case", "metric", "before", "after", "change", "95% interval", "q"}, 2);
  std::size_t changes = 0;
  for (const TrendSeries& series : trend.series)
    for (const TrendChange& change : series.changes) {
      const bool has_direction = find_metric(series.metric)->better != Better::neither;
      const TextStyle tone = !change.environment.empty() || !has_direction ? TextStyle::warning
                             : change.is_worse                             ? TextStyle::error
                                                                           : TextStyle::ok;
      table.add({name_of(trend, series), title_of(series.metric),
                 level_text(series, change.before.median), level_text(series, change.after.median),
                 Cell(size_text(series, change.size), tone), size_interval_text(series, change),
                 fmt::format("{:.2g}", change.q_value)});
      std::string note = fmt::format("last before {}, first after {}",
                                     run_text(trend, last_before(trend, series, change)),
                                     run_text(trend, first_after(trend, series, change)));
      if (!change.environment.empty())
        note +=
            fmt::format("; the environment changed too: {}", fmt::join(change.environment, "; "));
      table.add_note(note);
      ++changes;
    }
  const std::string head =
      fmt::format("{} from {} to {} on {}: {} in {} series\n", counted(trend.runs.size(), "run"),
                  start_text(trend, trend.runs.front()), start_text(trend, trend.runs.back()),
                  trend.runs.back().machine, counted(changes, "change"), trend.series.size());
  return wrap(head, style.width) + (changes > 0 ? "\n" + table.to_string(style) : "") +
         wrap(trend_notes(trend), style.width);
}

std::string trend_csv(const Trend& trend) {
  std::string text =
      csv_row({"experiment", "case", "metric", "reference", "first_run", "started_at", "labels",
               "runs", "median", "ci_low", "ci_high", "change", "change_ci_low", "change_ci_high",
               "p_value", "q_value", "worse", "environment", "unjudged"});
  for (const TrendSeries& series : trend.series) {
    const auto add = [&](std::size_t first, const TrendLevel& level, const TrendChange* change) {
      const HistoryRun& run = trend.runs[series.points[first].run];
      text += csv_row(
          {series.experiment, series.case_name, series.metric, series.reference, run.name,
           run.started_at, labels_text(run), std::to_string(level.runs), number_text(level.median),
           number_or_empty(level.ci_low), number_or_empty(level.ci_high),
           change ? number_text(change->size) : "", change ? number_or_empty(change->ci_low) : "",
           change ? number_or_empty(change->ci_high) : "",
           number_text(change ? change->at.p_value : series.p_value),
           change ? number_text(change->q_value) : "",
           !change            ? ""
           : change->is_worse ? "true"
                              : "false",
           change ? fmt::format("{}", fmt::join(change->environment, "; ")) : "", series.unjudged});
    };
    add(series.first_begin, series.first_level, nullptr);
    for (const TrendChange& change : series.changes) add(change.at.first, change.after, &change);
  }
  return text;
}

Json trend_json(const Trend& trend) {
  Json json = {{"schema_version", kSchemaVersion},
               {"runs", history_runs_json(trend.runs)},
               {"environment", Json::array()},
               {"series", Json::array()}};
  for (const EnvironmentChange& change : trend.environment)
    json["environment"].push_back({{"run", change.run}, {"facts", change.facts}});
  for (const TrendSeries& series : trend.series)
    json["series"].push_back(json_of_series(trend, series));
  return json;
}

std::vector<JUnitCase> junit_of(const Trend& trend, std::size_t newest) {
  std::vector<JUnitCase> cases;
  for (const TrendSeries& series : trend.series) {
    JUnitCase c{.suite = "trend"};
    c.name = fmt::format("{} {}", name_of(trend, series), series.metric);
    if (!series.unjudged.empty()) {
      c.outcome = JUnitCase::Outcome::skipped;
      c.message = series.unjudged;
    }
    for (const TrendChange& change : series.changes)
      if (is_failure(trend, series, change, newest)) {
        c.outcome = JUnitCase::Outcome::failed;
        c.message = describe(trend, series, change);
      }
    cases.push_back(std::move(c));
  }
  return cases;
}

}  // namespace pingperf
