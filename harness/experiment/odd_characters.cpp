#include "harness/experiment/odd_characters.h"

#include <fmt/format.h>

#include <charconv>
#include <sstream>
#include <vector>

namespace pingperf {
namespace {

struct OddCharacter {
  std::string_view bytes;  // in UTF-8
  std::string_view name;
  std::string_view right;
};

constexpr OddCharacter kOddCharacters[] = {
    {"\u00a0", "a no-break space, U+00A0", "a space"},
    {"\u2007", "a figure space, U+2007", "a space"},
    {"\u2009", "a thin space, U+2009", "a space"},
    {"\u202f", "a narrow no-break space, U+202F", "a space"},
    {"\u3000", "an ideographic space, U+3000", "a space"},
    {"\u200b", "a zero-width space, U+200B", "nothing"},
    {"\ufeff", "a byte-order mark, U+FEFF", "nothing"},
    {"\u201c", "\u201c, U+201C", "\""},
    {"\u201d", "\u201d, U+201D", "\""},
    {"\u201e", "\u201e, U+201E", "\""},
    {"\u00ab", "\u00ab, U+00AB", "\""},
    {"\u00bb", "\u00bb, U+00BB", "\""},
    {"\u2018", "\u2018, U+2018", "'"},
    {"\u2019", "\u2019, U+2019", "'"},
    {"\u2013", "an en dash, U+2013", "-"},
    {"\u2014", "an em dash, U+2014", "-"},
    {"\u2212", "a minus sign, U+2212", "-"},
    {"\u2026", "\u2026, U+2026", "..."},
    {"\uff1a", "a full-width colon, U+FF1A", ": and a space"},
    {"\uff0c", "a full-width comma, U+FF0C", ", and a space"},
    {"\uff3b", "a full-width bracket, U+FF3B", "["},
    {"\uff3d", "a full-width bracket, U+FF3D", "]"},
    {"\uff5b", "a full-width brace, U+FF5B", "{"},
    {"\uff5d", "a full-width brace, U+FF5D", "}"},
};

// Returns the note about the first such character of a line, or "".
std::string note_of(std::string_view line) {
  std::size_t first = line.size();
  const OddCharacter* odd = nullptr;
  for (const OddCharacter& character : kOddCharacters)
    if (const std::size_t at = line.find(character.bytes); at < first) {
      first = at;
      odd = &character;
    }
  if (odd == nullptr) return "";
  std::size_t column = 1;
  for (const char c : line.substr(0, first)) column += (c & 0xC0) != 0x80;  // no continuation byte
  return fmt::format(" (column {} has {}: write {})", column, odd->name, odd->right);
}

// Returns the number of the line that an error "SOURCE:LINE:COLUMN: …" names, or 0.
std::size_t line_of(std::string_view error, std::string_view source) {
  std::size_t line = 0;
  if (error.starts_with(source) && error.substr(source.size()).starts_with(':'))
    std::from_chars(error.data() + source.size() + 1, error.data() + error.size(), line);
  return line;
}

}  // namespace

std::string with_odd_characters(const std::string& errors, std::string_view text,
                                std::string_view source) {
  std::vector<std::string> lines;
  std::istringstream in{std::string(text)};
  for (std::string line; std::getline(in, line);) lines.push_back(std::move(line));
  std::string noted;
  std::istringstream each(errors);
  for (std::string error; std::getline(each, error);) {
    const std::size_t line = line_of(error, source);
    const bool is_known = line > 0 && line <= lines.size();
    noted += (noted.empty() ? "" : "\n") + error + (is_known ? note_of(lines[line - 1]) : "");
  }
  return noted;
}

}  // namespace pingperf
