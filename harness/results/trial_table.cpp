#include "harness/results/trial_table.h"

#include <fmt/core.h>

#include <algorithm>

#include "harness/base/parse_number.h"
#include "harness/experiment/old_names.h"
#include "harness/results/columns.h"

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

// Returns true for "1,500", which is 1.5 or 1500 unless another cell shows what a comma is.
bool has_two_readings(std::string_view cell, std::size_t comma) {
  constexpr std::string_view digits = "0123456789";
  std::string_view whole = cell.substr(0, comma);
  if (whole.starts_with('-')) whole.remove_prefix(1);
  const std::string_view rest = cell.substr(comma + 1);
  return rest.size() == 3 && rest.find_first_not_of(digits) == std::string_view::npos &&
         !whole.empty() && whole.size() <= 3 && whole != "0";
}

// Returns the number with a decimal point in place of its comma, if that can be nothing else, or if
// it is known that commas are decimal.
std::string with_decimal_point(std::string_view cell, bool is_known) {
  std::string text(cell);
  const std::size_t comma = text.find(',');
  if (comma == std::string::npos || (!is_known && has_two_readings(cell, comma))) return text;
  text[comma] = '.';
  return number_in(text) ? text : std::string(cell);
}

// Returns a cell as pingperf writes it. Spreadsheets write flags in capitals.
std::string own_cell(std::string_view cell, CellType type, bool has_decimal_commas) {
  if (type == CellType::number) return with_decimal_point(cell, has_decimal_commas);
  if (type == CellType::flag && cell == "TRUE") return "true";
  if (type == CellType::flag && cell == "FALSE") return "false";
  return std::string(cell);
}

// Returns the table with the cells that pingperf writes. Only between semicolons or tabs, a comma
// can be a decimal one. One number with such a comma shows that all commas are.
CsvTable with_own_cells(CsvTable table) {
  std::vector<std::pair<std::size_t, CellType>> columns;
  for (std::size_t i = 0; i < table.header().size(); ++i) {
    const CellType type = cell_type(table.header()[i]).value_or(CellType::text);
    if (type == CellType::flag || (type == CellType::number && table.separator() != ','))
      columns.emplace_back(i, type);
  }
  const auto changes = [&](const CsvTable::Row& row, bool any_type) {
    return std::ranges::any_of(columns, [&](const auto& column) {
      const auto [i, type] = column;
      return (any_type || type == CellType::number) && own_cell(row[i], type, false) != row[i];
    });
  };
  const auto has = [&](bool any_type) {
    return std::ranges::any_of(table.rows(),
                               [&](const CsvTable::Row& row) { return changes(row, any_type); });
  };
  if (!has(true)) return table;
  const bool has_decimal_commas = has(false);
  return table.changed([&](std::vector<std::string>& fields) {
    for (const auto& [i, type] : columns) fields[i] = own_cell(fields[i], type, has_decimal_commas);
  });
}

}  // namespace

TrialTable::TrialTable(CsvTable table)
    : table_(with_own_cells(with_current_names(std::move(table)))) {
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
  const std::optional<double> value = number_in(cell);
  if (!value)
    throw CsvError(fmt::format("{}: '{}' in column {} is not a number{}", table_.source(), cell,
                               table_.header()[column],
                               cell.find_first_of("0123456789") != std::string_view::npos
                                   ? ": write numbers with a decimal point and without separators "
                                     "of thousands"
                                   : ""));
  return value;
}

bool TrialTable::is_ok(const Row& row) const {
  return text(row, "status") == name(Status::ok);
}

std::size_t TrialTable::count_ok(const std::string& case_name) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(rows_of(case_name), [&](std::size_t i) { return is_ok(rows()[i]); }));
}

std::uint64_t TrialTable::block(const Row& row) const {
  const std::string_view cell = text(row, "block");
  const auto block = parse_number<std::uint64_t>(cell);
  if (!block) throw CsvError(fmt::format("{}: '{}' is no block", table_.source(), cell));
  return *block;
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
  const std::size_t column = table_.column(metric);
  for (std::size_t i : rows_of(case_name)) {
    const Row row = rows()[i];
    if (!is_ok(row)) continue;
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
