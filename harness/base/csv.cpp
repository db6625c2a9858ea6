#include "harness/base/csv.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>

#include "harness/base/parse_number.h"

namespace pingperf {
namespace {

// Reads records one by one.
class Reader {
 public:
  Reader(std::streambuf& text, const std::string& source) : text_(text), source_(source) {}

  bool at_end() { return text_.sgetc() == kEnd; }
  // See CsvTable.
  bool torn() const { return torn_; }
  char separator() const { return separator_ ? separator_ : ','; }
  bool is_foreign() const { return has_other_bytes_ || separator() != ','; }

  // Reads the next record. Returns false if the text ends before the record does.
  bool next() {
    fields_.clear();
    ends_.clear();
    first_line_ = line_;
    bool was_quoted = false;
    for (int c = text_.sbumpc(); c != kEnd; c = text_.sbumpc()) {
      const std::size_t begin = ends_.empty() ? 0 : ends_.back();
      if (c == '"' && fields_.size() == begin && !was_quoted) {
        if (!quoted()) return false;
        was_quoted = true;
      } else if (is_separator(c) || c == '\n') {
        end_field();
        was_quoted = false;
        if (c != '\n') continue;
        ++line_;
        return true;
      } else if (c == '\r') {
        if (!at_end() && text_.sgetc() != '\n')
          fail(line_, "a carriage return inside a field must be quoted");
        has_other_bytes_ = true;
      } else if (c == '"' || was_quoted) {
        fail(line_, "a quote inside a field must be doubled, and the field quoted");
      } else {
        fields_ += static_cast<char>(c);
      }
    }
    end_field();
    return false;
  }

  // Reads the header row, and what spreadsheets write before it. Its first separator is that of the
  // file.
  std::vector<std::string> header() {
    skip_byte_order_mark();
    bool is_read = next();
    while (is_read && size() == 2 && (*this)[0] == "sep=") {  // a line of Excel that names it
      has_other_bytes_ = true;
      is_read = next();
    }
    if (!is_read) fail(1, "no header row: the file is empty or cut short");
    separator_ = separator();
    std::vector<std::string> names;
    for (std::size_t i = 0; i < size(); ++i) names.emplace_back((*this)[i]);
    return names;
  }

  // Reads the next record that has any text. Returns false at the end, or if the last record is
  // torn. Throws if the record has not `columns` fields.
  bool next_row(std::size_t columns) {
    while (!at_end()) {
      const bool is_whole = next() || (is_foreign() && size() == columns);
      torn_ = !is_whole;
      if (torn_) return false;
      if (fields_.empty()) continue;
      if (size() != columns)
        fail(first_line_, fmt::format("{} fields where the header has {}", size(), columns));
      return true;
    }
    return false;
  }

  // The fields of the record, valid until next(), and the line that the record begins in.
  std::size_t size() const { return ends_.size(); }
  std::string_view operator[](std::size_t i) const {
    const std::size_t begin = i == 0 ? 0 : ends_[i - 1];
    return std::string_view(fields_).substr(begin, ends_[i] - begin);
  }
  std::size_t first_line() const { return first_line_; }

 private:
  static constexpr int kEnd = std::char_traits<char>::eof();

  [[noreturn]] void fail(std::size_t line, std::string_view what) const {
    throw CsvError(fmt::format("{}:{}: {}", source_, line, what));
  }

  // Until the separator is known, each of the usual ones is it.
  bool is_separator(int c) {
    if (separator_ == 0 && (c == ',' || c == ';' || c == '\t')) separator_ = static_cast<char>(c);
    return c == separator_ && c != 0;
  }

  void end_field() { ends_.push_back(fields_.size()); }
  void skip_byte_order_mark() {
    if (text_.sgetc() == 0xFF || text_.sgetc() == 0xFE)
      fail(1, "is UTF-16: save it as CSV in UTF-8");
    while (text_.sgetc() == 0xEF) {
      for (const int byte : {0xEF, 0xBB, 0xBF})
        if (text_.sbumpc() != byte) fail(1, "is not UTF-8: save it as CSV in UTF-8");
      has_other_bytes_ = true;
    }
  }

  // Reads a quoted field up to its closing quote. Returns false if the last line ends before it.
  // Throws if the field swallows further lines: those are rows, so the file is damaged, not torn.
  bool quoted() {
    const std::size_t opened = line_;
    for (int c = text_.sbumpc(); c != kEnd; c = text_.sbumpc()) {
      if (c == '\n') ++line_;
      if (c == '"' && text_.sgetc() != '"') return true;
      if (c == '"') text_.sbumpc();
      fields_ += static_cast<char>(c);
    }
    if (line_ != opened) fail(opened, "a quoted field that never ends");
    return false;
  }

