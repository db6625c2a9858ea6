#include "harness/report/report.h"

#include <fmt/core.h>

#include <algorithm>

#include "harness/base/io.h"
#include "harness/base/version.h"
#include "harness/report/page/page.h"
#include "harness/report/report_headline.h"
#include "harness/report/report_metrics.h"
#include "harness/report/report_series.h"
#include "harness/results/columns.h"
#include "harness/results/environment.h"
#include "harness/results/record.h"
#include "harness/verdicts/verdict_columns.h"

namespace pingperf {
namespace {

// What a page holds at most; with several runs, all of them together.
constexpr std::size_t kMaxCases = 300;
constexpr std::size_t kMaxValues = 150'000;  // of single trials, all metrics together
constexpr std::size_t kMaxDots = 200;        // trials of a case
constexpr std::size_t kMaxCurves = 600;
constexpr std::size_t kMaxSeries = 400;
constexpr std::size_t kMaxListed = 200;  // trials that failed, or have a warning

// One run on its way to the page: which of its cases and trials are on it.
struct Telling {
  const ReportedRun& run;
  std::vector<std::string> cases;
  std::size_t share;  // that this run has of what the page holds: one part in so many
  std::vector<std::string> notes;
};

// The cases that were run, in the order of the experiment; then any others.
std::vector<std::string> cases_in_order(const ReportedRun& run) {
  std::vector<std::string> names;
  for (const Case& c : run.experiment->cases)
    if (!run.trials->rows_of(c.name).empty()) names.push_back(c.name);
  const std::set<std::string> known(names.begin(), names.end());
  for (const std::string& name : run.trials->cases())
    if (!known.contains(name)) names.push_back(name);
  return names;
}

// The ok trials of each case, at most so many, evenly spread over the run.
DrawnTrials drawn_trials(const Telling& telling, std::size_t most) {
  const TrialTable& trials = *telling.run.trials;
  DrawnTrials drawn;
  for (const std::string& name : telling.cases) {
    std::vector<std::uint64_t> ok;
    for (std::size_t i : trials.rows_of(name))
      if (trials.text(trials.rows()[i], "status") == pingperf::name(Status::ok))
        ok.push_back(trials.block(trials.rows()[i]));
    for (std::size_t i : evenly_spread(ok.size(), most)) drawn[name].push_back(ok[i]);
  }
  return drawn;
}

// How many things each case may have of `all` on the page.
std::size_t share_of(const Telling& telling, std::size_t all, std::size_t least) {
  return std::max(least, all / telling.share / std::max<std::size_t>(1, telling.cases.size()));
}

std::size_t count_ok(const TrialTable& trials, const std::string& name) {
  const auto& rows = trials.rows_of(name);
  return static_cast<std::size_t>(std::count_if(rows.begin(), rows.end(), [&](std::size_t i) {
    return trials.text(trials.rows()[i], "status") == pingperf::name(Status::ok);
  }));
}

// Says so when not all trials of a case are drawn.
void note_thinning(Telling& telling, const DrawnTrials& drawn, std::string_view what) {
  std::size_t most = 0, of = 0;
  for (const auto& [name, repetitions] : drawn) {
    const std::size_t ok = count_ok(*telling.run.trials, name);
    if (repetitions.size() == ok || ok <= of) continue;
    most = repetitions.size();
    of = ok;
  }
  if (of > 0)
    telling.notes.push_back(
        fmt::format("{} are of {} trials of a case, evenly spread over the run, where it has as "
                    "many as {}.",
                    what, most, of));
}

std::vector<std::string> metrics_of(const std::vector<ReportedRun>& runs,
                                    const std::vector<ReportedChange>& changes) {
  std::set<std::string> named, measured;
  for (const ReportedRun& run : runs) {
    for (const Verdict& row : run.comparisons) named.insert(row.metric);
    for (const Verdict& row : run.gates) named.insert(row.metric);
    for (const SummaryRow& row : run.summary) measured.insert(row.metric);
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
    const Metric* const known = find_metric(metric);
    json.push_back({{"name", metric},
                    {"title", title_of(metric)},
                    {"doc", known ? known->doc : ""},
                    {"better", known ? name(known->better) : ""}});
  }
  return json;
}

// Of the axes that are numbers in trials.csv: the number in the column's unit.
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

Json case_json(const Telling& telling, const std::string& name,
               const std::vector<std::uint64_t>& drawn, const std::vector<std::string>& metrics) {
  const TrialTable& trials = *telling.run.trials;
  const auto& row = trials.rows()[trials.rows_of(name).front()];
  Json json = {{"name", name},
               {"trials", trials.rows_of(name).size()},
               {"ok", count_ok(trials, name)},
               {"blocks", drawn}};
  for (const char* const column : {"workload", "kind", "engine", "transport"})
    json[column] = trials.text(row, column);
  if (json["kind"] == "")  // of trials of another tool
    json["kind"] = trials.values(name, "rtt_p50_ns").empty() ? "throughput" : "latency";
  json["axes"] = Json::array();
  json["numbers"] = Json::object();
  for (const Case& c : telling.run.experiment->cases) {
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

Json optional_json(const std::optional<double>& value) {
  return value ? Json(*value) : Json();
}

Json summary_json(const Telling& telling, const std::vector<std::string>& metrics) {
  std::set<std::string> cases(telling.cases.begin(), telling.cases.end()), told;
  for (const std::string& metric : metrics) told.insert(metric);
  Json json = Json::array();
  for (const SummaryRow& row : telling.run.summary) {
    if (!cases.contains(row.case_name) || !told.contains(row.metric)) continue;
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

// The texts of a gate are made here, since they are in the metric's unit or ratios.
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

// The trials that are not ok, or that have something to keep in mind; at most kMaxListed of each.
Json listed_trials(Telling& telling, bool is_of_failed) {
  const TrialTable& trials = *telling.run.trials;
  const std::string_view column = is_of_failed ? "error" : "quality";
  Json json = Json::array();
  std::size_t count = 0;
  for (const auto& row : trials.rows()) {
    const bool is_ok = trials.text(row, "status") == pingperf::name(Status::ok);
    const std::string_view text = trials.text(row, column);
    if (is_of_failed ? is_ok : text.empty()) continue;
    if (++count > kMaxListed) continue;
    json.push_back({{"case", trials.text(row, "case")},
                    {"repetition", trials.block(row)},
                    {"status", trials.text(row, "status")},
                    {"text", text}});
  }
  if (count > kMaxListed)
    telling.notes.push_back(fmt::format("Of {} trials {}, the first {} are listed.", count,
                                        is_of_failed ? "that failed" : "with a remark",
                                        kMaxListed));
  return json;
}

// Returns null if environment.json is missing or damaged. The page then has no such section.
Json environment_of(const std::filesystem::path& run) {
  Json environment = Json::parse(read_file(run / "environment.json").value_or(""), nullptr, false);
  return environment.is_discarded() ? Json() : environment;
}

void add_series(Telling& telling, Json& json) {
  const TrialTable& trials = *telling.run.trials;
  const DrawnTrials of_curves = drawn_trials(telling, share_of(telling, kMaxCurves, 3));
  json["curves"] = percentile_curves(telling.run.directory, of_curves);
  if (!json["curves"].empty()) note_thinning(telling, of_curves, "Percentile curves");
  const DrawnTrials of_series = drawn_trials(telling, share_of(telling, kMaxSeries, 3));
  TimeSeries series = time_series(telling.run.directory, trials, of_series);
  if (!series.trials.empty()) note_thinning(telling, of_series, "Lines in time");
  if (series.most_merged > 1)
    telling.notes.push_back(fmt::format(
        "Lines in time: up to {} intervals of a trial became one point.", series.most_merged));
  if (series.is_too_large)
    telling.notes.emplace_back("intervals.csv is too large to be drawn here.");
  json["series"] = std::move(series.trials);
}

Json statements_json(const std::vector<Statement>& statements) {
  Json json = Json::array();
  for (const Statement& s : statements)
    json.push_back({{"mark", pingperf::name(s.rating)}, {"text", s.text}});
  return json;
}

Json run_json(const ReportedRun& run, std::size_t run_count,
              const std::vector<std::string>& metrics) {
  Telling telling{run, cases_in_order(run), run_count, {}};
  const std::size_t most = std::max<std::size_t>(1, kMaxCases / run_count);
  if (telling.cases.size() > most) {
    telling.notes.push_back(
        fmt::format("Of {} cases, the first {} are on this page.", telling.cases.size(), most));
    telling.cases.resize(most);
  }
  if (run.gates_left_out > 0)
    telling.notes.emplace_back(
        "Gates against a stored run are judged when the run ends: see its junit.xml.");
  const std::size_t dots = std::min(
      kMaxDots, share_of(telling, kMaxValues / std::max<std::size_t>(1, metrics.size()), 10));
  const DrawnTrials drawn = drawn_trials(telling, dots);
  note_thinning(telling, drawn, "Dots");
  const auto& rows = run.trials->rows();
  Json json = {{"name", std::filesystem::absolute(run.directory).lexically_normal().filename()},
               {"experiment", run.experiment->name},
               {"description", run.experiment->description},
               {"started", rows.empty() ? "" : run.trials->text(rows.front(), "started_at")},
               {"trials", rows.size()},
               {"summary", summary_json(telling, metrics)},
               {"comparisons", verdicts_json(VerdictList::comparisons, run.comparisons)},
               {"gates", gates_json(run.gates)},
               {"headline", statements_json(headline(run))},
               {"failed", listed_trials(telling, true)},
               {"remarks", listed_trials(telling, false)},
               {"environment", environment_of(run.directory)},
               {"yaml", read_file(run.directory / "experiment.yaml").value_or("")}};
  json["cases"] = Json::array();
  for (const std::string& name : telling.cases)
    json["cases"].push_back(
        case_json(telling, name,
                  drawn.contains(name) ? drawn.at(name) : std::vector<std::uint64_t>(), metrics));
  add_series(telling, json);
  json["notes"] = telling.notes;
  return json;
}

// A, B, C, … and then the number.
std::string letter_of(std::size_t run) {
  return run < 26 ? std::string(1, static_cast<char>('A' + run)) : std::to_string(run + 1);
}

// JSON that can stand in a <script> element: neither an end tag nor a comment can begin in it, and
// with all that is not ASCII escaped, no line ends in it that JavaScript would see.
std::string json_for_html(const Json& json) {
  const std::string text = json.dump(-1, ' ', true, Json::error_handler_t::replace);
  std::string escaped;
  escaped.reserve(text.size());
  for (char c : text) {
    if (c == '<' || c == '>' || c == '&')
      escaped += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else
      escaped += c;
  }
  return escaped;
}

}  // namespace

std::string report_html(const std::vector<ReportedRun>& runs,
                        const std::vector<ReportedChange>& changes) {
  const std::vector<std::string> metrics = metrics_of(runs, changes);
  Json json = {{"generator", fmt::format("pingperf {} ({})", version(), git_commit())},
               {"threshold", kThreshold},
               {"metrics", metrics_json(metrics)},
               {"changes", changes_json(changes)},
               {"headline", Json::array()}};
  for (const ReportedRun& run : runs) json["runs"].push_back(run_json(run, runs.size(), metrics));
  for (const ReportedChange& change : changes)
    for (Json& s :
         statements_json(headline(change.comparison, letter_of(0), letter_of(change.run))))
      json["headline"].push_back(std::move(s));
  std::string html(page_before_data());
  html += json_for_html(json);
  html += page_after_data();
  return html;
}

}  // namespace pingperf
