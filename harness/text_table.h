// Text in columns, for the terminal and for Markdown.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pingperf {

// How tables are printed.
struct Style {
  bool bold = false;                      // the header, by an escape sequence
  std::size_t width = std::string::npos;  // of the terminal; elsewhere nothing is shortened
};

// Text in columns: the first is aligned to the left and shortened in its middle to keep the table
// within the width, the others to the right.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header) : rows_{std::move(header)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string to_string(const Style& style) const;
  std::string to_markdown() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// What `text` takes on a terminal: its UTF-8 code points.
std::size_t display_width(std::string_view text);
// At most `width` wide, with "…" for what was taken out of the middle.
std::string shorten(const std::string& text, std::size_t width);

}  // namespace pingperf
