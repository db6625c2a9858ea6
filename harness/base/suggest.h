// Suggestions for misspelt words.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace pingperf {

// ", did you mean 'blocking'?" when one of `known` is near to `word`, else "; known: a, b, c".
std::string suggest(std::string_view word, std::span<const std::string_view> known);

// The least number of insertions, deletions and replacements, and swaps of neighbours counted as
// one (Damerau's optimal string alignment), that make `a` into `b`.
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace pingperf
