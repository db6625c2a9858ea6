#include "harness/base/suggest.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace pingperf {

namespace {

// Returns the first candidate that begins with the part, such as "throughput_bps" for "throughput",
// else the first that contains it. Returns "" if there is none.
std::string_view with_part(std::string_view part, std::span<const std::string_view> known) {
  for (const bool at_start : {true, false})
    for (const std::string_view candidate : known)
      if (at_start ? candidate.starts_with(part) : candidate.find(part) != std::string_view::npos)
        return candidate;
  return "";
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i)
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

std::optional<std::string_view> similar_name(std::string_view word,
                                             std::span<const std::string_view> known) {
  const std::string_view shown = word.substr(0, 64);
  std::string_view nearest;
  std::size_t least = std::max<std::size_t>(1, shown.size() / 3) + 1;
  for (std::string_view candidate : known)
    if (const std::size_t d = edit_distance(shown, candidate); d < least) {
      least = d;
      nearest = candidate;
    }
  if (nearest.empty() && shown.size() >= 3) nearest = with_part(shown, known);
  if (nearest.empty()) return std::nullopt;
  return nearest;
}

std::string suggest(std::string_view word, std::span<const std::string_view> known) {
  if (const auto similar = similar_name(word, known))
    return fmt::format(", did you mean '{}'?", *similar);
  return fmt::format("; known: {}", fmt::join(known, ", "));
}

}  // namespace pingperf
