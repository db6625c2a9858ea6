// Characters that word processors and keyboards put in place of those of YAML.
#pragma once

#include <string>
#include <string_view>

namespace pingperf {

// Adds to each error of `source` whose line of `text` has such a character what to write instead:
// " (column 7 has a no-break space, U+00A0: write a space)".
std::string with_odd_characters(const std::string& errors, std::string_view text,
                                std::string_view source);

}  // namespace pingperf
