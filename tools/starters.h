// The experiments that `pingperf init` writes: files of configs/, embedded.
#pragma once

#include <string_view>

namespace pingperf {

inline constexpr std::string_view kStarters[] = {"quickstart", "ci", "two-hosts", "program"};

// Returns the text of one of kStarters.
std::string_view starter_text(std::string_view name);

}  // namespace pingperf
