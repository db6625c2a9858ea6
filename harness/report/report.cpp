#include "harness/report/report.h"

#include <fmt/core.h>

#include <algorithm>

#include "harness/base/io.h"
#include "harness/base/json.h"
#include "harness/base/version.h"
#include "harness/report/grid.h"
#include "harness/report/page/json_for_html.h"
#include "harness/report/page/page.h"
#include "harness/report/report_headline.h"
#include "harness/report/report_metrics.h"
#include "harness/report/report_series.h"
#include "harness/report/search_table.h"
#include "harness/results/columns.h"
#include "harness/results/environment.h"
#include "harness/results/metric_text.h"
#include "harness/results/record.h"
#include "harness/verdicts/links.h"
#include "harness/verdicts/verdict_columns.h"

namespace pingperf {
namespace {

// Limits per page. Several runs share them. Of many runs, only the newest has details.
constexpr std::size_t kMaxCases = 300;
constexpr std::size_t kMaxValues = 150'000;  // values of single trials, over all metrics
constexpr std::size_t kMaxMedians = 60'000;  // of many runs, over all metrics
constexpr std::size_t kMaxDots = 200;        // trials per case
constexpr std::size_t kMaxCurves = 600;
constexpr std::size_t kMaxSeries = 400;
constexpr std::size_t kMaxLinks = 60'000;  // cells of heat maps
constexpr std::size_t kMaxListed = 200;    // failed trials, and as many trials with a warning

// One run of the page.
struct PageRun {
  const ReportedRun& run;
  std::vector<std::string> cases;  // that the page shows
  std::size_t share;               // the number of runs that share the limits
  std::vector<std::string> notes;
};

// Returns the cases that have trials: those of the experiment in its order, then any others.
// Searched cases have a section of their own.
std::vector<std::string> cases_in_order(const ReportedRun& run) {
  std::vector<std::string> names;
  for (const Case& c : run.experiment->cases)
    if (!run.trials->rows_of(c.name).empty()) names.push_back(c.name);
  const std::set<std::string> known(names.begin(), names.end());
  for (const std::string& name : run.trials->cases())
    if (!known.contains(name)) names.push_back(name);
  std::erase_if(names, [&](const std::string& name) { return run.trials->is_searched(name); });
  return names;
}

// Returns at most `limit` ok trials of each case, evenly spread over the run.
DrawnTrials drawn_trials(const PageRun& page_run, std::size_t limit) {
  const TrialTable& trials = *page_run.run.trials;
  DrawnTrials drawn;
  for (const std::string& name : page_run.cases) {
    std::vector<std::uint64_t> ok;
    for (std::size_t i : trials.rows_of(name))
      if (trials.is_ok(trials.rows()[i])) ok.push_back(trials.block(trials.rows()[i]));
    for (std::size_t i : evenly_spread(ok.size(), limit)) drawn[name].push_back(ok[i]);
  }
  return drawn;
}

// Returns the part of the page's limit `all` that each case may use, but not less than `least`.
std::size_t share_of(const PageRun& page_run, std::size_t all, std::size_t least) {
  return std::max(least, all / page_run.share / std::max<std::size_t>(1, page_run.cases.size()));
}

// Adds a note if some trials of a case are not drawn.
void note_thinning(PageRun& page_run, const DrawnTrials& drawn, std::string_view what) {
  std::size_t most = 0, of = 0;
  for (const auto& [name, repetitions] : drawn) {
    const std::size_t ok = page_run.run.trials->count_ok(name);
    if (repetitions.size() == ok || ok <= of) continue;
    most = repetitions.size();
    of = ok;
  }
  if (of > 0)
    page_run.notes.push_back(
        fmt::format("{} show at most {} trials per case, evenly spread over the run; a case has "
                    "up to {}.",
                    what, most, of));
}

std::vector<std::string> metrics_of(const std::vector<ReportedRun>& runs,
                                    const std::vector<ReportedChange>& changes) {
  std::set<std::string> named, measured;
  const std::vector<std::string_view> known = metric_names();
  for (const ReportedRun& run : runs) {
    for (const Verdict& row : run.comparisons) named.insert(row.metric);
    for (const Verdict& row : run.gates) named.insert(row.metric);
    for (const SummaryRow& row : run.summary) {
      measured.insert(row.metric);
      if (std::ranges::find(known, row.metric) == known.end()) named.insert(row.metric);
    }
  }
  for (const ReportedChange& change : changes)
    for (const Verdict& row : change.comparison.rows) named.insert(row.metric);
  std::vector<std::string> metrics = report_metrics(named);
  std::erase_if(metrics, [&](const std::string& metric) { return !measured.contains(metric); });
  return metrics;
}

std::string_view name(Better better) {
  return better == Better::higher ? "higher" : better == Better::lower ? "lower" : "";
}

Json metrics_json(const std::vector<std::string>& metrics) {
  Json json = Json::array();
  for (const std::string& metric : metrics) {
    const std::optional<Column> known = find_metric(metric);
    json.push_back({{"name", metric},
                    {"title", title_of(metric)},
                    {"doc", known ? known->doc : ""},
                    {"better", known ? name(known->better) : ""}});
  }
  return json;
}

// Returns the axes that have a number in trials.csv, with that number.
Json numbers_json(const Case& c, const TrialTable& trials) {
  Json numbers = Json::object();
  const auto row = trials.rows()[trials.rows_of(c.name).front()];
  for (const auto& [key, text] : c.axes) {
    const Parameter* const parameter = find_parameter(key);
    if (!parameter) continue;
    if (const auto value = number_in(trials.text(row, parameter->column)))
      numbers[key] = {{"value", *value}, {"column", parameter->column}};
  }
  return numbers;
}

Json case_json(const PageRun& page_run, const std::string& name,
               const std::vector<std::uint64_t>& drawn, const std::vector<std::string>& metrics) {
  const TrialTable& trials = *page_run.run.trials;
  const auto& row = trials.rows()[trials.rows_of(name).front()];
  Json json = {{"name", name},
               {"trials", trials.rows_of(name).size()},
               {"ok", trials.count_ok(name)},
               {"blocks", drawn}};
  for (const char* const column : {"workload", "kind", "engine", "transport"})
    json[column] = trials.text(row, column);
  if (json["kind"] == "")  // the trials of another tool
    json["kind"] = trials.values(name, "rtt_p50_ns").empty() ? "throughput" : "latency";
  json["axes"] = Json::array();
  json["numbers"] = Json::object();
  for (const Case& c : page_run.run.experiment->cases) {
    if (c.name != name) continue;
    json["axes"] = c.axes;
    json["numbers"] = numbers_json(c, trials);
  }
  Json values = Json::object();
  for (const std::string& metric : metrics) {
    const auto all = trials.values(name, metric);
    if (all.empty()) continue;
    Json& list = values[metric] = Json::array();
    for (std::uint64_t block : drawn)
      list.push_back(all.contains(block) ? Json(for_picture(all.at(block))) : Json());
  }
  json["values"] = std::move(values);
  return json;
}

Json summary_json(const PageRun& page_run, const std::vector<std::string>& metrics) {
  std::set<std::string> cases(page_run.cases.begin(), page_run.cases.end()), shown;
  for (const std::string& metric : metrics) shown.insert(metric);
  Json json = Json::array();
  for (const SummaryRow& row : page_run.run.summary) {
    if (!cases.contains(row.case_name) || !shown.contains(row.metric)) continue;
    json.push_back({{"case", row.case_name},
                    {"metric", row.metric},
                    {"n", row.n},
                    {"median", row.median},
                    {"low", optional_json(row.ci_low)},
                    {"high", optional_json(row.ci_high)},
                    {"min", row.min},
                    {"max", row.max}});
  }
  return json;
}

// Returns the tried values with the metric of each condition.
Json tried_json(const SearchResult& search) {
  Json json = Json::array();
  for (const TriedValue& tried : search.tried) {
    Json& trial = json.emplace_back(Json{{"block", tried.block},
                                         {"value", tried.value},
                                         {"kept", optional_json(tried.kept)},
                                         {"note", tried.note},
                                         {"metrics", Json::array()}});
    for (const auto& metric : tried.metrics) trial["metrics"].push_back(optional_json(metric));
  }
  return json;
}

Json searches_json(const std::vector<SearchResult>& searches) {
  Json json = Json::array();
  for (const SearchResult& search : searches) {
    Json keep = Json::array();
    for (const Condition& c : search.keep)
      keep.push_back({{"metric", c.metric}, {"bound", c.bound}});
    json.push_back({{"case", search.case_name},
                    {"column", search.search.parameter->column},
                    {"condition", human_condition(search.keep)},
                    {"keep", std::move(keep)},
                    {"estimate", optional_json(search.estimate)},
                    {"low", optional_json(search.low)},
                    {"high", optional_json(search.high)},
                    {"highest", estimate_text(search)},
                    {"interval", interval_text(search)},
                    {"end", search.explanation},
                    {"tried", tried_json(search)}});
  }
  return json;
}

Json changes_json(const std::vector<ReportedChange>& changes) {
  Json json = Json::array();
  for (const ReportedChange& change : changes) {
    json.push_back({{"run", change.run},
                    {"rows", verdicts_json(VerdictList::runs, change.comparison.rows)},
                    {"differences", change.comparison.differences},
                    {"only_base", change.comparison.only_base},
                    {"only_new", change.comparison.only_new}});
  }
  return json;
}

// Formats the numbers of a gate here, because the page does not know their units.
Json gates_json(const std::vector<Verdict>& gates) {
  Json json = Json::array();
  for (const Verdict& gate : gates)
    json.push_back({{"case", gate.case_name},
                    {"metric", gate.metric},
                    {"against", gate.baseline},
                    {"figure", value_text(gate)},
                    {"interval", interval_text(gate)},
                    {"bound", bound_text(gate)},
                    {"state", pingperf::name(gate.decision)},
                    {"why", gate.warning}});
  return json;
}

// Returns the trials that are not ok, or those that have a warning: at most kMaxListed.
Json listed_trials(PageRun& page_run, bool is_of_failed) {
  const TrialTable& trials = *page_run.run.trials;
  const std::string_view column = is_of_failed ? "error" : "quality";
  Json json = Json::array();
  std::size_t count = 0;
  for (const auto& row : trials.rows()) {
    const std::string_view text = trials.text(row, column);
    if (is_of_failed ? trials.is_ok(row) : text.empty()) continue;
    if (++count > kMaxListed) continue;
    json.push_back({{"case", trials.text(row, "case")},
                    {"repetition", trials.block(row)},
                    {"status", trials.text(row, "status")},
                    {"text", text}});
  }
  if (count > kMaxListed)
    page_run.notes.push_back(fmt::format("The first {} of {} trials {} are listed.", kMaxListed,
                                         count, is_of_failed ? "that failed" : "with a warning"));
  return json;
}

void add_series(PageRun& page_run, Json& json) {
  const TrialTable& trials = *page_run.run.trials;
  const DrawnTrials of_curves = drawn_trials(page_run, share_of(page_run, kMaxCurves, 3));
  json["curves"] = percentile_curves(page_run.run.directory, of_curves);
  if (!json["curves"].empty()) note_thinning(page_run, of_curves, "Percentile curves");
  const DrawnTrials of_series = drawn_trials(page_run, share_of(page_run, kMaxSeries, 3));
  TimeSeries series = time_series(page_run.run.directory, trials, of_series);
  if (!series.trials.empty()) note_thinning(page_run, of_series, "Lines in time");
  if (series.most_merged > 1)
    page_run.notes.push_back(fmt::format(
        "Lines in time: up to {} intervals of a trial became one point.", series.most_merged));
  if (series.is_too_large)
    page_run.notes.emplace_back("intervals.csv is too large to be drawn here.");
  json["series"] = std::move(series.trials);
}

// Returns the heat maps of the links. The headline names those that are behind the others.
Json links_json(const std::vector<LinkTable>& tables) {
  Json json = Json::array();
  std::size_t cells = 0;
  for (const LinkTable& table : tables) {
    cells += table.links.size();
    if (cells > kMaxLinks) break;
    Json links = Json::array();
    for (const Link& link : table.links)
      links.push_back({link.client, link.server, for_picture(link.median), link.is_behind ? 1 : 0});
    json.push_back({{"subject", table.subject},
                    {"workload", table.workload},
                    {"engine", table.engine},
                    {"metric", table.metric},
                    {"hosts", table.hosts},
                    {"links", std::move(links)},
                    {"median", table.median}});
  }
  return json;
}

Json grids_json(const std::vector<GridAxes>& grids) {
  Json json = Json::array();
  for (const GridAxes& grid : grids)
    json.push_back({{"workload", grid.workload}, {"down", grid.down}, {"across", grid.across}});
  return json;
}

Json statements_json(const std::vector<Statement>& statements) {
  Json json = Json::array();
  for (const Statement& s : statements)
    json.push_back({{"mark", pingperf::name(s.rating)}, {"text", s.text}, {"detail", s.detail}});
  return json;
}

// Leaves the first `limit` cases on the page, with a note.
void limit_cases(PageRun& page_run, std::size_t limit, std::string_view where) {
  if (page_run.cases.size() <= limit) return;
  page_run.notes.push_back(
      fmt::format("The first {} of {} cases are {}.", limit, page_run.cases.size(), where));
  page_run.cases.resize(limit);
}

// Returns what the page has of every run, except for its cases.
Json facts_json(const PageRun& page_run, const std::vector<std::string>& metrics,
                const Json& environment) {
  const ReportedRun& run = page_run.run;
  const auto& rows = run.trials->rows();
  return {{"name", std::filesystem::absolute(run.directory).lexically_normal().filename()},
          {"experiment", run.experiment->name},
          {"description", run.experiment->description},
          {"started", rows.empty() ? "" : run.trials->text(rows.front(), "started_at")},
          {"trials", rows.size()},
          {"summary", summary_json(page_run, metrics)},
          {"environment", environment}};
}

// Returns a run with all its details.
Json run_json(const ReportedRun& run, std::size_t run_count,
              const std::vector<std::string>& metrics, const Json& environment) {
  PageRun page_run{run, cases_in_order(run), run_count, {}};
  limit_cases(page_run, std::max<std::size_t>(1, kMaxCases / run_count), "on this page");
  if (run.gates_left_out > 0)
    page_run.notes.emplace_back(
        "Gates against a stored run are judged when the run ends: see its junit.xml.");
  const std::size_t dots = std::min(
      kMaxDots, share_of(page_run, kMaxValues / std::max<std::size_t>(1, metrics.size()), 10));
  const DrawnTrials drawn = drawn_trials(page_run, dots);
  note_thinning(page_run, drawn, "Dots");
  Json json = facts_json(page_run, metrics, environment);
  json.update({{"comparisons", verdicts_json(VerdictList::comparisons, run.comparisons)},
               {"gates", gates_json(run.gates)},
               {"searches", searches_json(run.searches)},
               {"links", links_json(link_tables(*run.experiment, run.summary))},
               {"grids", grids_json(result_grid_axes(*run.trials, run.experiment->cases))},
               {"headline", statements_json(headline(run))},
               {"failed", listed_trials(page_run, true)},
               {"warnings", listed_trials(page_run, false)},
               {"yaml", read_file(run.directory / "experiment.yaml").value_or("")}});
  json["cases"] = Json::array();
  for (const std::string& name : page_run.cases)
    json["cases"].push_back(
        case_json(page_run, name,
                  drawn.contains(name) ? drawn.at(name) : std::vector<std::uint64_t>(), metrics));
  add_series(page_run, json);
  json["notes"] = page_run.notes;
  return json;
}

// Returns one of many runs with what the charts over time draw: the medians of its cases.
Json median_run_json(const ReportedRun& run, std::size_t run_count,
                     const std::vector<std::string>& metrics, const Json& environment) {
  PageRun page_run{run, cases_in_order(run), run_count, {}};
  const std::size_t medians = run_count * std::max<std::size_t>(1, metrics.size());
  limit_cases(page_run, std::clamp<std::size_t>(kMaxMedians / medians, 1, kMaxCases),
              "in charts over time");
  Json json = facts_json(page_run, metrics, environment);
  for (const char* const detail : {"comparisons", "gates", "searches", "links", "grids", "headline",
                                   "failed", "warnings", "curves", "series", "cases"})
    json[detail] = Json::array();
  for (const std::string& name : page_run.cases)
    json["cases"].push_back(case_json(page_run, name, {}, {}));
  json["yaml"] = "";
  json["notes"] = page_run.notes;
  return json;
}

// Returns A to Z for the first runs, then the number.
std::string letter_of(std::size_t run) {
  return run < 26 ? std::string(1, static_cast<char>('A' + run)) : std::to_string(run + 1);
}

}  // namespace

std::string report_html(const std::vector<ReportedRun>& runs,
                        const std::vector<ReportedChange>& changes) {
  const std::vector<std::string> metrics = metrics_of(runs, changes);
  const bool is_many = runs.size() > kMaxRunsSideBySide;
  Json json = {{"generator", fmt::format("pingperf {} ({})", version(), git_commit())},
               {"threshold", kThreshold},
               {"metrics", metrics_json(metrics)},
               {"changes", changes_json(changes)},
               {"headline", Json::array()},
               {"is_many", is_many}};
  std::vector<Json> environments;
  for (const ReportedRun& run : runs) {
    environments.push_back(readable_environment(run.directory));
    if (is_many && &run != &runs.back())
      json["runs"].push_back(median_run_json(run, runs.size(), metrics,
                                             &run == &runs.front() ? environments.back() : Json()));
    else
      json["runs"].push_back(
          run_json(run, is_many ? 1 : runs.size(), metrics, environments.back()));
  }
  for (const ReportedChange& change : changes)
    for (Json& s :
         statements_json(headline(change.comparison, is_many ? "the earlier runs" : letter_of(0),
                                  is_many ? "the newest run" : letter_of(change.run))))
      json["headline"].push_back(std::move(s));
  Json& below = runs.size() == 1 ? json["runs"][0]["headline"] : json["headline"];
  for (Json& s : statements_json(warning_statements(runs, environments)))
    below.push_back(std::move(s));
  std::string html(report_page_before_data());
  html += json_for_html(json);
  html += report_page_after_data();
  return html;
}

}  // namespace pingperf
