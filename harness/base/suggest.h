// Suggestions for misspelt words.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pingperf {

// Returns the one of `known` that is similar to `word`, nothing if none is.
std::optional<std::string_view> similar_name(std::string_view word,
                                             std::span<const std::string_view> known);

// Returns ", did you mean 'blocking'?" if one of `known` is similar to `word`, else
// "; known: a, b, c".
std::string suggest(std::string_view word, std::span<const std::string_view> known);

// Returns the least number of insertions, deletions, replacements and swaps of neighbours that
// change `a` into `b` (Damerau's optimal string alignment).
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace pingperf
