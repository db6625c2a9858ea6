// Text in columns, for the terminal and for Markdown.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pingperf {

// How text is printed.
struct Style {
  bool color = false;                     // escape sequences, for headings too
  std::size_t width = std::string::npos;  // of the terminal; elsewhere nothing is shortened
};

// What a word says of what it stands for.
enum class Tone { plain, heading, good, bad, unsure };

// `text` in its tone, where the style has colours.
std::string toned(std::string_view text, Tone tone, const Style& style);

struct Cell {
  std::string text;
  Tone tone = Tone::plain;

  Cell(std::string t, Tone how = Tone::plain) : text(std::move(t)), tone(how) {}
  Cell(const char* t) : text(t) {}
};

// Text in columns: the first `labels` of them name the row, and the very first is aligned to the
// left, the others to the right. A table that is wider than the style allows has its first column
// shortened; where that would take too much, a row becomes two lines, its labels and its figures;
// and where those do not fit either, the figures flow, each with its column's name.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header, std::size_t labels = 1);
  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  // One more column, with a cell for each row.
  void add_column(const std::string& header, const std::vector<std::string>& cells);

  std::string to_string(const Style& style) const;
  std::string to_markdown() const;
  // What the widest line of to_string() takes when nothing is shortened.
  std::size_t width() const;

 private:
  std::vector<std::vector<Cell>> rows_;  // the header first
  std::size_t labels_;
};

// What `text` takes on a terminal: its UTF-8 code points.
std::size_t display_width(std::string_view text);
// At most `width` wide, with "…" for what was taken out of the middle.
std::string shorten(const std::string& text, std::size_t width);
// Each line of `text` broken at blanks to be at most `width` wide, where it can; what goes on is
// indented. The first one begins in column `indent` too.
std::string wrap(std::string_view text, std::size_t width, std::size_t indent = 2);

}  // namespace pingperf
