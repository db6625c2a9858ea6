// Patterns of traffic between the hosts of a list: which of them measure with which, and when.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace pingperf {

enum class Pattern { pairs, ring, all_to_all, incast, broadcast };

std::string_view name(Pattern pattern);
std::vector<std::string_view> pattern_names();
std::optional<Pattern> pattern_from(std::string_view name);

// Two hosts that measure with each other, as indices into the list.
struct PatternPair {
  std::size_t client;
  std::size_t server;
  std::size_t group;  // pairs of different groups never measure at the same time

  bool operator==(const PatternPair&) const = default;
};

// Returns the pairs of `nodes` hosts, group by group. Within a group of pairs, ring and all_to_all,
// no host is in two pairs.
//
// pairs:       0 -> 1, 2 -> 3, ...; `nodes` is even
// ring:        0 -> 1, 1 -> 2, ..., last -> 0
// all_to_all:  every host with every other once; the client stands before the server in the list
// incast:      every other host -> `center`, all at once
// broadcast:   `center` -> every other host, all at once
std::vector<PatternPair> pairs_of(Pattern pattern, std::size_t nodes, std::size_t center = 0);

}  // namespace pingperf
