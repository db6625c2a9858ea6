// The session token: 16 random bytes, minted by the controller for one trial, that every connection
// of ours opens with. A listener turns away whoever does not present it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pingperf {

using Token = std::array<std::uint8_t, 16>;

// A new token from getrandom(2). Throws std::system_error.
Token mint_token();

// 32 lower-case hexadecimal digits.
std::string to_hex(const Token& token);

// The reverse of to_hex; nothing when `text` is not exactly 32 hexadecimal digits.
std::optional<Token> token_from_hex(std::string_view text);

// Compares in constant time, so that the time of a rejection gives no hint about the token.
bool same_token(const Token& a, const Token& b) noexcept;

}  // namespace pingperf
