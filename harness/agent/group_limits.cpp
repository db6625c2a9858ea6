#include "harness/agent/group_limits.h"

#include <fmt/core.h>

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

// Returns the limit in the files of one group: memory.max of version 2, where "max" is none, or
// that of version 1, where none is close to 2^63.
std::optional<std::uint64_t> memory_of(const fs::path& group) {
  constexpr std::uint64_t kNone = 1ull << 60;
  std::uint64_t bytes = 0;
  for (const char* const file : {"memory.max", "memory.limit_in_bytes"})
    if (std::ifstream limit(group / file); limit >> bytes && bytes < kNone) return bytes;
  return std::nullopt;
}

// Returns the lowest limit_of(group) of the groups with the controller, and of their parents.
template <typename LimitOf>
auto lowest(const std::string& groups, const std::string& root, const std::string& controller,
            LimitOf limit_of) {
  decltype(limit_of(fs::path())) result;
  std::istringstream lines(groups);
  for (const ProcessGroup& group : process_groups(lines)) {
    if (!group.controllers.empty() && !group.has(controller)) continue;
    const fs::path top = fs::path(root) / group.controllers;
    // A container may see the path of its host, of which only the top is mounted there.
    for (fs::path path = group.path; !path.empty(); path = path.parent_path()) {
      const auto limit = limit_of(top / path.relative_path());
      if (limit) result = std::min(result.value_or(*limit), *limit);
      if (path == path.parent_path()) break;
    }
  }
  return result;
}

}  // namespace

std::vector<ProcessGroup> process_groups(std::istream& lines) {
  std::vector<ProcessGroup> groups;
  for (std::string line; std::getline(lines, line);) {  // NUMBER:CONTROLLERS:PATH
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', std::min(first, line.size() - 1) + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    groups.push_back({line.substr(first + 1, second - first - 1), line.substr(second + 1)});
  }
  return groups;
}

std::optional<double> cpu_quota(const std::string& groups, const std::string& root) {
  return lowest(groups, root, "cpu", quota_of);
}

std::optional<std::uint64_t> memory_limit(const std::string& groups, const std::string& root) {
  return lowest(groups, root, "memory", memory_of);
}

std::uint64_t oom_kills() {
  std::ifstream counters("/proc/vmstat");
  for (std::string name; counters >> name;)
    if (std::uint64_t count = 0; counters >> count && name == "oom_kill") return count;
  return 0;
}

std::string out_of_memory(const std::string& groups, const std::vector<std::string>& joined) {
  std::optional<std::uint64_t> limit = memory_limit(groups);
  for (const std::string& folder : joined)
    if (const auto own = memory_of(folder)) limit = std::min(limit.value_or(*own), *own);
  return limit ? fmt::format("out of memory: its control group has {} MiB", *limit >> 20)
               : "out of memory";
}

}  // namespace pingperf
