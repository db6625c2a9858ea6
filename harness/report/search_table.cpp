#include "harness/report/search_table.h"

#include <fmt/core.h>

#include "harness/results/metric_text.h"
#include "harness/results/metrics.h"

namespace pingperf {
namespace {

std::string searched_text(const SearchResult& result, double value) {
  return human_metric(result.search.parameter->column, value);
}

// Returns the bound as it is written: one of 0.001% must not become 0.00%.
std::string bound_of(const Condition& condition) {
  if (condition.metric.ends_with("_ratio")) return fmt::format("{:g}%", 100 * condition.bound);
  return human_metric(condition.metric, condition.bound);
}

TextTable search_table(const std::vector<SearchResult>& results) {
  TextTable table({"search", "keeps", "highest", "95% interval", "trials", "ended because"}, 2);
  for (const SearchResult& r : results)
    table.add({r.case_name,
               human_condition(r.keep),
               estimate_text(r),
               interval_text(r),
               std::to_string(r.tried.size()),
               {std::string(r.end == SearchEnd::unfinished ? "interrupted" : name(r.end)),
                r.end == SearchEnd::precision ? TextStyle::ok : TextStyle::warning}});
  return table;
}

// Returns the reasons of the searches that did not reach their precision.
std::string reasons_of(const std::vector<SearchResult>& results) {
  std::string text;
  for (const SearchResult& r : results)
    if (r.end != SearchEnd::precision) text += fmt::format("{}: {}\n", r.case_name, r.explanation);
  return text;
}

}  // namespace

std::string estimate_text(const SearchResult& result) {
  if (result.estimate) return searched_text(result, *result.estimate);
  if (result.end == SearchEnd::from_not_kept)
    return "below " + searched_text(result, result.search.from);
  if (result.end == SearchEnd::to_kept) return "above " + searched_text(result, result.search.to);
  return "-";
}

std::string interval_text(const SearchResult& result) {
  if (!result.low && !result.high) return "-";
  const auto text = [&](const std::optional<double>& value) {
    return value ? searched_text(result, *value) : std::string();
  };
  return fmt::format("{}..{}", text(result.low), text(result.high));
}

std::string human_condition(const std::vector<Condition>& keep) {
  std::string text;
  for (const Condition& condition : keep)
    text += fmt::format("{}{} {} {}", text.empty() ? "" : ", ", condition.metric,
                        condition.is_maximum ? "at most" : "at least", bound_of(condition));
  return text;
}

std::string searches_table(const std::vector<SearchResult>& results, const Style& style) {
  if (results.empty()) return "";
  return search_table(results).to_string(style) + wrap(reasons_of(results), style.width);
}

std::string searches_markdown(const std::vector<SearchResult>& results) {
  if (results.empty()) return "";
  const std::string reasons = reasons_of(results);
  return search_table(results).to_markdown() + (reasons.empty() ? "" : "\n" + reasons);
}

}  // namespace pingperf
