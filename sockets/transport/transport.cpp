#include "sockets/transport/transport.h"

namespace pingperf {

void fill_pattern(std::span<char> message, const Token& token) {
  std::uint64_t state;
  std::memcpy(&state, token.data(), sizeof state);
  for (char& byte : message) {
    state = state * 6364136223846793005u + 1442695040888963407u;  // Knuth's generator for MMIX
    byte = static_cast<char>(state >> 56);
  }
}

}  // namespace pingperf
