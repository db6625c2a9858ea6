#include "harness/results/own_columns.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/base/lines.h"
#include "harness/results/columns.h"

namespace pingperf {
namespace {

// Appends cells to each row. No field of our tables has a line break.
std::string append_cells(const std::string& rows, const std::vector<std::string>& cells) {
  if (cells.empty()) return rows;
  const std::string end = "," + csv_row(cells);
  std::string text;
  for (const char c : rows) c == '\n' ? text += end : text += c;
  return text;
}

bool is_column(std::string_view name) {
  return std::ranges::find(trial_columns(), name, &Column::name) != trial_columns().end();
}

}  // namespace

std::string trials_header(const OwnColumns& own) {
  return with_label_names(append_cells(trials_header(), own.percentiles), own);
}

std::string trial_row(const TrialRecord& record, const OwnColumns& own) {
  std::vector<std::string> cells;
  for (const std::string& name : own.percentiles) cells.push_back(find_metric(name)->cell(record));
  return with_label_values(append_cells(trial_row(record), cells), own);
}

std::string with_label_names(const std::string& header, const OwnColumns& own) {
  std::vector<std::string> names;
  for (const auto& [name, value] : own.labels) names.push_back(name);
  return append_cells(header, names);
}

std::string with_label_values(const std::string& rows, const OwnColumns& own) {
  std::vector<std::string> values;
  for (const auto& [name, value] : own.labels) values.push_back(printable(value));
  return append_cells(rows, values);
}

std::vector<std::pair<std::string, std::string>> labels_of(const TrialTable& trials) {
  std::vector<std::pair<std::string, std::string>> labels;
  if (trials.rows().empty()) return labels;
  const TrialTable::Row first = trials.rows().front();
  for (const std::string& name : trials.header())
    if (!is_column(name) && !find_metric(name)) labels.emplace_back(name, trials.text(first, name));
  return labels;
}

std::vector<std::string_view> metrics_of(const TrialTable& trials) {
  std::vector<std::string_view> names = metric_names();
  for (const std::string& name : trials.header())
    if (!is_column(name) && find_metric(name)) names.push_back(name);
  return names;
}

std::vector<std::string_view> parameter_columns() {
  constexpr std::string_view others[] = {"kind", "pair", "engine", "transport", "variant"};
  const auto is_parameter = [&](const Column& column) {
    const std::string_view name = column.name;
    return !column.is_metric() &&
           (name.starts_with("background") || std::ranges::find(others, name) != std::end(others) ||
            std::ranges::find(parameters(), name, &Parameter::column) != parameters().end());
  };
  std::vector<std::string_view> names;
  for (const Column& column : trial_columns())
    if (is_parameter(column)) names.push_back(column.name);
  return names;
}

std::string with_case_columns(const std::string& csv, const TrialTable& trials,
                              std::vector<std::string_view> names) {
  const CsvTable table = CsvTable::parse(csv, "");
  const auto labels = labels_of(trials);
  for (const auto& [name, value] : labels) names.push_back(name);
  const auto append = [&](std::vector<std::string> fields, auto cell) {
    for (const std::string_view name : names) fields.emplace_back(cell(name));
    return csv_row(fields);
  };
  std::string text = append(table.header(), [](std::string_view name) { return name; });
  const std::size_t case_column = table.column("case");
  for (const CsvTable::Row row : table.rows()) {
    const auto& of_case = trials.rows_of(std::string(row[case_column]));
    text += append(row.fields(), [&](std::string_view name) {
      return of_case.empty() ? std::string_view()
                             : trials.text(trials.rows()[of_case.front()], name);
    });
  }
  return text;
}

std::string case_columns_markdown() {
  return fmt::format(
      "Behind these are the parameters of the case, as in trials.csv: `{}`. The labels come "
      "last.\n",
      fmt::join(parameter_columns(), "`, `"));
}

}  // namespace pingperf
