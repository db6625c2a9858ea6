// Text in columns, for the terminal and for Markdown.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace pingperf {

// How text is printed.
struct Style {
  bool color = false;                     // escape sequences, for headings too
  std::size_t width = std::string::npos;  // of the terminal; the default shortens nothing
};

// The meaning of a text, which decides its colour.
enum class TextStyle { plain, heading, ok, error, warning };

// Returns `text` in the colour of its tone if the style has colours.
std::string styled(std::string_view text, TextStyle tone, const Style& style);

struct Cell {
  std::string text;
  TextStyle tone = TextStyle::plain;

  Cell(std::string t, TextStyle how = TextStyle::plain) : text(std::move(t)), tone(how) {}
  Cell(const char* t) : text(t) {}
};

// Text in columns. The first `labels` columns name the row. The first column is aligned to the
// left, the others to the right. If a table is wider than the style allows, the parts that all
// names share move to a heading. If that is not enough, each row becomes two lines, its labels and
// its figures. If these do not fit either, the figures flow, each with the name of its column. No
// name is shortened, because a part that is left out can be the one that tells two rows apart.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header, std::size_t labels = 1);
  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  // Adds a text that to_string() prints below the last row, wrapped and indented.
  void add_note(const std::string& text) { notes_[rows_.size() - 1] = text; }
  // Adds a column with one cell per row.
  void add_column(const std::string& header, const std::vector<std::string>& cells);

  std::string to_string(const Style& style) const;
  std::string to_markdown() const;
  // Returns the width of the widest line of to_string() when nothing is shortened.
  std::size_t width() const;

 private:
  std::vector<std::vector<Cell>> rows_;       // the header first
  std::map<std::size_t, std::string> notes_;  // by row
  std::size_t labels_;
};

// Returns the width of `text` on a terminal: its number of UTF-8 code points.
std::size_t display_width(std::string_view text);
// Returns `text` in at most `width` columns, with "…" instead of its middle.
std::string shorten(const std::string& text, std::size_t width);
// Breaks each line of `text` at blanks into lines of at most `width` columns, where possible.
// Continuation lines are indented. The first line starts in column `indent`, too.
std::string wrap(std::string_view text, std::size_t width, std::size_t indent = 2);

}  // namespace pingperf
