// Texts for docs/parameters.md beyond the parameter table: facts and constraints, in Markdown.
#pragma once

#include <string_view>

namespace pingperf {

// Returns what a user must know about the parameter beyond its table entry, or "".
std::string_view facts_about(std::string_view parameter);

// Returns which values and combinations are refused beyond the parameter's range, or "".
std::string_view constraints_of(std::string_view parameter);

}  // namespace pingperf
