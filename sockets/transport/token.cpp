#include "sockets/transport/token.h"

#include <sys/random.h>

#include "sockets/core/error.h"

namespace pingperf {

Token mint_token() {
  Token token;
  check(static_cast<int>(::getrandom(token.data(), token.size(), 0)), "getrandom");
  return token;
}

std::string to_hex(const Token& token) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (std::uint8_t byte : token) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

std::optional<Token> token_from_hex(std::string_view text) {
  Token token;
  if (text.size() != 2 * token.size()) return std::nullopt;
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  for (std::size_t i = 0; i < token.size(); ++i) {
    const int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    token[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return token;
}

bool same_token(const Token& a, const Token& b) noexcept {
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= a[i] ^ b[i];
  return difference == 0;
}

}  // namespace pingperf
