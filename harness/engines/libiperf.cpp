#include "harness/engines/libiperf.h"

#include <charconv>
#include <exception>

namespace pingperf {

const Libiperf& libiperf() {
  static const Libiperf installed = load_libiperf("");
  return installed;
}

std::optional<std::string> libiperf_unavailable() {
  try {
    libiperf();
    return std::nullopt;
  } catch (const std::exception& e) {
    return e.what();
  }
}

std::string libiperf_version() {
  return libiperf_unavailable() ? "" : libiperf().version();
}

bool is_since(std::string_view version, int minor) {
  const char* const end = version.data() + version.size();
  int first = 0, second = 0;
  const auto [dot, error] = std::from_chars(version.data(), end, first);
  if (error != std::errc() || dot == end || *dot != '.') return false;
  if (std::from_chars(dot + 1, end, second).ec != std::errc()) return false;
  return first > 3 || (first == 3 && second >= minor);
}

}  // namespace pingperf
