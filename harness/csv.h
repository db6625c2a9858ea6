// CSV as RFC 4180 has it, in UTF-8 with a header row.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace pingperf {

// A file that is not CSV as we write it: "FILE:LINE: what is wrong".
class CsvError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// One row and its newline. A field is quoted only when it holds a comma, a quote or a line break.
std::string csv_row(const std::vector<std::string>& fields);

// A table as text: columns by name.
class CsvTable {
 public:
  // Reads text that ends with a newline; a last line without one is torn (its write was cut short)
  // and is left out: torn() tells. Throws CsvError on anything else that is wrong, also on a quote
  // that opens before the last line and never closes: the rows after it are not to be lost.
  static CsvTable parse(std::string_view text, const std::string& source);
  // Throws CsvError also when the file cannot be read.
  static CsvTable read(const std::filesystem::path& file);

  const std::vector<std::string>& header() const noexcept { return header_; }
  const std::vector<std::vector<std::string>>& rows() const noexcept { return rows_; }
  bool torn() const noexcept { return torn_; }
  const std::string& source() const noexcept { return source_; }
  // Drops the rows that `unwanted` is true of.
  template <typename Predicate>
  void erase_rows(Predicate unwanted) {
    std::erase_if(rows_, unwanted);
  }

  // The index of a column. Throws CsvError naming the file when there is none.
  std::size_t column(std::string_view name) const;
  bool has(std::string_view name) const;

 private:
  std::string source_;
  std::vector<std::string> header_;
  std::map<std::string, std::size_t, std::less<>> columns_;
  std::vector<std::vector<std::string>> rows_;
  bool torn_ = false;
};

}  // namespace pingperf
