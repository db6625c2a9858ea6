#include "harness/base/text_table.h"

#include <fmt/core.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "harness/base/name_parts.h"

namespace pingperf {
namespace {

constexpr std::size_t kGap = 2;

bool begins_code_point(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
}

// Returns the byte at which the code point `number` begins, counted from 0.
std::size_t offset_of(std::string_view text, std::size_t number) {
  std::size_t at = 0;
  while (at < text.size() && !(begins_code_point(text[at]) && number-- == 0)) ++at;
  return at;
}

// Escapes characters that would end a cell or be read as markup.
std::string escape_markdown(const std::string& field) {
  std::string text;
  for (char c : field) {
    if (c == '|' || c == '*' || c == '_' || c == '`' || c == '\\') text += '\\';
    text += c == '<' ? std::string("&lt;") : c == '\n' ? std::string(" ") : std::string(1, c);
  }
  return text;
}

using Rows = std::vector<std::vector<Cell>>;
using Widths = std::vector<std::size_t>;
using Notes = std::map<std::size_t, std::string>;  // by row

Widths widths_of(const Rows& rows) {
  Widths widths(rows.front().size());
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], display_width(row[i].text));
  return widths;
}

std::size_t width_of(const Widths& widths) {
  return std::accumulate(widths.begin(), widths.end(), kGap * (widths.size() - 1));
}

// Returns the cell filled up to `width`. Only the text has the tone.
std::string padded(const Cell& cell, std::size_t width, bool left, const Style& style) {
  const std::string space(width - std::min(width, display_width(cell.text)), ' ');
  const std::string text = styled(cell.text, cell.tone, style);
  return left ? text + space : space + text;
}

std::string ended(std::string line, bool heading, const Style& style) {
  line.erase(line.find_last_not_of(' ') + 1);
  return (heading ? styled(line, TextStyle::heading, style) : line) + "\n";
}

// Returns the note on a row as lines, or "".
std::string note_lines(const Notes& notes, std::size_t row, const Style& style) {
  constexpr std::size_t kIndent = 4;
  const auto note = notes.find(row);
  if (note == notes.end()) return "";
  return std::string(kIndent, ' ') + wrap(note->second, style.width, kIndent) + "\n";
}

std::string lines(const Rows& rows, const Widths& widths, const Notes& notes, const Style& style) {
  std::string text;
  for (std::size_t k = 0; k < rows.size(); ++k) {
    const auto& row = rows[k];
    std::string line = padded(row[0], widths[0], true, style);
    for (std::size_t i = 1; i < row.size(); ++i)
      line += std::string(kGap, ' ') + padded(row[i], widths[i], false, style);
    text += ended(std::move(line), k == 0, style) + note_lines(notes, k, style);
  }
  return text;
}

std::string joined_parts(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : "/") + part;
  return text;
}

// Returns the parts that the names of all rows have.
std::vector<std::string> common_parts(const Rows& rows) {
  if (rows.size() < 3) return {};  // the header and one row: nothing to tell apart
  std::vector<std::string> common = name_parts(rows[1][0].text);
  for (std::size_t i = 2; i < rows.size(); ++i) {
    const std::vector<std::string> parts = name_parts(rows[i][0].text);
    std::erase_if(common,
                  [&](const std::string& part) { return !std::ranges::count(parts, part); });
  }
  return common;
}

// A table whose heading has the parts that all its names share.
struct FactoredRows {
  Rows rows;
  std::string heading;
};

// Returns nothing if the names share no part, or if one of them has no other part.
std::optional<FactoredRows> without_common_parts(const Rows& whole) {
  const std::vector<std::string> common = common_parts(whole);
  if (common.empty()) return std::nullopt;
  FactoredRows factored{whole, ""};
  for (std::size_t i = 1; i < whole.size(); ++i) {
    std::vector<std::string> parts = name_parts(whole[i][0].text);
    std::erase_if(parts, [&](const std::string& part) { return std::ranges::count(common, part); });
    if (parts.empty()) return std::nullopt;
    factored.rows[i][0].text = joined_parts(parts);
  }
  factored.heading = "in every row: " + joined_parts(common);
  std::string& title = factored.rows[0][0].text;
  if (const std::string whole_title = std::exchange(title, ""); !whole_title.empty()) {
    if (display_width(whole_title) <= widths_of(factored.rows)[0])
      title = whole_title;
    else
      factored.heading.insert(0, whole_title + "\n");
  }
  return factored;
}

// Breaks labels into lines of at most `width` columns, behind a "/" or a blank if possible.
// Continuation lines are indented.
std::string broken_labels(std::string labels, std::size_t width) {
  constexpr std::size_t kIndent = 4;
  std::string text;
  labels.erase(labels.find_last_not_of(' ') + 1);  // a label can be empty
  for (std::string line = std::move(labels);;) {
    if (display_width(line) <= width || width <= 2 * kIndent) return text + line;
    const std::size_t limit = offset_of(line, width), last = line.find_last_of("/ ", limit - 1);
    const std::size_t end = last == std::string::npos || last < kIndent ? limit : last + 1;
    std::string begin = line.substr(0, end);
    begin.erase(begin.find_last_not_of(' ') + 1);
    text += begin + "\n";
    line = std::string(kIndent, ' ') + line.substr(line.find_first_not_of(' ', end));
  }
}