  std::streambuf& text_;
  const std::string& source_;
  std::string fields_;             // of the record, end to end
  std::vector<std::size_t> ends_;  // of each field in fields_
  std::size_t line_ = 1;
  std::size_t first_line_ = 1;
  char separator_ = 0;  // not known yet
  bool has_other_bytes_ = false;
  bool torn_ = false;
};

void open_file(std::filebuf& in, const std::filesystem::path& file) {
  if (!in.open(file, std::ios::in | std::ios::binary))
    throw CsvError(file.string() + ": cannot be read");
}

}  // namespace

std::string csv_row(const std::vector<std::string>& fields) {
  std::string row;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) row += ',';
    if (fields[i].find_first_of(",;\t\"\r\n") == std::string::npos) {
      row += fields[i];
      continue;
    }
    row += '"';
    for (char c : fields[i]) row += c == '"' ? std::string("\"\"") : std::string(1, c);
    row += '"';
  }
  return row + '\n';
}

bool reads_as_missing(std::string_view text) {
  // The defaults of pandas.read_csv(). "NA" is also that of R's read.csv().
  static constexpr std::string_view missing[] = {
      "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
      "<NA>", "N/A",      "NA",  "NULL",    "NaN",      "None", "n/a",  "nan",    "null"};
  return std::ranges::find(missing, text) != std::end(missing);
}

std::optional<double> number_in(std::string_view cell) {
  const auto value = parse_number<double>(cell);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

void CsvColumn::push_back(std::string_view cell) {
  if (ends_.empty() && size_ > 0 && cell != text_) {  // the first cell that differs
    const std::string first = text_;
    for (std::size_t row = 0; row < size_; ++row) {
      if (row > 0) text_ += first;
      ends_.push_back(static_cast<std::uint32_t>(text_.size()));
    }
  }
  if (!ends_.empty() || size_ == 0) text_ += cell;
  if (text_.size() > UINT32_MAX) throw CsvError("a column of CSV that holds more than 4 GiB");
  if (!ends_.empty()) ends_.push_back(static_cast<std::uint32_t>(text_.size()));
  ++size_;
}

std::string_view CsvColumn::operator[](std::size_t row) const noexcept {
  if (ends_.empty()) return text_;
  const std::size_t begin = row == 0 ? 0 : ends_[row - 1];
  return std::string_view(text_).substr(begin, ends_[row] - begin);
}

std::vector<std::string> CsvTable::Row::fields() const {
  std::vector<std::string> fields;
  for (const CsvColumn& column : table_->cells_) fields.emplace_back(column[index_]);
  return fields;
}

CsvTable::CsvTable(std::vector<std::string> header, std::string source)
    : header_(std::move(header)), source_(std::move(source)), cells_(header_.size()) {
  for (std::size_t i = 0; i < header_.size(); ++i) columns_.emplace(header_[i], i);
}

CsvTable CsvTable::parse(std::streambuf& text, const std::string& source) {
  Reader record(text, source);
  CsvTable table(record.header(), source);
  while (record.next_row(table.header_.size())) table.push_back(record);
  table.torn_ = record.torn();
  table.separator_ = record.separator();
  table.is_foreign_ = record.is_foreign();
  return table;
}

CsvTable CsvTable::without_rows() const {
  CsvTable table(header_, source_);
  table.separator_ = separator_;
  table.is_foreign_ = is_foreign_;
  table.torn_ = torn_;
  return table;
}

CsvTable CsvTable::parse(std::string_view text, const std::string& source) {
  std::stringbuf in{std::string(text), std::ios::in};
  return parse(in, source);
}

CsvTable CsvTable::read(const std::filesystem::path& file) {
  std::filebuf in;
  open_file(in, file);
  return parse(in, file.string());
}

std::size_t CsvTable::column(std::string_view name) const {
  const auto found = columns_.find(name);
  if (found == columns_.end()) throw CsvError(fmt::format("{}: no column '{}'", source_, name));
  return found->second;
}

bool CsvTable::has(std::string_view name) const {
  return columns_.find(name) != columns_.end();
}

void scan_csv(const std::filesystem::path& file, const std::vector<std::string_view>& columns,
              const std::function<void(const CsvCells&)>& visit) {
  const std::string source = file.string();
  std::filebuf in;
  open_file(in, file);
  Reader record(in, source);
  const std::vector<std::string> header = record.header();
  std::vector<std::size_t> wanted;
  for (const std::string_view column : columns) {
    const auto found = std::ranges::find(header, column);
    if (found == header.end()) throw CsvError(fmt::format("{}: no column '{}'", source, column));
    wanted.push_back(static_cast<std::size_t>(found - header.begin()));
  }
  std::vector<std::string_view> cells(wanted.size());
  while (record.next_row(header.size())) {
    for (std::size_t i = 0; i < wanted.size(); ++i) cells[i] = record[wanted[i]];
    visit({cells, record.first_line()});
  }
}

}  // namespace pingperf
