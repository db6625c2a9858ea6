// Bytes as hexadecimal digits, two per byte.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pingperf {

// Returns lower-case digits.
std::string to_hex(std::string_view bytes);

// Returns the bytes of a text of digits in either case; nullopt for any other text.
std::optional<std::string> from_hex(std::string_view hex);

}  // namespace pingperf
