#include "harness/agent/group_limits.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>

namespace pingperf {
namespace {

namespace fs = std::filesystem;

// Returns the quota that the files of one group hold: cpu.max of version 2, or those of version 1,
// where -1 is no limit.
std::optional<double> quota_of(const fs::path& group) {
  double quota = 0, period = 0;
  if (std::ifstream both(group / "cpu.max"); both >> quota >> period && period > 0)
    return quota / period;
  std::ifstream quotas(group / "cpu.cfs_quota_us"), periods(group / "cpu.cfs_period_us");
  if (quotas >> quota && periods >> period && quota > 0 && period > 0) return quota / period;
  return std::nullopt;
}

// Returns the bytes that one group may use: memory.max of version 2, or that of version 1, which is
// near 2^63 without a limit.
std::optional<std::uint64_t> memory_of(const fs::path& group) {
  std::uint64_t bytes = 0;
  if (std::ifstream in(group / "memory.max"); in >> bytes) return bytes;
  std::ifstream in(group / "memory.limit_in_bytes");
  if (in >> bytes && bytes < std::uint64_t{1} << 60) return bytes;
  return std::nullopt;
}

bool has_controller(const std::string& controllers, std::string_view wanted) {
  std::istringstream names(controllers);
  for (std::string name; std::getline(names, name, ',');)
    if (name == wanted) return true;
  return false;
}

template <typename T>
std::optional<T> lowest_of(const std::string& groups, std::string_view controller,
                           const std::string& root, std::optional<T> (*limit_of)(const fs::path&)) {
  std::optional<T> lowest;
  std::istringstream lines(groups);
  for (std::string line; std::getline(lines, line);) {  // NUMBER:CONTROLLERS:PATH
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', std::min(first, line.size() - 1) + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (!controllers.empty() && !has_controller(controllers, controller)) continue;
    const fs::path top = fs::path(root) / controllers;
    // A container may see the path of its host, of which only the top is mounted there.
    for (fs::path path = line.substr(second + 1); !path.empty(); path = path.parent_path()) {
      const auto limit = limit_of(top / path.relative_path());
      if (limit) lowest = std::min(lowest.value_or(*limit), *limit);
      if (path == path.parent_path()) break;
    }
  }
  return lowest;
}

}  // namespace

std::optional<double> cpu_quota(const std::string& groups, const std::string& root) {
  return lowest_of(groups, "cpu", root, quota_of);
}

std::optional<std::uint64_t> memory_max(const std::string& groups, const std::string& root) {
  return lowest_of(groups, "memory", root, memory_of);
}

}  // namespace pingperf
