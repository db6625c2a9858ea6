// Numbers in texts.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace pingperf {

// Returns the number that is the whole of `text`. Returns nothing for other texts and for numbers
// that T cannot hold. `base` is a whole number's: 10 unless given.
template <typename T, typename... Base>
std::optional<T> parse_number(std::string_view text, Base... base) {
  T value{};
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value, base...);
  if (error != std::errc() || rest != end) return std::nullopt;
  return value;
}

}  // namespace pingperf
