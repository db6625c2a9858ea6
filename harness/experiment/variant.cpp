#include "harness/experiment/variant.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/base/lines.h"
#include "harness/base/suggest.h"
#include "harness/engines/program_arguments.h"

namespace pingperf {
namespace {

constexpr Nanoseconds kSettlingTime = 200 * kMillisecond;
constexpr std::array<std::string_view, 3> kServiceNames = {"address", "port", "service_port"};

// Returns the text so that no part of it is a placeholder.
std::string literal(std::string_view text) {
  std::string escaped;
  for (const char c : text) escaped.append(c == '{' || c == '}' ? 2 : 1, c);
  return escaped;
}

}  // namespace

std::string_view name(Target target) {
  return kTargetNames[static_cast<std::size_t>(target)];
}

std::vector<std::string> commands_of(const SystemChanges& changes) {
  std::vector<std::string> commands;
  for (const auto& sysctl : changes.sysctls)
    commands.push_back(
        command_line({"sysctl", "-w", fmt::format("{}={}", sysctl.name, sysctl.value)}));
  if (changes.mtu) commands.push_back(fmt::format("ip link set dev … mtu {}", *changes.mtu));
  if (changes.offloads)
    commands.push_back(
        fmt::format("ethtool -K … tso {0} gso {0} gro {0}", *changes.offloads ? "on" : "off"));
  for (const auto& command : changes.setup) commands.push_back(command_line(command.arguments));
  for (const auto& command : changes.teardown) commands.push_back(command_line(command.arguments));
  if (changes.cpu_limit || changes.memory_limit)
    commands.emplace_back("mkdir /sys/fs/cgroup/pingperf-…");
  return commands;
}

bool Service::names(std::string_view placeholder) const {
  return std::ranges::any_of(run, [&](const std::string& argument) {
    bool found = false;
    scan_argument(
        argument, [](std::string_view) {},
        [&](std::string_view name) { found |= name == placeholder; });
    return found;
  });
}

bool Variant::changes_nothing() const {
  return services.empty() && environment.empty() &&
         std::ranges::all_of(changes, &SystemChanges::are_empty);
}

Nanoseconds Variant::settling_time() const {
  return settle ? *settle : changes_nothing() ? 0 : kSettlingTime;
}

std::optional<std::string> error_of_service_argument(std::string_view argument) {
  std::optional<std::string> unknown;
  const auto unbalanced = scan_argument(
      argument, [](std::string_view) {},
      [&](std::string_view name) {
        if (std::ranges::find(kServiceNames, name) == kServiceNames.end())
          unknown = fmt::format("unknown placeholder {{{}}}{}", name, suggest(name, kServiceNames));
      });
  return unbalanced ? unbalanced : unknown;
}

ProgramEnd program_of(const Service& service, const std::string& variant,
                      const std::string& address, std::uint16_t port) {
  ProgramEnd end;
  end.program = fmt::format("{} of variant {}", service.run.front(), variant);
  for (const std::string& argument : service.run) {
    std::string text;
    scan_argument(
        argument, [&](std::string_view part) { text += literal(part); },
        [&](std::string_view name) {
          if (name == "address")
            text += literal(address);
          else if (name == "port")
            text += std::to_string(port);
          else
            text += "{port}";
        });
    end.arguments.push_back({std::move(text)});
  }
  end.ready = service.ready.value_or(ProgramReady());
  return end;
}

}  // namespace pingperf
