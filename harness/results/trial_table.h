// TrialTable: trials.csv, read back.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/base/csv.h"

namespace pingperf {

// Reads trials.csv. Every report of a run is computed from this file, never from memory.
class TrialTable {
 public:
  // Throws CsvError if the columns that every reader requires (run, experiment, workload, case,
  // block, status) are missing, or if a case has two trials in one block.
  explicit TrialTable(CsvTable table);
  // Throws CsvError.
  static TrialTable read(const std::filesystem::path& file) {
    return TrialTable(CsvTable::read(file));
  }

  using Row = CsvTable::Row;

  const std::string& source() const noexcept { return table_.source(); }
  const std::vector<std::string>& header() const noexcept { return table_.header(); }
  // Returns a random-access range of Row.
  auto rows() const noexcept { return table_.rows(); }
  // Returns the cell, or "" if the file has no such column.
  std::string_view text(const Row& row, std::string_view column) const {
    return table_.has(column) ? row[table_.column(column)] : std::string_view();
  }
  // Returns nothing for an empty cell or an unknown column. Throws CsvError if the cell is not a
  // number.
  std::optional<double> number(const Row& row, std::string_view column) const;

  // Returns the cases in the order of their first trial, and the rows of each.
  const std::vector<std::string>& cases() const noexcept { return cases_; }
  const std::vector<std::size_t>& rows_of(const std::string& case_name) const;

  // Returns true if the trials of the case are those of a search: they differ in a parameter.
  bool is_searched(const std::string& case_name) const;

  bool is_ok(const Row& row) const;
  // Returns the number of ok trials of the case.
  std::size_t count_ok(const std::string& case_name) const;

  // Returns the block of a row. Throws CsvError.
  std::uint64_t block(const Row& row) const;

  // Returns only the trials of the first `blocks` blocks.
  TrialTable first(std::uint64_t blocks) const;

  // Returns a metric's values in the ok trials of a case, by block. Returns none for a searched
  // case, because statistics must not mix its trials. Throws CsvError if a value is negative, which
  // only times between two clocks can be.
  std::map<std::uint64_t, double> values(const std::string& case_name,
                                         std::string_view metric) const;

 private:
  std::optional<double> number(const Row& row, std::size_t column) const;
  void require_columns() const;
  void refuse_two_in_a_block(const std::string& case_name) const;

  CsvTable table_;
  std::vector<std::string> cases_;
  std::map<std::string, std::vector<std::size_t>, std::less<>> rows_of_;
};

// Returns the same values without the blocks.
std::vector<double> values_of(const TrialTable& trials, const std::string& case_name,
                              std::string_view metric);

}  // namespace pingperf
