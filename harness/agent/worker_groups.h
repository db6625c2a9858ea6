// Control groups that limit the CPU time and the memory of an agent's workers (cgroups(7)).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pingperf {

struct WorkerGroup {
  std::string folder;                                         // to be made
  std::vector<std::string> removal;                           // a command: rmdir FOLDER
  std::vector<std::pair<std::string, std::string>> settings;  // file and value
};

// Returns the groups to make for limits in CPUs and bytes: one in the hierarchy of version 2, or
// one per controller where the host has these in version 1. Throws std::runtime_error with the
// reason if this process cannot make them.
std::vector<WorkerGroup> worker_groups(std::optional<double> cpu,
                                       std::optional<std::uint64_t> memory);

// Returns true for the removal of a group. Its folder is below /sys/fs/cgroup, which this process
// may have to reach in another way.
bool is_group_removal(const std::vector<std::string>& command);
// Removes the folder. Returns why this failed, or "".
std::string failure_of_group_removal(const std::vector<std::string>& command);

// Moves a process into a group. Throws std::system_error.
void join_group(const std::string& folder, int pid);

}  // namespace pingperf
