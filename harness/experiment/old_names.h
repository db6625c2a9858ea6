// Names of earlier versions that are still read: the engine `noop` was `null` until 0.1, which
// pandas and R take for a missing value.
#pragma once

#include <string>
#include <string_view>

namespace pingperf {

struct Node;

inline constexpr std::string_view kOldNoop = "null", kNoop = "noop";

// Returns the text with "engine=noop" for each "engine=null" between slashes, blanks or the ends:
// the name of a case, or a list of parameters.
std::string with_current_names(std::string text);

// Replaces the old name in the sections of an experiment that name engines, with or without quotes.
void use_current_names(Node& experiment);

}  // namespace pingperf
