// Counts in texts: "1 trial", "2 trials", "a, b and 3 more".
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace pingperf {

// Returns the number and the noun, with an "s" unless the number is 1.
inline std::string counted(std::uint64_t n, std::string_view noun) {
  return fmt::format("{} {}{}", n, noun, n == 1 ? "" : "s");
}

// Returns "a, b and 3 more": the first `limit` names of a list or set, and the number of the
// others.
template <typename Names>
std::string listed(const Names& names, std::size_t limit) {
  std::string text;
  std::size_t shown = 0;
  for (const std::string& name : names) {
    if (shown == limit) return fmt::format("{} and {} more", text, names.size() - limit);
    text += (shown++ > 0 ? ", " : "") + name;
  }
  return text;
}

}  // namespace pingperf
