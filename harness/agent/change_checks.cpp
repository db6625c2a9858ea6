// Checks that a host can make the changes of a variant.
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "harness/agent/changes.h"
#include "harness/agent/lab.h"
#include "harness/agent/worker_groups.h"
#include "harness/base/command.h"
#include "harness/base/lines.h"
#include "harness/engines/program.h"

namespace pingperf {
namespace {

// Returns true if this process is not in the first network namespace of the kernel. Only that has
// the sysctls of the queues of all CPUs.
bool is_in_own_network() {
  return ::access("/proc/sys/net/core/netdev_max_backlog", F_OK) != 0;
}

// Returns why this process cannot set a sysctl, or must not. The lock of a run is that of its
// network namespace, so runs in two of them could change one sysctl of the machine.
std::optional<std::string> problem_of_sysctl(const std::string& name) {
  const std::string file = sysctl_file(name);
  if (::access(file.c_str(), F_OK) != 0)
    return fmt::format("sysctl: this host has no {} (sysctl -a lists all)", name);
  if (::access(file.c_str(), W_OK) == 0) {
    if (file.starts_with("/proc/sys/net/") || !is_in_own_network()) return std::nullopt;
    return fmt::format(
        "sysctl: {} is that of the whole machine: a network namespace can change "
        "net.* only",
        name);
  }
  return fmt::format("sysctl: {} cannot be written: {}", name,
                     ::geteuid() == 0 ? std::strerror(errno) : "requires root");
}

// Returns the type of the device that a command of ip(8) adds: "vxlan". Returns "" for others.
std::string device_type(const Arguments& arguments) {
  const auto at = [&](const char* argument) { return std::ranges::find(arguments, argument); };
  const auto type = at("type");
  if (arguments.front() != "ip" || at("link") == arguments.end() || at("add") == arguments.end() ||
      type == arguments.end() || type + 1 == arguments.end())
    return "";
  return *(type + 1);
}

// Returns true if the kernel knows a type of device. Tries it in a network namespace of its own,
// because the type may be a module that is not loaded yet.
bool has_device_type(const std::string& type) {
  std::vector<std::string> command = in_new_network();
  command.insert(command.end(), {"ip", "link", "add", "pingperf0", "type", type});
  try {
    run_command(command);
  } catch (const CommandError& e) {  // most types require more arguments
    const std::string_view what = e.what();
    return what.find("Unknown device type") == std::string_view::npos &&
           what.find("not supported") == std::string_view::npos;
  }
  return true;
}

}  // namespace

std::vector<std::string> problems_of(const SystemChanges& changes) {
  std::set<std::string> problems;  // a command of several variants is one problem
  const auto add = [&](const std::string& location, const std::string& what) {
    problems.insert(fmt::format("{}: {}", location, what));
  };
  for (const auto& sysctl : changes.sysctls)
    if (const auto problem = problem_of_sysctl(sysctl.name)) add(sysctl.location, *problem);
  for (const auto* const commands : {&changes.setup, &changes.teardown})
    for (const auto& command : *commands) {
      if (const auto problem = unavailable(command.arguments.front(), ""))
        add(command.location, *problem);
      if (const std::string type = device_type(command.arguments);
          !type.empty() && !has_device_type(type))
        add(command.location, fmt::format("this kernel has no devices of type {}", type));
    }
  if ((changes.mtu || changes.offloads) && ::geteuid() != 0)
    add(changes.location, "mtu and offloads require root");
  if (changes.mtu)
    if (const auto problem = unavailable("ip", "")) add(changes.location, "mtu: " + *problem);
  if (changes.offloads)
    if (const auto problem = unavailable("ethtool", ""))
      add(changes.location, "offloads: " + *problem);
  try {
    worker_groups(changes.cpu_limit, changes.memory_limit);
  } catch (const std::runtime_error& e) {
    add(changes.location, e.what());
  }
  return {problems.begin(), problems.end()};
}

}  // namespace pingperf
