#include "harness/results/trial_table.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "harness/experiment/old_names.h"

namespace pingperf {
namespace {

// Returns the table of an earlier version with the names of this one.
CsvTable with_current_names(CsvTable table) {
  if (!table.has("engine") || !table.has("case")) return table;
  const std::size_t engine = table.column("engine"), name = table.column("case");
  const auto is_old = [&](const CsvTable::Row& row) { return row[engine] == kOldNoop; };
  if (std::ranges::none_of(table.rows(), is_old)) return table;
  return table.changed([&](std::vector<std::string>& fields) {
    if (fields[engine] != kOldNoop) return;
    fields[engine] = kNoop;
    fields[name] = pingperf::with_current_names(fields[name]);
  });
}

// Returns the cell with a point in place of its only comma, if the cell has no point.
std::string with_decimal_point(std::string_view cell) {
  std::string text(cell);
  const std::size_t comma = text.find(',');
  if (comma != std::string::npos && text.find_first_of(".,", comma + 1) == std::string::npos &&
      text.find('.') == std::string::npos)
    text[comma] = '.';
  return text;
}

}  // namespace

TrialTable::TrialTable(CsvTable table) : table_(with_current_names(std::move(table))) {
  require_columns();
  const std::size_t case_column = table_.column("case");
  for (std::size_t i = 0; i < rows().size(); ++i) {
    const std::string_view name = rows()[i][case_column];
    auto found = rows_of_.find(name);
    if (found == rows_of_.end()) {
      found = rows_of_.emplace(name, std::vector<std::size_t>()).first;
      cases_.emplace_back(name);
    }
    found->second.push_back(i);
  }
  for (const std::string& name : cases_) refuse_two_in_a_block(name);
}

void TrialTable::require_columns() const {
  std::string missing;
  for (const char* const column : {"run", "experiment", "workload", "case", "block", "status"})
    if (!table_.has(column)) missing += fmt::format("{}{}", missing.empty() ? "" : ", ", column);
  if (!missing.empty())
    throw CsvError(
        fmt::format("{}: no table of trials: columns missing: {}", table_.source(), missing));
}

void TrialTable::refuse_two_in_a_block(const std::string& case_name) const {
  std::vector<std::uint64_t> blocks;
  for (std::size_t i : rows_of(case_name)) blocks.push_back(block(rows()[i]));
  std::sort(blocks.begin(), blocks.end());
  const auto twice = std::adjacent_find(blocks.begin(), blocks.end());
  if (twice != blocks.end())
    throw CsvError(fmt::format("{}: two trials of {} in block {}: are these two runs in one file?",
                               table_.source(), case_name, *twice));
}

std::optional<double> TrialTable::number(const Row& row, std::string_view column) const {
  return table_.has(column) ? number(row, table_.column(column)) : std::nullopt;
}

std::optional<double> TrialTable::number(const Row& row, std::size_t column) const {
  const std::string_view cell = row[column];
  if (cell.empty()) return std::nullopt;
  std::optional<double> value = number_in(cell);
  if (!value && table_.separator() != ',') value = number_in(with_decimal_point(cell));
  if (!value)
    throw CsvError(fmt::format("{}: '{}' in column {} is not a number{}", table_.source(), cell,
                               table_.header()[column],
                               cell.find_first_of("0123456789") != std::string_view::npos
                                   ? ": write numbers with a decimal point and without separators "
                                     "of thousands"
                                   : ""));
  return value;
}

std::uint64_t TrialTable::block(const Row& row) const {
  const std::string_view cell = text(row, "block");
  std::uint64_t value = 0;
  const char* const end = cell.data() + cell.size();
  const auto [rest, error] = std::from_chars(cell.data(), end, value);
  if (error != std::errc() || rest != end)
    throw CsvError(fmt::format("{}: '{}' is no block", table_.source(), cell));
  return value;
}

TrialTable TrialTable::first(std::uint64_t blocks) const {
  return TrialTable(table_.filtered([&](const Row& row) { return block(row) <= blocks; }));
}

const std::vector<std::size_t>& TrialTable::rows_of(const std::string& case_name) const {
  static const std::vector<std::size_t> none;
  const auto found = rows_of_.find(case_name);
  return found == rows_of_.end() ? none : found->second;
}

bool TrialTable::is_searched(const std::string& case_name) const {
  const auto& rows_of_case = rows_of(case_name);
  return !rows_of_case.empty() && !text(rows()[rows_of_case.front()], "search").empty();
}

std::map<std::uint64_t, double> TrialTable::values(const std::string& case_name,
                                                   std::string_view metric) const {
  std::map<std::uint64_t, double> values;
  if (!table_.has(metric) || is_searched(case_name)) return values;
  const bool may_be_negative = metric.starts_with("oneway_");
  const std::size_t status = table_.column("status"), column = table_.column(metric);
  for (std::size_t i : rows_of(case_name)) {
    const Row row = rows()[i];
    if (row[status] != "ok") continue;
    const auto value = number(row, column);
    if (!value) continue;
    if (*value < 0 && !may_be_negative)
      throw CsvError(fmt::format("{}: {} of {} in block {} is {}: it cannot be negative",
                                 table_.source(), metric, case_name, block(row), row[column]));
    values[block(row)] = *value;
  }
  return values;
}

std::vector<double> values_of(const TrialTable& trials, const std::string& case_name,
                              std::string_view metric) {
  std::vector<double> values;
  for (const auto& [block, value] : trials.values(case_name, metric)) values.push_back(value);
  return values;
}

}  // namespace pingperf
