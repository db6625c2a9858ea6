#include "sockets/transport/transport.h"

#include <algorithm>
#include <utility>

namespace pingperf {

void fill_pattern(std::span<char> message, const Token& token) {
  std::uint64_t state;
  std::memcpy(&state, token.data(), sizeof state);
  for (char& byte : message) {
    state = state * 6364136223846793005u + 1442695040888963407u;  // Knuth's generator for MMIX
    byte = static_cast<char>(state >> 56);
  }
}

FlowMark mark_of(const Token& token, MarkDirection direction) {
  constexpr char kVersion = 1;
  FlowMark mark = {'p', 'p', kVersion, static_cast<char>(direction)};
  std::copy_n(token.begin(), 4, mark.begin() + 4);
  return mark;
}

std::vector<Fd> one_flow(Fd fd) {
  std::vector<Fd> flows;
  flows.push_back(std::move(fd));
  return flows;
}

}  // namespace pingperf
