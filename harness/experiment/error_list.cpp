#include "harness/experiment/error_list.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <sstream>
#include <string_view>

#include "harness/base/lines.h"

namespace pingperf {

namespace {

std::string_view place_of_error(std::string_view line) {
  return line.substr(0, line.find(": "));
}

}  // namespace

void ErrorList::add(const std::string& lines) {
  std::istringstream in(lines);
  for (std::string line; std::getline(in, line);)
    if (std::ranges::find(errors_, place_of_error(line), place_of_error) == errors_.end())
      errors_.push_back(std::move(line));
  if (errors_.size() < kMaxErrors) return;
  errors_.resize(kMaxErrors);
  throw_if_any();
}

void ErrorList::add_at(const Mark& mark, const std::string& message) {
  add(one_line(mark.to_string() + ": " + message));
}

void ErrorList::throw_if_any() const {
  if (!errors_.empty()) throw UsageError(fmt::format("{}", fmt::join(errors_, "\n")));
}

}  // namespace pingperf
