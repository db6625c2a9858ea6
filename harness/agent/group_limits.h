// What control groups leave to this process (cgroups(7), versions 1 and 2).
//
// Each limit is the lowest of the groups of this process and their parents; nothing if no group has
// one. `groups` has the lines of /proc/self/cgroup, and `root` is the folder that the groups are
// mounted in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace pingperf {

// Returns the CPU seconds per second.
std::optional<double> cpu_quota(const std::string& groups,
                                const std::string& root = "/sys/fs/cgroup");

// Returns the bytes of memory.
std::optional<std::uint64_t> memory_max(const std::string& groups,
                                        const std::string& root = "/sys/fs/cgroup");

}  // namespace pingperf
