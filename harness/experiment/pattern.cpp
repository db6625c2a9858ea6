#include "harness/experiment/pattern.h"

#include <algorithm>
#include <iterator>

namespace pingperf {
namespace {

constexpr std::string_view kPatterns[] = {"pairs", "ring", "all_to_all", "incast", "broadcast"};

// The edges of a ring alternate between two groups. The last edge of an odd ring touches both.
std::vector<PatternPair> ring(std::size_t nodes) {
  std::vector<PatternPair> pairs;
  for (std::size_t i = 0; i < nodes; ++i) {
    const bool is_odd_end = nodes % 2 == 1 && i == nodes - 1;
    pairs.push_back({i, (i + 1) % nodes, is_odd_end ? 2 : i % 2});
  }
  std::ranges::stable_sort(pairs, {}, &PatternPair::group);
  return pairs;
}

// A round-robin tournament by the circle method: one player stays, the others move on by one place
// per round, and each plays the one opposite. An odd number has a dummy player, who pauses.
std::vector<PatternPair> tournament(std::size_t nodes) {
  std::vector<PatternPair> pairs;
  const std::size_t players = nodes + nodes % 2, moving = players - 1;
  pairs.reserve(nodes * (nodes - 1) / 2);
  for (std::size_t round = 0; round < moving; ++round)
    for (std::size_t i = 0; i < players / 2; ++i) {
      const std::size_t a = i == 0 ? moving : (round + i) % moving;
      const std::size_t b = (round + moving - i) % moving;
      if (std::max(a, b) < nodes) pairs.push_back({std::min(a, b), std::max(a, b), round});
    }
  return pairs;
}

}  // namespace

std::string_view name(Pattern pattern) {
  return kPatterns[static_cast<std::size_t>(pattern)];
}

std::vector<std::string_view> pattern_names() {
  return {std::begin(kPatterns), std::end(kPatterns)};
}

std::optional<Pattern> pattern_from(std::string_view name) {
  const auto found = std::ranges::find(kPatterns, name);
  if (found == std::end(kPatterns)) return {};
  return static_cast<Pattern>(found - std::begin(kPatterns));
}

std::vector<PatternPair> pairs_of(Pattern pattern, std::size_t nodes, std::size_t center) {
  if (pattern == Pattern::ring) return ring(nodes);
  if (pattern == Pattern::all_to_all) return tournament(nodes);
  std::vector<PatternPair> pairs;
  if (pattern == Pattern::pairs)
    for (std::size_t i = 0; i + 1 < nodes; i += 2) pairs.push_back({i, i + 1, 0});
  else
    for (std::size_t i = 0; i < nodes; ++i)
      if (i != center)
        pairs.push_back(pattern == Pattern::incast ? PatternPair{i, center, 0}
                                                   : PatternPair{center, i, 0});
  return pairs;
}

}  // namespace pingperf
