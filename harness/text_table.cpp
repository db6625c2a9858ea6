#include "harness/text_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace pingperf {
namespace {

constexpr std::size_t kGap = 2;

bool begins_code_point(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
}

// The byte at which the code point of that number, from 0, begins.
std::size_t offset_of(std::string_view text, std::size_t number) {
  std::size_t at = 0;
  while (at < text.size() && !(begins_code_point(text[at]) && number-- == 0)) ++at;
  return at;
}

// What would end a cell, or be taken for markup.
std::string escape_markdown(const std::string& field) {
  std::string text;
  for (char c : field) {
    if (c == '|' || c == '*' || c == '_' || c == '`' || c == '\\') text += '\\';
    text += c == '<' ? std::string("&lt;") : c == '\n' ? std::string(" ") : std::string(1, c);
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
  const std::size_t tail = (width - 1) * 2 / 3, head = width - 1 - tail;  // the end tells most
  return text.substr(0, offset_of(text, head)) + "…" + text.substr(offset_of(text, whole - tail));
}

std::string TextTable::to_string(const Style& style) const {
  std::vector<std::size_t> widths(rows_.front().size());
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], display_width(row[i]));
  std::size_t others = 0;
  for (std::size_t i = 1; i < widths.size(); ++i) others += widths[i] + kGap;
  if (widths[0] + others > style.width)
    widths[0] = style.width > others + 12 ? style.width - others : 12;

  std::string text;
  for (const auto& row : rows_) {
    std::string line = shorten(row[0], widths[0]);
    line.append(widths[0] - std::min(widths[0], display_width(line)), ' ');
    for (std::size_t i = 1; i < row.size(); ++i) {
      line.append(kGap + widths[i] - display_width(row[i]), ' ');
      line += row[i];
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += style.bold && &row == &rows_.front() ? "\x1b[1m" + line + "\x1b[0m\n" : line + "\n";
  }
  return text;
}

std::string TextTable::to_markdown() const {
  std::string text;
  for (const auto& row : rows_) {
    text += "|";
    for (const std::string& field : row) text += fmt::format(" {} |", escape_markdown(field));
    text += "\n";
    if (&row != &rows_.front()) continue;
    text += "|---|";
    for (std::size_t i = 1; i < row.size(); ++i) text += "---:|";
    text += "\n";
  }
  return text;
}

}  // namespace pingperf
