#include "harness/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>

namespace pingperf {
namespace {

// Reads one record after another.
class Reader {
 public:
  Reader(std::string_view text, const std::string& source) : text_(text), source_(source) {}

  bool at_end() const { return at_ == text_.size(); }
  std::size_t line() const { return line_; }

  // Nothing when the text ends before the record does.
  std::optional<std::vector<std::string>> record() {
    std::vector<std::string> fields(1);
    first_line_ = line_;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"' && fields.back().empty() && !was_quoted_) {
        if (!quoted(fields.back())) return std::nullopt;
        continue;
      }
      ++at_;
      if (c == ',') {
        fields.emplace_back();
        was_quoted_ = false;
      } else if (c == '\n') {
        ++line_;
        was_quoted_ = false;
        return fields;
      } else if (c == '\r') {
        if (!at_end() && text_[at_] != '\n')
          fail(line_, "a carriage return inside a field must be quoted");
      } else if (c == '"' || was_quoted_) {
        fail(line_, "a quote inside a field must be doubled, and the field quoted");
      } else {
        fields.back() += c;
      }
    }
    return std::nullopt;
  }

  std::size_t first_line() const { return first_line_; }

 private:
  [[noreturn]] void fail(std::size_t line, std::string_view what) const {
    throw CsvError(fmt::format("{}:{}: {}", source_, line, what));
  }

  // A quoted field, to its closing quote. Returns false when the last line ends before it. One that
  // swallows further lines is damage, not a write cut short: those lines are rows.
  bool quoted(std::string& field) {
    const std::size_t opened = line_;
    for (++at_; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\n') ++line_;
      if (c != '"') {
        field += c;
      } else if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
        field += '"';
        ++at_;
      } else {
        ++at_;
        was_quoted_ = true;
        return true;
      }
    }
    if (line_ != opened) fail(opened, "a quoted field that never ends");
    return false;
  }

  std::string_view text_;
  const std::string& source_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::size_t first_line_ = 1;
  bool was_quoted_ = false;
};

}  // namespace

std::string csv_row(const std::vector<std::string>& fields) {
  std::string row;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) row += ',';
    if (fields[i].find_first_of(",\"\r\n") == std::string::npos) {
      row += fields[i];
      continue;
    }
    row += '"';
    for (char c : fields[i]) row += c == '"' ? std::string("\"\"") : std::string(1, c);
    row += '"';
  }
  return row + '\n';
}

CsvTable CsvTable::parse(std::string_view text, const std::string& source) {
  CsvTable table;
  table.source_ = source;
  Reader reader(text, source);
  auto header = reader.record();
  if (!header) throw CsvError(source + ":1: no header row: the file is empty or cut short");
  table.header_ = std::move(*header);
  for (std::size_t i = 0; i < table.header_.size(); ++i)
    table.columns_.emplace(table.header_[i], i);
  while (!reader.at_end()) {
    auto row = reader.record();
    if (!row) {
      table.torn_ = true;
      break;
    }
    if (row->size() != table.header_.size())
      throw CsvError(fmt::format("{}:{}: {} fields where the header has {}", source,
                                 reader.first_line(), row->size(), table.header_.size()));
    table.rows_.push_back(std::move(*row));
  }
  return table;
}

CsvTable CsvTable::read(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw CsvError(file.string() + ": cannot be read");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  return parse(text, file.string());
}

std::size_t CsvTable::column(std::string_view name) const {
  const auto found = columns_.find(name);
  if (found == columns_.end()) throw CsvError(fmt::format("{}: no column '{}'", source_, name));
  return found->second;
}

bool CsvTable::has(std::string_view name) const {
  return columns_.find(name) != columns_.end();
}

}  // namespace pingperf
