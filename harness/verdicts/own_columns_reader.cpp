#include "harness/verdicts/own_columns_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <regex>
#include <set>

#include "harness/base/lines.h"
#include "harness/experiment/experiment_reader.h"
#include "harness/experiment/keys.h"
#include "harness/experiment/parameter_reader.h"
#include "harness/results/columns.h"
#include "harness/results/summary.h"
#include "harness/verdicts/searches.h"
#include "harness/verdicts/verdict_columns.h"

namespace pingperf {
namespace {

constexpr std::size_t kMaxLabels = 50, kMaxLabelBytes = 200;

// Returns the columns of all tables.
std::set<std::string> known_columns() {
  std::set<std::string> names;
  for (const std::string& header :
       {trials_header(), intervals_header(), counters_header(), summary_csv({}), searches_csv({}),
        verdicts_csv(VerdictList::comparisons, {}), verdicts_csv(VerdictList::runs, {}),
        verdicts_csv(VerdictList::gates, {})}) {
    const CsvTable table = CsvTable::parse(header, "");
    names.insert(table.header().begin(), table.header().end());
  }
  return names;
}

void check_label(const Node::Entry& entry, const std::set<std::string>& columns) {
  static const std::regex plain(std::string(find_key("experiment", "name").pattern));
  if (!std::regex_match(entry.key, plain))
    fail_at(
        entry.mark,
        fmt::format("label '{}': its name is a column: letters, digits, '_' and '-'", entry.key));
  if (columns.contains(entry.key) || find_metric(entry.key))
    fail_at(entry.mark, fmt::format("label '{}': the tables have this column already: choose "
                                    "another name",
                                    entry.key));
  check_for_missing(entry.key, entry.mark, "label");
  const std::string& value = read_text(entry.value, fmt::format("label '{}'", entry.key));
  check_for_missing(value, entry.value.mark, fmt::format("label '{}':", entry.key));
  if (value.empty() || value.size() > kMaxLabelBytes || printable(value) != value)
    fail_at(entry.value.mark,
            fmt::format("label '{}' must be a text of one line with 1 to {} bytes", entry.key,
                        kMaxLabelBytes));
}

std::vector<std::pair<std::string, std::string>> read_labels(const Node& labels) {
  if (labels.type != Node::Type::map)
    fail_at(labels.mark, "labels must be a map, e.g. {commit: 1a2b3c4}");
  if (labels.entries.size() > kMaxLabels)
    fail_at(labels.mark, fmt::format("labels has more than {} entries", kMaxLabels));
  const std::set<std::string> columns = known_columns();
  std::vector<std::pair<std::string, std::string>> read;
  for (const Node::Entry& entry : labels.entries) {
    if (entry.value.type == Node::Type::null) continue;  // absent
    check_label(entry, columns);
    read.emplace_back(entry.key, entry.value.scalar);
  }
  return read;
}

// Adds the column unless every run has it.
void add_percentile(std::vector<std::string>& names, const std::string& name) {
  const auto known = metric_names();
  if (std::ranges::find(known, name) == known.end() &&
      std::ranges::find(names, name) == names.end())
    names.push_back(name);
}

std::vector<std::string> read_percentiles(const Node& list) {
  if (list.type != Node::Type::sequence)
    fail_at(list.mark, "percentiles must be a list, e.g. [75, 95, 99.99]");
  std::vector<std::string> names;
  std::set<std::string> seen;
  for (const Node& item : list.items) {
    const std::string& text = read_text(item, "percentiles");
    const std::optional<std::string> name = percentile_column(text);
    if (!name)
      fail_at(item.mark, fmt::format("percentiles: '{}' is not above 0 and below 100, with at most "
                                     "4 decimals",
                                     text));
    if (!seen.insert(*name).second)
      fail_at(item.mark, fmt::format("percentiles: {} stands twice", text));
    add_percentile(names, *name);
  }
  return names;
}

}  // namespace

OwnColumns read_own_columns(const Experiment& experiment, const Criteria& criteria) {
  const Node& root = experiment.source->root;
  OwnColumns own;
  if (const Node* const list = root.find("percentiles")) own.percentiles = read_percentiles(*list);
  if (const Node* const labels = root.find("labels")) own.labels = read_labels(*labels);
  for (const Compare& compare : criteria.compare) add_percentile(own.percentiles, compare.metric);
  for (const Gate& gate : criteria.gates) add_percentile(own.percentiles, gate.metric);
  for (const SearchCriterion& search : criteria.searches)
    for (const Condition& condition : search.keep)
      add_percentile(own.percentiles, condition.metric);
  if (criteria.until)
    for (const std::string& metric : criteria.until->metrics)
      add_percentile(own.percentiles, metric);
  return own;
}

}  // namespace pingperf
