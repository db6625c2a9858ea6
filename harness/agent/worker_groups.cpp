#include "harness/agent/worker_groups.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "harness/agent/group_limits.h"
#include "sockets/core/error.h"
#include "sockets/core/fd.h"
#include "sockets/transport/token.h"

namespace pingperf {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kUsualFolder = "/sys/fs/cgroup";
constexpr std::uint64_t kPeriod_us = 100'000;

// Returns this process's group in a hierarchy (proc(5), /proc/PID/cgroup): that of `controller` in
// version 1, or of version 2 if `controller` is "".
std::optional<std::string> own_group(const std::string& controller) {
  std::ifstream lines("/proc/self/cgroup");
  for (const ProcessGroup& group : process_groups(lines))
    if (controller.empty() ? group.controllers.empty() : group.has(controller)) return group.path;
  return std::nullopt;
}

bool has_word(const fs::path& file, const std::string& wanted) {
  std::ifstream in(file);
  for (std::string word; in >> word;)
    if (word == wanted) return true;
  return false;
}

// Returns the folder of the hierarchies. In a lab, ip-netns(8) mounts a new /sys that hides the
// folder. Then uses /proc/PPID/root of the parent, which is the controller.
fs::path groups_folder() {
  const fs::path usual = kUsualFolder;
  const fs::path of_parent = fmt::format("/proc/{}/root{}", ::getppid(), usual.string());
  std::error_code error;
  const bool is_hidden = fs::is_empty(usual, error) || error;
  return is_hidden && !fs::is_empty(of_parent, error) && !error ? of_parent : usual;
}

std::string group_name() {
  return fmt::format("pingperf-{}-{}", ::getpid(), to_hex(mint_token()).substr(0, 8));
}

// Returns the group that the workers' group is made in. A group of version 2 has either processes
// or groups, so it is the parent of the agent's group.
fs::path parent_group(const fs::path& root, const std::string& own) {
  return own == "/" ? root : fs::path(root.string() + own).parent_path();
}

void require_writable(const fs::path& folder) {
  if (::access(folder.c_str(), W_OK) != 0)
    throw std::runtime_error(fmt::format("cgroup: cannot make a group in {}: {}", folder.string(),
                                         errno == EACCES ? "requires root" : "it does not exist"));
}

// Returns the command that removes the group, with the usual path: an undo may run elsewhere.
std::vector<std::string> removal_of(const std::string& folder) {
  const std::string root = groups_folder().string();
  return {"rmdir", std::string(kUsualFolder) + folder.substr(root.size())};
}

WorkerGroup group_of_version_1(const std::string& controller, const std::string& own) {
  const fs::path folder = groups_folder() / controller;
  const fs::path parent = own == "/" ? folder : fs::path(folder.string() + own);
  require_writable(parent);
  const std::string group = (parent / group_name()).string();
  return {group, removal_of(group), {}};
}

}  // namespace

std::vector<WorkerGroup> worker_groups(std::optional<double> cpu,
                                       std::optional<std::uint64_t> memory) {
  const std::string quota =
      std::to_string(static_cast<std::uint64_t>(cpu.value_or(1) * kPeriod_us));
  const auto cpu_1 = own_group("cpu"), memory_1 = own_group("memory");
  std::vector<WorkerGroup> groups;
  if (cpu && cpu_1) {
    groups.push_back(group_of_version_1("cpu", *cpu_1));
    groups.back().settings = {{"cpu.cfs_period_us", std::to_string(kPeriod_us)},
                              {"cpu.cfs_quota_us", quota}};
  }
  if (memory && memory_1) {
    groups.push_back(group_of_version_1("memory", *memory_1));
    groups.back().settings = {{"memory.limit_in_bytes", std::to_string(*memory)}};
  }
  WorkerGroup second;
  if (cpu && !cpu_1)
    second.settings.emplace_back("cpu.max", fmt::format("{} {}", quota, kPeriod_us));
  if (memory && !memory_1) second.settings.emplace_back("memory.max", std::to_string(*memory));
  if (second.settings.empty()) return groups;
  const auto own = own_group("");
  if (!own) throw std::runtime_error("cgroup: this host has no control groups");
  const fs::path parent = parent_group(groups_folder(), *own);
  require_writable(parent);
  for (const auto& [file, value] : second.settings)
    if (const std::string controller = file.substr(0, file.find('.'));
        !has_word(parent / "cgroup.subtree_control", controller))
      throw std::runtime_error(fmt::format("cgroup: the controller {0} is off: echo +{0} > {1}",
                                           controller,
                                           (parent / "cgroup.subtree_control").string()));
  second.folder = (parent / group_name()).string();
  second.removal = removal_of(second.folder);
  groups.push_back(std::move(second));
  return groups;
}

bool is_group_removal(const std::vector<std::string>& command) {
  return command.size() == 2 && command.front() == "rmdir" && command[1].starts_with(kUsualFolder);
}

std::string failure_of_group_removal(const std::vector<std::string>& command) {
  const std::string folder = groups_folder().string() + command[1].substr(kUsualFolder.size());
  return ::rmdir(folder.c_str()) == 0 || errno == ENOENT ? "" : std::strerror(errno);
}

void join_group(const std::string& folder, int pid) {
  const std::string file = folder + "/cgroup.procs", text = std::to_string(pid);
  const Fd fd(check(::open(file.c_str(), O_WRONLY | O_CLOEXEC), file));
  check(static_cast<int>(::write(fd.get(), text.data(), text.size())), file);
}

}  // namespace pingperf
