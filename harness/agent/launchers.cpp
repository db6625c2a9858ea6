#include "harness/agent/launchers.h"

#include <fmt/core.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <set>

#include "harness/agent/channel.h"
#include "harness/base/lines.h"
#include "harness/base/usage_error.h"
#include "harness/experiment/host_reader.h"

namespace pingperf {

namespace {

// Where an end of a program runs: of the server (else of the client), and in the folders of this
// machine (else of another host).
using ProgramUses = std::set<std::pair<bool, bool>, std::greater<>>;  // the server first

// Returns the folder that a command needs: "" if it is that of the experiment or of the agent.
std::string folder_of(const Program& program, bool is_in_place, const std::string& experiment) {
  if (!is_in_place) return program.client.directory;
  const std::string folder = directory_here(program);
  return folder == experiment ? "" : folder;
}

// Adds the commands of a program, with its placeholders, optional arguments, folder and
// environment, and the files that it copies.
void add_commands_of(const Program& program, const ProgramUses& uses, const std::string& folder,
                     std::vector<Launcher>& launchers) {
  for (const auto& [is_server, is_in_place] : uses) {
    const ProgramEnd* const end = is_server ? &program.server : &program.client;
    if (end->arguments.empty()) continue;
    std::vector<std::string> arguments;
    if (const std::string where = folder_of(program, is_in_place, folder); !where.empty())
      arguments = {"env", "-C", where};
    if (arguments.empty() && !end->environment.empty()) arguments = {"env"};
    for (const auto& [name, value] : end->environment) arguments.push_back(name + "=" + value);
    for (const ProgramArgument& argument : end->arguments)
      arguments.push_back(argument.condition.empty()
                              ? argument.text
                              : fmt::format("[{}: {}]", argument.condition, argument.text));
    launchers.push_back(
        {program.location, fmt::format("{} (as the {} of program '{}')", command_line(arguments),
                                       is_server ? "server" : "client", program.name)});
  }
  if (!program.copy_files.empty())
    launchers.push_back(
        {program.location, fmt::format("{} (copied to other hosts for program '{}')",
                                       command_line(program.copy_files), program.name)});
}

// Adds the changes and services of a variant, each with the targets that it is made at.
void add_commands_of(const Variant& variant, std::vector<Launcher>& launchers) {
  std::vector<std::pair<std::string, std::string>> commands;  // and its targets
  for (const Target target : kTargets)
    for (const std::string& command : commands_of(variant.of(target))) {
      const auto known =
          std::ranges::find(commands, command, &decltype(commands)::value_type::first);
      if (known == commands.end())
        commands.emplace_back(command, name(target));
      else if (!known->second.ends_with(name(target)))
        known->second += fmt::format(", {}", name(target));
    }
  for (const Service& service : variant.services)
    commands.emplace_back(command_line(service.run), name(service.on));
  for (const auto& [command, targets] : commands)
    launchers.push_back(
        {variant.location, fmt::format("{} (variant '{}', {})", command, variant.name, targets)});
}

// Hosts whose commands differ in the name of the host alone.
struct AlikeHosts {
  std::string form;  // the command with {node} for the name
  std::vector<Launcher> launchers;
  std::vector<std::string> names;
};

std::string start_command_of(const Host& host, const std::vector<std::string>& launch) {
  return command_line(agent_command(launch, host.pingperf)) +
         (host.copy ? " (copy: true: by sh, which writes a copy of pingperf if necessary)" : "");
}

// Returns the launcher's arguments with {node} for the name of the host in the last argument that
// has it.
std::vector<std::string> with_placeholder(const Host& host) {
  std::vector<std::string> arguments = host.launch;
  for (auto argument = arguments.rbegin(); argument != arguments.rend() && !host.name.empty();
       ++argument)
    if (const std::size_t at = argument->find(host.name); at != std::string::npos) {
      argument->replace(at, host.name.size(), "{node}");
      break;
    }
  return arguments;
}

// Returns the commands that start the agents. Many nodes of a list share a line.
std::vector<Launcher> agent_launchers(const Experiment& experiment) {
  constexpr std::size_t kMaxLines = 3;  // of hosts that are alike
  std::vector<AlikeHosts> groups;
  std::map<std::string, std::size_t> group_of;  // by form
  std::set<std::string> known;
  std::set<const Host*> seen;  // a fleet has each host in many pairs
  for (const std::size_t pair : experiment.pairs_in_use())
    for (const Shared<Host>& host :
         {experiment.hosts[pair].client, experiment.hosts[pair].server}) {
      if (!seen.insert(&*host).second) continue;
      if (host->launch.empty() && host->pingperf.empty()) continue;
      const std::string command = start_command_of(*host, host->launch);
      if (!known.insert(command).second) continue;
      const std::string form = start_command_of(*host, with_placeholder(*host));
      const auto [group, is_new] = group_of.try_emplace(form, groups.size());
      if (is_new) groups.push_back({form, {}, {}});
      groups[group->second].launchers.push_back({host->location, command});
      groups[group->second].names.push_back(host->name);
    }
  std::vector<Launcher> launchers;
  for (AlikeHosts& group : groups)
    if (group.names.size() > kMaxLines)
      launchers.push_back({group.launchers.front().location,
                           fmt::format("{} (on {} nodes, first {})", group.form, group.names.size(),
                                       printable(group.names.front()))});
    else
      std::ranges::move(group.launchers, std::back_inserter(launchers));
  return launchers;
}

}  // namespace

std::vector<Launcher> launchers_of(const Experiment& experiment) {
  std::vector<Launcher> launchers = agent_launchers(experiment);
  std::map<const Program*, ProgramUses> programs;
  for (const Case& c : experiment.cases)
    for (const Case* const one : {&c, c.background.get()}) {
      if (!one || !one->program) continue;
      const HostPair& hosts = experiment.hosts_of(c);
      ProgramUses& uses = programs[one->program.get()];
      uses.insert({false, runs_in_place(experiment, *hosts.client)});
      if (!hosts.server->is_external())
        uses.insert({true, runs_in_place(experiment, *hosts.server)});
    }
  for (const auto& program : experiment.programs)
    if (const auto used = programs.find(program.get()); used != programs.end())
      add_commands_of(*program, used->second, experiment.folder, launchers);
  for (const auto& variant : experiment.variants)
    if (std::ranges::any_of(experiment.cases, [&](const Case& c) { return c.variant == variant; }))
      add_commands_of(*variant, launchers);
  for (const Case& c : experiment.cases) {
    if (!c.options->libiperf) continue;
    const std::string command = command_line({*c.options->libiperf}) + " (as libiperf)";
    const bool is_known = std::any_of(launchers.begin(), launchers.end(),
                                      [&](const Launcher& l) { return l.command == command; });
    if (!is_known) launchers.push_back({"case " + command_line({c.name}), command});
  }
  return launchers;
}

void refuse_launchers(const Experiment& experiment) {
  const std::vector<Launcher> launchers = launchers_of(experiment);
  if (launchers.empty()) return;
  throw UsageError(fmt::format("{}: --no-launch: refuses to run: {}", launchers.front().location,
                               launchers.front().command));
}

}  // namespace pingperf
