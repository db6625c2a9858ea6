// Token: 16 random bytes that the controller creates for each trial. Every connection and flow of
// the trial begins with the token. Listeners reject peers without it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pingperf {

using Token = std::array<std::uint8_t, 16>;

// Returns a new token from getrandom(2). Throws std::system_error.
Token mint_token();

// Returns 32 lower-case hexadecimal digits.
std::string to_hex(const Token& token);

// Parses the result of to_hex(). Returns nullopt if `text` is not 32 hexadecimal digits.
std::optional<Token> token_from_hex(std::string_view text);

// Compares in constant time, so that the time of a rejection reveals nothing about the token.
bool same_token(const Token& a, const Token& b) noexcept;

}  // namespace pingperf
