#include "harness/experiment/error_list.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <sstream>
#include <string_view>
#include <tuple>
#include <utility>

#include "harness/base/lines.h"
#include "harness/base/parse_number.h"

namespace pingperf {

namespace {

std::string_view location_of_error(std::string_view line) {
  return line.substr(0, line.find(": "));
}

struct Position {
  std::string_view file;
  int row = 0;
  int column = 0;
};

// Returns the parts of a location, "FILE:12:5". Other locations, such as of --set, have none.
Position position_of(std::string_view line) {
  const std::string_view location = location_of_error(line);
  const std::size_t column = location.rfind(':');
  if (column == std::string_view::npos || column == 0) return {};
  const std::size_t row = location.rfind(':', column - 1);
  if (row == std::string_view::npos) return {};
  return {location.substr(0, row),
          parse_number<int>(location.substr(row + 1, column - row - 1)).value_or(0),
          parse_number<int>(location.substr(column + 1)).value_or(0)};
}

}  // namespace

void ErrorList::add(const std::string& lines) {
  std::istringstream in(lines);
  for (std::string line; std::getline(in, line);)
    if (std::ranges::find(errors_, location_of_error(line), location_of_error) == errors_.end())
      errors_.push_back(std::move(line));
  if (errors_.size() < kMaxErrors) return;
  errors_.resize(kMaxErrors);
  throw_if_any();
}

void ErrorList::add_at(const Mark& mark, const std::string& message) {
  add(one_line(mark.to_string() + ": " + message));
}

void ErrorList::throw_if_any() const {
  if (errors_.empty()) return;
  std::vector<std::string_view> files = {""};  // in the order of their first errors
  for (const std::string& line : errors_)
    if (const auto file = position_of(line).file; std::ranges::find(files, file) == files.end())
      files.push_back(file);
  std::vector<std::string> sorted = errors_;
  std::ranges::stable_sort(sorted, {}, [&](const std::string& line) {
    const auto [file, row, column] = position_of(line);
    return std::tuple(std::ranges::find(files, file), row, column);
  });
  throw UsageError(fmt::format("{}", fmt::join(sorted, "\n")));
}

}  // namespace pingperf
