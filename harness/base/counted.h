// Counts with their noun: "1 trial", "2 trials".
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

}  // namespace pingperf