// Returns "  ok 3/3  p50 13.4 µs ±0%". A column without a name follows the column before.
std::string flowing(const std::vector<Cell>& header, const std::vector<Cell>& row,
                    const Style& style) {
  std::string text;
  std::size_t used = 0;
  for (std::size_t i = 1; i < row.size();) {
    std::string item = header[i].text;
    std::size_t wide = kGap + display_width(item);
    do {
      item.append(1, ' ').append(styled(row[i].text, row[i].tone, style));
      wide += 1 + display_width(row[i].text);
    } while (++i < row.size() && header[i].text.empty());
    if (used > 0 && used + wide > style.width) {
      text += '\n';
      used = 0;
    }
    text.append(kGap, ' ').append(item);
    used += wide;
  }
  return text + "\n";
}

// Returns each row as a line of labels and a line of figures, in columns if they fit.
std::string split_or_flowing(const Rows& whole, std::size_t labels, const Notes& notes,
                             const Style& style) {
  Rows rows = whole;
  std::vector<std::string> names;
  for (auto& row : rows) {
    std::string rest;
    for (std::size_t i = 1; i < labels; ++i) rest += std::string(kGap, ' ') + row[i].text;
    names.push_back(broken_labels(row[0].text + rest, style.width));
    row.erase(row.begin(), row.begin() + static_cast<std::ptrdiff_t>(labels));
    row.insert(row.begin(), Cell(""));
  }
  const Widths widths = widths_of(rows);
  const bool in_columns = width_of(widths) <= style.width;
  std::string text;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    text += ended(names[i], i == 0, style);
    if (in_columns) {
      std::string line;
      for (std::size_t k = 1; k < rows[i].size(); ++k)
        line += std::string(kGap, ' ') + padded(rows[i][k], widths[k], false, style);
      text += ended(std::move(line), i == 0, style);
    } else if (i > 0) {
      text += flowing(rows[0], rows[i], style);
    }
    text += note_lines(notes, i, style);
  }
  return text;
}

}  // namespace

std::size_t display_width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_code_point));
}

std::string shorten(const std::string& text, std::size_t width) {
  const std::size_t whole = display_width(text);
  if (whole <= width || width < 5) return text;
  // Keeps more of the end, because names differ most there.
  const std::size_t tail = (width - 1) * 2 / 3, head = width - 1 - tail;
  return text.substr(0, offset_of(text, head)) + "…" + text.substr(offset_of(text, whole - tail));
}

std::string styled(std::string_view text, TextStyle tone, const Style& style) {
  static constexpr std::string_view codes[] = {"", "1", "32", "31", "33"};  // ECMA-48, SGR
  if (!style.color || tone == TextStyle::plain) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", codes[static_cast<std::size_t>(tone)], text);
}

TextTable::TextTable(std::vector<std::string> header, std::size_t labels) : labels_(labels) {
  rows_.emplace_back(header.begin(), header.end());
}

void TextTable::add_column(const std::string& header, const std::vector<std::string>& cells) {
  rows_.front().emplace_back(header);
  for (std::size_t i = 0; i < cells.size(); ++i) rows_.at(i + 1).emplace_back(cells[i]);
}

std::size_t TextTable::width() const {
  return width_of(widths_of(rows_));
}

std::string TextTable::to_string(const Style& style) const {
  const Widths widths = widths_of(rows_);
  if (width_of(widths) <= style.width) return lines(rows_, widths, notes_, style);
  if (const auto factored = without_common_parts(rows_)) {
    const Widths narrower = widths_of(factored->rows);
    if (width_of(narrower) <= style.width)
      return styled(wrap(factored->heading, style.width), TextStyle::heading, style) + "\n" +
             lines(factored->rows, narrower, notes_, style);
  }
  return split_or_flowing(rows_, labels_, notes_, style);
}

std::string TextTable::to_markdown() const {
  std::string text;
  for (const auto& row : rows_) {
    text += "|";
    for (const Cell& cell : row) text += fmt::format(" {} |", escape_markdown(cell.text));
    text += "\n";
    if (&row != &rows_.front()) continue;
    text += "|---|";
    for (std::size_t i = 1; i < row.size(); ++i) text += "---:|";
    text += "\n";
  }
  return text;
}

std::string wrap(std::string_view text, std::size_t width, std::size_t indent) {
  std::string out;
  std::size_t column = indent;
  bool begins = true;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find_first_of(" \n", at), text.size());
    const std::string_view word = text.substr(at, end - at);
    const std::size_t wide = display_width(word);
    if (!begins && column + 1 + wide > width) {
      out.append(1, '\n').append(indent, ' ');
      column = indent;
    } else if (!begins) {
      out += ' ';
      ++column;
    }
    out += word;
    column += wide;
    begins = end < text.size() && text[end] == '\n';
    if (begins) {
      out += '\n';
      column = 0;
    }
    at = end + 1;
  }
  return out;
}

}  // namespace pingperf
