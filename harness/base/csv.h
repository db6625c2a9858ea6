// CSV of RFC 4180, in UTF-8 with a header row. Also reads what spreadsheets make of such a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <streambuf>
#include <string>
#include <string_view>
#include <vector>

namespace pingperf {

// A file is not CSV as pingperf writes it: "FILE:LINE: the error".
class CsvError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Returns one row and its newline. Quotes only fields that hold a quote, a line break, or what a
// spreadsheet may take for a separator.
std::string csv_row(const std::vector<std::string>& fields);

// Returns true for a text that pandas or R reads as a missing value: "NA", "None", "nan". Such a
// name would vanish from a table.
bool reads_as_missing(std::string_view text);

// Returns the number in a cell, or nothing if the cell holds no finite number.
std::optional<double> number_in(std::string_view cell);

// The cells of one column, end to end. If all cells are equal, only one is stored, because about a
// hundred columns of a run never change from row to row.
class CsvColumn {
 public:
  // Throws CsvError when the column would hold more than 4 GiB.
  void push_back(std::string_view cell);
  std::string_view operator[](std::size_t row) const noexcept;

 private:
  std::string text_;
  std::vector<std::uint32_t> ends_;  // of each cell in text_; empty while all cells are equal
  std::size_t size_ = 0;
};

// A table of texts with columns by name. Stored by column, so that a million rows fit in memory.
class CsvTable {
 public:
  // Refers to one row of a table. The table must outlive the Row.
  class Row {
   public:
    Row(const CsvTable& table, std::size_t index) noexcept : table_(&table), index_(index) {}
    std::string_view operator[](std::size_t column) const { return table_->cells_[column][index_]; }
    std::vector<std::string> fields() const;

   private:
    const CsvTable* table_;
    std::size_t index_;
  };

  // The rows in order. Not std::views::transform: clang 14 cannot compile it with the libstdc++ of
  // GCC 12.
  class Rows {
   public:
    class Iterator {
     public:
      using value_type = Row;
      using difference_type = std::ptrdiff_t;
      Iterator() = default;
      Iterator(const CsvTable& table, std::size_t index) noexcept : table_(&table), index_(index) {}
      Row operator*() const noexcept { return {*table_, index_}; }
      Iterator& operator++() noexcept { return ++index_, *this; }
      Iterator operator++(int) noexcept { return {*table_, index_++}; }
      bool operator==(const Iterator&) const noexcept = default;

     private:
      const CsvTable* table_ = nullptr;
      std::size_t index_ = 0;
    };
    Rows(const CsvTable& table, std::size_t size) noexcept : table_(&table), size_(size) {}
    Iterator begin() const noexcept { return {*table_, 0}; }
    Iterator end() const noexcept { return {*table_, size_}; }
    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }
    Row operator[](std::size_t index) const noexcept { return {*table_, index}; }
    Row front() const noexcept { return (*this)[0]; }

   private:
    const CsvTable* table_;
    std::size_t size_;
  };

  // Reads text that ends with a newline. Leaves out lines without any text. A last line without a
  // newline is complete in a file of another program (is_foreign) if it has all fields. Else it is
  // torn, because its write was cut short; it is left out and torn() is true. Throws CsvError on
  // other errors. A quote that opens before the last line and never closes is such an error,
  // because it would swallow rows.
  static CsvTable parse(std::string_view text, const std::string& source);
  // Throws CsvError also when the file cannot be read.
  static CsvTable read(const std::filesystem::path& file);

  const std::vector<std::string>& header() const noexcept { return header_; }
  Rows rows() const noexcept { return {*this, size_}; }
  bool torn() const noexcept { return torn_; }
  // Returns true if another program saved the file: it has a byte-order mark, other separators or
  // other line ends than those of pingperf. The cells are the same.
  bool is_foreign() const noexcept { return is_foreign_; }
  // Returns a comma, or what a spreadsheet writes instead: a semicolon or a tab.
  char separator() const noexcept { return separator_; }
  const std::string& source() const noexcept { return source_; }
  // Returns the table of the rows for which `wanted` is true.
  template <typename Predicate>
  CsvTable filtered(Predicate wanted) const {
    CsvTable table = without_rows();
    for (const Row row : rows())
      if (wanted(row)) table.push_back(row);
    return table;
  }

  // Returns the table with other cells: `change` gets a row's fields.
  template <typename Change>
  CsvTable changed(Change change) const {
    CsvTable table = without_rows();
    for (const Row row : rows()) {
      std::vector<std::string> fields = row.fields();
      change(fields);
      table.push_back(fields);
    }
    return table;
  }

  // Returns the index of a column. Throws CsvError that names the file if there is none.
  std::size_t column(std::string_view name) const;
  bool has(std::string_view name) const;

 private:
  CsvTable(std::vector<std::string> header, std::string source);
  static CsvTable parse(std::streambuf& text, const std::string& source);
  CsvTable without_rows() const;
  // Adds a row. `fields` has one field per column.
  template <typename Fields>
  void push_back(const Fields& fields) {
    for (std::size_t i = 0; i < cells_.size(); ++i) cells_[i].push_back(fields[i]);
    ++size_;
  }

  std::vector<std::string> header_;
  std::string source_;
  char separator_ = ',';
  bool is_foreign_ = false;
  std::map<std::string, std::size_t, std::less<>> columns_;
  std::vector<CsvColumn> cells_;
  std::size_t size_ = 0;
  bool torn_ = false;
};

// One row of scan_csv(): the cells of the requested columns, and the line that the row begins in.
struct CsvCells {
  std::span<const std::string_view> cells;
  std::size_t line = 0;

  std::string_view operator[](std::size_t i) const { return cells[i]; }
};

// Calls `visit` for each row of a file. Its size does not matter, because only one row is in
// memory. Leaves out a torn last line. Throws CsvError as CsvTable::read() does, and if a column is
// missing.
void scan_csv(const std::filesystem::path& file, const std::vector<std::string_view>& columns,
              const std::function<void(const CsvCells&)>& visit);

}  // namespace pingperf
