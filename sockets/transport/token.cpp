#include "sockets/transport/token.h"

#include <sys/random.h>

#include <cstring>

#include "sockets/core/error.h"
#include "sockets/core/hex.h"

namespace pingperf {

Token mint_token() {
  Token token;
  check(static_cast<int>(::getrandom(token.data(), token.size(), 0)), "getrandom");
  return token;
}

std::string to_hex(const Token& token) {
  return to_hex(std::string_view(reinterpret_cast<const char*>(token.data()), token.size()));
}

std::optional<Token> token_from_hex(std::string_view text) {
  Token token;
  const std::optional<std::string> bytes = from_hex(text);
  if (!bytes || bytes->size() != token.size()) return std::nullopt;
  std::memcpy(token.data(), bytes->data(), token.size());
  return token;
}

bool same_token(const Token& a, const Token& b) noexcept {
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= a[i] ^ b[i];
  return difference == 0;
}

}  // namespace pingperf
