#include "harness/agent/cpu_quota.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

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

bool has_cpu(const std::string& controllers) {
  std::istringstream names(controllers);
  for (std::string name; std::getline(names, name, ',');)
    if (name == "cpu") return true;
  return false;
}

}  // namespace

std::optional<double> cpu_quota(const std::string& groups, const std::string& root) {
  std::optional<double> lowest;
  std::istringstream lines(groups);
  for (std::string line; std::getline(lines, line);) {  // NUMBER:CONTROLLERS:PATH
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', std::min(first, line.size() - 1) + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (!controllers.empty() && !has_cpu(controllers)) continue;
    const fs::path top = fs::path(root) / controllers;
    // A container may see the path of its host, of which only the top is mounted there.
    for (fs::path path = line.substr(second + 1); !path.empty(); path = path.parent_path()) {
      const auto quota = quota_of(top / path.relative_path());
      if (quota) lowest = std::min(lowest.value_or(*quota), *quota);
      if (path == path.parent_path()) break;
    }
  }
  return lowest;
}

}  // namespace pingperf
