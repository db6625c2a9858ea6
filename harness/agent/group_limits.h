// The CPU time and memory that control groups leave to this process (cgroups(7), versions 1 and 2).
#pragma once

#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <vector>

namespace pingperf {

// The group of a process in one hierarchy: a line of /proc/PID/cgroup (proc(5)).
struct ProcessGroup {
  std::string controllers;  // separated by commas; "": version 2
  std::string path;

  bool has(const std::string& controller) const {
    return ("," + controllers + ",").find("," + controller + ",") != std::string::npos;
  }
};

std::vector<ProcessGroup> process_groups(std::istream& lines);

// Returns the lowest quota of the groups of this process and their parents, in CPU seconds per
// second; nothing if no group has one. `groups` has the lines of /proc/self/cgroup, and `root` is
// the folder that the groups are mounted in.
std::optional<double> cpu_quota(const std::string& groups,
                                const std::string& root = "/sys/fs/cgroup");

// Returns the lowest memory limit of these groups in bytes, in the same way.
std::optional<std::uint64_t> memory_limit(const std::string& groups,
                                          const std::string& root = "/sys/fs/cgroup");

// Returns how many processes of this host the kernel has killed for want of memory.
std::uint64_t oom_kills();

// Returns the cause of such an end: "out of memory", with the lowest limit of the process's control
// groups if there is one. `groups` has the lines of its /proc/PID/cgroup. `joined` has the folders
// of groups that the process was moved into: a network namespace may hide the others.
std::string out_of_memory(const std::string& groups, const std::vector<std::string>& joined);

}  // namespace pingperf
