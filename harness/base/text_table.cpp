#include "harness/base/text_table.h"

#include <fmt/core.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <set>

namespace pingperf {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kMinName = 12;

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

// Returns the rows with their first column shortened. Returns nothing if rows that differed would
// have equal labels.
std::optional<Rows> with_short_names(const Rows& whole, std::size_t width, std::size_t labels) {
  Rows rows = whole;
  std::set<std::string> before, after;
  for (auto& row : rows) {
    std::string others;
    for (std::size_t i = 1; i < labels; ++i) others.append(1, '\n').append(row[i].text);
    before.insert(row[0].text + others);
    row[0].text = shorten(row[0].text, width);
    after.insert(row[0].text + others);
  }
  return before.size() == after.size() ? std::optional(rows) : std::nullopt;
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
    names.push_back(shorten(row[0].text, style.width - std::min(style.width, display_width(rest))) +
                    rest);
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
  const std::size_t others = width_of(widths) - widths[0];
  if (widths[0] + others <= style.width) return lines(rows_, widths, notes_, style);
  if (others + kMinName <= style.width)
    if (const auto rows = with_short_names(rows_, style.width - others, labels_))
      return lines(*rows, widths_of(*rows), notes_, style);
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
