#include "harness/base/suggest.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace pingperf {

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

std::string suggest(std::string_view word, std::span<const std::string_view> known) {
  const std::string_view shown = word.substr(0, 64);
  std::string_view nearest;
  std::size_t least = std::max<std::size_t>(1, shown.size() / 3) + 1;
  for (std::string_view candidate : known)
    if (const std::size_t d = edit_distance(shown, candidate); d < least) {
      least = d;
      nearest = candidate;
    }
  if (nearest.empty() && shown.size() >= 3)  // such as "throughput" for "throughput_bps"
    for (std::string_view candidate : known)
      if (nearest.empty() && candidate.starts_with(shown)) nearest = candidate;
  if (!nearest.empty()) return fmt::format(", did you mean '{}'?", nearest);
  return fmt::format("; known: {}", fmt::join(known, ", "));
}

}  // namespace pingperf
