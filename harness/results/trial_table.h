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

// trials.csv read back: everything that is told of a run is computed from it, never from memory.
class TrialTable {
 public:
  // Throws CsvError when it is not of trials: without their columns, or with two of a case in one
  // block.
  explicit TrialTable(CsvTable table);
  // Throws CsvError.
  static TrialTable read(const std::filesystem::path& file) {
    return TrialTable(CsvTable::read(file));
  }

  using Row = CsvTable::Row;

  // A random-access range of Row.
  auto rows() const noexcept { return table_.rows(); }
  std::string_view text(const Row& row, std::string_view column) const {
    return row[table_.column(column)];
  }
  // Empty when the cell is, or when there is no such column. Throws CsvError on a cell that is no
  // number.
  std::optional<double> number(const Row& row, std::string_view column) const;

  // The cases in the order of their first trial, and the rows of each.
  const std::vector<std::string>& cases() const noexcept { return cases_; }
  const std::vector<std::size_t>& rows_of(const std::string& case_name) const;

  // Of a row. Throws CsvError.
  std::uint64_t block(const Row& row) const;

  // Only the trials of the first `blocks` blocks.
  TrialTable first(std::uint64_t blocks) const;

  // A metric's values in the ok trials of a case, by block.
  std::map<std::uint64_t, double> values(const std::string& case_name,
                                         std::string_view metric) const;

 private:
  std::optional<double> number(const Row& row, std::size_t column) const;
  void refuse_two_in_a_block(const std::string& case_name) const;

  CsvTable table_;
  std::vector<std::string> cases_;
  std::map<std::string, std::vector<std::size_t>, std::less<>> rows_of_;
};

// The same without the blocks.
std::vector<double> values_of(const TrialTable& trials, const std::string& case_name,
                              std::string_view metric);

}  // namespace pingperf
