// The CPU time that control groups leave to this process (cgroups(7), versions 1 and 2).
#pragma once

#include <optional>
#include <string>

namespace pingperf {

// Returns the lowest quota of the groups of this process and their parents, in CPU seconds per
// second; nothing if no group has one. `groups` has the lines of /proc/self/cgroup, and `root` is
// the folder that the groups are mounted in.
std::optional<double> cpu_quota(const std::string& groups,
                                const std::string& root = "/sys/fs/cgroup");

}  // namespace pingperf
