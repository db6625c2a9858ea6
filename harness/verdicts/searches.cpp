#include "harness/verdicts/searches.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "harness/base/column_table.h"
#include "harness/base/counted.h"
#include "harness/base/parameter_text.h"
#include "harness/experiment/search_reader.h"
#include "harness/results/columns.h"
#include "harness/results/metric_text.h"
#include "harness/results/warnings.h"
#include "sockets/core/size_mix.h"
#include "sockets/latency/pingpong.h"

namespace pingperf {
namespace {

constexpr double kOutsideInterval = 0.025;  // outside the interval, on each side
constexpr double kOutsideForSure = 0.975;   // to end because the threshold is outside from..to
constexpr std::uint64_t kMaxWithoutEvidence = 5;  // trials in a row
// Share of the offered load that the sender may fall short of, besides two bursts per stream.
constexpr double kShortfall = 0.01;

// Returns the value with the unit of the parameter: "94.3 Mbit/s".
std::string human_value(const Search& search, double value) {
  return human_metric(search.parameter->column, value);
}

bool keeps(const Condition& condition, double value) {
  return condition.is_maximum ? value <= condition.bound : value >= condition.bound;
}

}  // namespace

std::string_view name(SearchEnd end) {
  static constexpr std::array<std::string_view, 6> names = {
      "", "precision", "trials", "from_not_kept", "to_kept", "no_evidence"};
  return names[static_cast<std::size_t>(end)];
}

std::size_t SearchResult::count(std::optional<bool> kept) const {
  return static_cast<std::size_t>(std::ranges::count(tried, kept, &TriedValue::kept));
}

SearchState::SearchState(const Case& searched, std::vector<Condition> keep)
    : options_(*searched.options),
      threshold_(searched.search->from, searched.search->to, searched.search->precision) {
  result_.case_name = searched.name;
  result_.workload = searched.workload;
  result_.search = *searched.search;
  result_.keep = std::move(keep);
}

void SearchState::add(const TrialTable& trials, const TrialTable::Row& row) {
  if (result_.end != SearchEnd::unfinished) return;
  result_.run = trials.text(row, "run");
  TriedValue tried = tried_in(trials, row);
  without_evidence_ = tried.kept ? 0 : without_evidence_ + 1;
  if (tried.kept) threshold_.add(tried.value, *tried.kept);
  result_.tried.push_back(std::move(tried));
  const auto inside = [](double value) {
    return value > 0 && std::isfinite(value) ? std::optional(value) : std::nullopt;
  };
  const bool has_evidence = result_.count(std::nullopt) < result_.tried.size();
  if (has_evidence) result_.estimate = inside(threshold_.quantile(0.5));
  result_.low = inside(threshold_.quantile(kOutsideInterval));
  result_.high = inside(threshold_.quantile(1 - kOutsideInterval));
  result_.end = end_now();
  if (result_.end == SearchEnd::from_not_kept) result_.high = result_.search.from;
  if (result_.end == SearchEnd::to_kept) result_.low = result_.search.to;
  result_.explanation = explanation();
}

TriedValue SearchState::tried_in(const TrialTable& trials, const TrialTable::Row& row) const {
  TriedValue tried{.block = trials.block(row)};
  const auto value = trials.number(row, result_.search.parameter->column);
  const std::string_view error = trials.text(row, "error");
  for (const Condition& condition : result_.keep)
    tried.metrics.push_back(trials.number(row, condition.metric));
  tried.value = value.value_or(0);
  if (!value || *value <= 0) {
    tried.note = fmt::format("no {}", result_.search.parameter->column);
    return tried;
  }
  if (error.ends_with(kNoPingAnswered) && options_.frequency_hz) tried.note = error;
  if (tried.note.empty() && trials.is_ok(row)) tried.note = shortfall(trials, row, *value);
  if (!tried.note.empty()) {
    tried.kept = false;
    return tried;
  }
  if (!trials.is_ok(row)) tried.note = fmt::format("{}: {}", trials.text(row, "status"), error);
  for (std::size_t i = 0; i < result_.keep.size() && tried.note.empty(); ++i)
    if (!tried.metrics[i]) tried.note = fmt::format("no {}", result_.keep[i].metric);
  if (!tried.note.empty()) return tried;
  tried.kept = true;
  for (std::size_t i = 0; i < result_.keep.size(); ++i)
    tried.kept = *tried.kept && keeps(result_.keep[i], *tried.metrics[i]);
  return tried;
}

// Returns a text if the sender did not reach the value: then a kept condition says nothing about
// it. Allows for two bursts per stream and one phase of on_off at the edges of the window.
std::string SearchState::shortfall(const TrialTable& trials, const TrialTable::Row& row,
                                   double value) const {
  const auto unsent = trials.number(row, "unsent"), sent = trials.number(row, "sent_bps");
  const double window_s = options_.duration ? to_seconds(*options_.duration) : 1;
  if (result_.search.parameter->name == "frequency")
    return unsent && *unsent > kShortfall * value * window_s
               ? counted(static_cast<std::uint64_t>(*unsent), "ping") + " could not be sent in time"
               : "";
  if (!sent) return "";
  Options tried = options_;
  set_searched(tried, result_.search, value);
  const std::uint64_t at_once =
      std::max({std::uint64_t{1}, tried.burst.value_or(1), tried.batch.value_or(1),
                std::uint64_t{tried.gso.value_or(false) ? 64u : 1u}});
  const auto messages = static_cast<double>(2 * at_once * tried.streams.value_or(1));
  const double ways = tried.bidirectional.value_or(false) ? 2 : 1;
  const double edge_bits = 8 * messages * static_cast<double>(max_message(tried)) +
                           value * to_seconds(tried.on_time.value_or(0));
  return *sent < (1 - kShortfall) * offered_bps(tried) - ways * edge_bits / window_s
             ? fmt::format("the sender reached {}", human_value(result_.search, *sent))
             : "";
}

bool SearchState::is_precise() const {
  const SearchResult& r = result_;
  return r.low && r.high && *r.high - *r.low <= 2 * r.search.precision * *r.estimate;
}

SearchEnd SearchState::end_now() const {
  if (is_precise()) return SearchEnd::precision;
  if (threshold_.below() > kOutsideForSure) return SearchEnd::from_not_kept;
  if (threshold_.above() > kOutsideForSure) return SearchEnd::to_kept;
  if (without_evidence_ >= kMaxWithoutEvidence) return SearchEnd::no_evidence;
  return result_.tried.size() >= result_.search.trials ? SearchEnd::trials : SearchEnd::unfinished;
}

std::string SearchState::explanation() const {
  const auto short_of = std::ranges::count_if(
      result_.tried, [](const TriedValue& t) { return t.kept == false && !t.note.empty(); });
  std::string text = reason();
  if (short_of > 0)
    text += fmt::format("; in {} of the {} trials that did not keep it, the sender fell short",
                        short_of, result_.count(false));
  return text;
}

std::string SearchState::reason() const {
  const Search& search = result_.search;
  switch (result_.end) {
    case SearchEnd::precision:
      return fmt::format("known to ±{:g}%", 100 * search.precision);
    case SearchEnd::trials:
      return fmt::format("not known to ±{:g}% after {}", 100 * search.precision,
                         counted(search.trials, "trial"));
    case SearchEnd::from_not_kept:
      return fmt::format("even {} does not keep it", human_value(search, search.from));
    case SearchEnd::to_kept:
      return fmt::format("even {} keeps it", human_value(search, search.to));
    case SearchEnd::no_evidence:
      return fmt::format("{} trials in a row were no evidence, the last one: {}",
                         kMaxWithoutEvidence, result_.tried.back().note);
    case SearchEnd::unfinished:
      break;
  }
  return "the run ended before the search";
}

std::optional<double> SearchState::next() const {
  if (result_.end != SearchEnd::unfinished) return std::nullopt;
  return threshold_.next();
}

SearchResult SearchState::result() const {
  return result_;
}

Searches::Searches(const std::vector<Case>& cases, const Criteria& criteria,
                   const TrialTable& trials) {
  for (const SearchCriterion& criterion : criteria.searches) {
    const auto searched = std::ranges::find(cases, criterion.case_name, &Case::name);
    if (searched == cases.end()) continue;
    names_.push_back(criterion.case_name);
    states_.try_emplace(criterion.case_name, *searched, criterion.keep);
  }
  add(trials);
}

void Searches::add(const TrialTable& trials) {
  for (const std::string& name : names_)
    for (const std::size_t i : trials.rows_of(name))
      if (const auto row = trials.rows()[i]; trials.text(row, "status") != "interrupted")
        states_.find(name)->second.add(trials, row);
}

std::optional<double> Searches::next(const std::string& case_name) const {
  const auto state = states_.find(case_name);
  return state == states_.end() ? std::nullopt : state->second.next();
}

std::vector<SearchResult> Searches::results() const {
  std::vector<SearchResult> results;
  for (const std::string& name : names_) {
    SearchResult result = states_.find(name)->second.result();
    if (!result.tried.empty()) results.push_back(std::move(result));
  }
  return results;
}

std::string condition_text(const std::vector<Condition>& keep) {
  std::string text;
  for (const Condition& condition : keep)
    text += fmt::format("{}{} {} {}", text.empty() ? "" : " and ", condition.metric,
                        condition.is_maximum ? "<=" : ">=", number_text(condition.bound));
  return text;
}

namespace {

struct SearchColumn {
  std::string_view name;
  std::string_view doc;
  std::string (*text)(const SearchResult&);
};

using Result = const SearchResult&;
constexpr SearchColumn kSearchColumns[] = {
    {"schema_version", "version of these columns",
     [](Result) { return std::to_string(kSchemaVersion); }},
    {"run", "name of the run's directory", [](Result r) { return r.run; }},
    {"case", "workload and point of its matrix", [](Result r) { return r.case_name; }},
    {"workload", "name of the workload", [](Result r) { return r.workload; }},
    {"parameter", "column of trials.csv that the search varied",
     [](Result r) { return std::string(r.search.parameter->column); }},
    {"condition", "metrics of trials.csv and their bounds, which a trial must keep",
     [](Result r) { return condition_text(r.keep); }},
    {"from", "lowest value that the search could try",
     [](Result r) { return number_text(r.search.from); }},
    {"to", "highest value that the search could try",
     [](Result r) { return number_text(r.search.to); }},
    {"estimate",
     "highest value that keeps the condition, in the unit of the parameter; empty: it is probably "
     "not between from and to",
     [](Result r) { return number_text(r.estimate); }},
    {"low", "the estimate is above this with a probability of 97.5 %; empty: it may be below from",
     [](Result r) { return number_text(r.low); }},
    {"high", "the estimate is below this with a probability of 97.5 %; empty: it may be above to",
     [](Result r) { return number_text(r.high); }},
    {"precision", "half the width of the interval, relative to the estimate, that was requested",
     [](Result r) { return number_text(r.search.precision); }},
    {"max_trials", "number of trials after which the search ends in any case",
     [](Result r) { return std::to_string(r.search.trials); }},
    {"trials", "number of trials", [](Result r) { return std::to_string(r.tried.size()); }},
    {"kept", "trials that kept the condition",
     [](Result r) { return std::to_string(r.count(true)); }},
    {"not_kept", "trials that did not", [](Result r) { return std::to_string(r.count(false)); }},
    {"no_evidence", "trials that failed, or lack a metric of the condition",
     [](Result r) { return std::to_string(r.count(std::nullopt)); }},
    {"ended_because",
     "precision: reached; trials: max_trials reached; from_not_kept: even the lowest value does "
     "not keep the condition; to_kept: even the highest value keeps it; no_evidence: several "
     "trials in a row gave none; empty: the run ended before",
     [](Result r) { return std::string(name(r.end)); }},
    {"remark", "ended_because as a sentence", [](Result r) { return r.explanation; }},
};

}  // namespace

std::string searches_csv(const std::vector<SearchResult>& results) {
  std::string text = csv_header(kSearchColumns);
  for (const SearchResult& result : results) text += csv_line(kSearchColumns, result);
  return text;
}

std::string search_columns_markdown() {
  return columns_markdown(kSearchColumns);
}

}  // namespace pingperf
