#include "harness/experiment/host_reader.h"

#include <fmt/core.h>

#include <algorithm>

#include "harness/base/lines.h"
#include "harness/experiment/address_reader.h"
#include "harness/experiment/error_list.h"
#include "harness/experiment/fleet_reader.h"
#include "harness/experiment/keys.h"
#include "harness/experiment/parameter_reader.h"

namespace pingperf {
namespace {

// A short form of `launch`: the arguments before `pingperf agent`.
struct ShortForm {
  std::string_view key;
  std::vector<std::string> before;  // before the host's name
  std::vector<std::string> after;   // after it
};

const std::vector<ShortForm>& short_forms() {
  // BatchMode: ssh must not prompt, because its stdin is the agent's.
  static const std::vector<ShortForm> forms = {
      {"ssh", {"ssh", "-o", "BatchMode=yes", "-o", "ServerAliveInterval=5"}, {}},
      {"netns", {"ip", "netns", "exec"}, {}},
      {"docker", {"docker", "exec", "-i"}, {}},
      {"podman", {"podman", "exec", "-i"}, {}},
      {"kubectl", {"kubectl", "exec", "-i"}, {"--"}},
      // --overlap: several agents share the CPUs of a job's node.
      {"srun", {"srun", "--overlap", "--nodes=1", "--ntasks=1", "--nodelist"}, {}},
  };
  return forms;
}

std::vector<std::string> read_launch_arguments(const Node& node) {
  if (node.type != Node::Type::sequence || node.items.empty() || node.items.front().scalar.empty())
    fail_at(node.mark, "launch must be a list of the command's words, e.g. [ssh, bench1]");
  std::vector<std::string> arguments;
  for (const Node& argument : node.items) arguments.push_back(read_text(argument, "launch"));
  return arguments;
}

void read_launcher(const Node& node, Host& host) {
  std::string_view chosen;
  const auto choose = [&](std::string_view key, const Node& value) {
    if (!chosen.empty())
      fail_at(value.mark, fmt::format("{} and {}: a host has one way to reach it", chosen, key));
    chosen = key;
  };
  if (const Node* const arguments = node.find("launch")) {
    choose("launch", *arguments);
    host.launch = read_launch_arguments(*arguments);
  }
  const Node* const space = node.find("namespace");
  for (const std::string_view key : launcher_names()) {
    const Node* const value = node.find(key);
    if (!value) continue;
    choose(key, *value);
    const std::string name = read_name(*value, key);
    host.launch = launch_by(
        key, name, space && key == "kubectl" ? read_name(*space, "namespace") : std::string());
    host.name = name_of_host(key, name);
  }
  if (space && chosen != "kubectl")
    fail_at(space->mark, "namespace: requires kubectl; a network namespace is netns");
}

// Reads a server that runs without an agent, such as `pingperf pong`.
void read_external(Host& host, const std::string& end, const Node& node, ErrorList& errors) {
  const Node& external = *node.find("external");
  if (end != "server")
    errors.add_at(external.mark, "external: only the server can be; the client is always an agent");
  for (const Node::Entry& other : node.entries)
    if (other.key != "external" && other.key != "port" && other.key != "name")
      errors.add_at(other.mark,
                    fmt::format("{}: an external server has no agent of ours", other.key));
  errors.attempt([&] {
    host.name = host.external = host.address = read_text(external, "external");
    check_address(host.external, "external", external.mark);
  });
  errors.read_key(node, "port", [&](const Node& port) {
    host.port = static_cast<std::uint16_t>(read_key_count(port, "host", "port"));
  });
}

void read_bind(Host& host, const Node& node) {
  host.bind = read_text(node, "bind");
  check_address(host.bind, "bind", node.mark);
  if (is_host_name(host.bind))
    fail_at(node.mark, fmt::format("bind: '{}' is no numeric address", host.bind));
}

// Reads a host that has an agent.
void read_own(Host& host, const Node& node, ErrorList& errors) {
  errors.read_key(node, "port", [](const Node& port) {
    fail_at(port.mark,
            "port of a host is where an external server listens: for the trials write "
            "port: in defaults or a workload");
  });
  errors.attempt([&] { read_launcher(node, host); });
  errors.read_key(node, "address", [&](const Node& address) {
    host.address = read_text(address, "address");
    check_address(host.address, "address", address.mark);
  });
  errors.read_key(node, "bind", [&](const Node& bind) { read_bind(host, bind); });
  errors.read_key(node, "pingperf",
                  [&](const Node& path) { host.pingperf = read_text(path, "pingperf"); });
  errors.read_key(node, "copy", [&](const Node& copy) { host.copy = read_flag(copy, "copy"); });
  if (!errors.empty()) return;  // others would follow
  if (!host.bind.empty() && host.address.empty())
    errors.add_at(node.find("bind")->mark,
                  "bind: add the address that the client dials, e.g. address: 192.0.2.1");
  if (host.launch.empty() && node.find("copy"))
    errors.add_at(node.find("copy")->mark, "copy: this machine has pingperf already");
}

// Reads the host of one end. The entry's key is "client" or "server".
Host read_host(const Node::Entry& entry) {
  const Node& node = entry.value;
  Host host;
  host.location = entry.mark.to_string();
  ErrorList errors;
  errors.attempt([&] { check_keys(node, "host '" + entry.key + "'", keys_of("host")); });
  if (node.find("external"))
    read_external(host, entry.key, node, errors);
  else
    read_own(host, node, errors);
  errors.read_key(node, "name", [&](const Node& name) { host.name = read_name(name, "name"); });
  errors.throw_if_any();
  return host;
}

HostPair read_pair(const Node& node, std::string_view what,
                   const std::vector<std::string_view>& keys) {
  HostPair pair;
  ErrorList errors;
  errors.attempt([&] { check_keys(node, what, keys); });
  for (const Node::Entry& entry : node.entries)
    if (entry.key == "client" || entry.key == "server")
      errors.attempt(
          [&] { (entry.key == "client" ? pair.client : pair.server) = read_host(entry); });
  errors.read_key(node, "name", [&](const Node& name) { pair.name = read_name(name, "name"); });
  errors.throw_if_any();
  if (!pair.name.empty()) return pair;
  if (!pair.client->name.empty() && !pair.server->name.empty())
    pair.name = pair.client->name + "-" + pair.server->name;
  return pair;
}

// Returns how the host is reached: different for different hosts.
std::string way_to(const Host& host) {
  if (host.is_external()) return "external: " + host.external;
  return host.launch.empty() ? "this machine" : command_line(host.launch);
}

bool is_on_this_machine(const Host& host) {
  constexpr std::string_view kLocal[] = {"ip", "docker", "podman"};
  return host.launch.empty() || std::ranges::count(kLocal, host.launch.front()) != 0;
}

}  // namespace

std::vector<std::string_view> launcher_names() {
  std::vector<std::string_view> names;
  for (const ShortForm& form : short_forms()) names.push_back(form.key);
  return names;
}

std::vector<std::string_view> ways_to_reach() {
  std::vector<std::string_view> ways = launcher_names();
  ways.push_back("launch");
  return ways;
}

std::vector<std::string> launch_by(std::string_view launcher, const std::string& host,
                                   const std::string& space) {
  std::vector<std::string> launch;
  for (const ShortForm& form : short_forms()) {
    if (form.key != launcher) continue;
    launch = form.before;
    if (!space.empty()) launch.insert(launch.end(), {"--namespace", space});
    launch.push_back(host);
    launch.insert(launch.end(), form.after.begin(), form.after.end());
  }
  return launch;
}

std::string name_of_host(std::string_view launcher, const std::string& host) {
  return launcher == "ssh" ? host.substr(host.find('@') + 1) : host;
}

// Refuses names that the launcher would read as options.
std::string read_name(const Node& node, std::string_view what) {
  const std::string& name = read_text(node, what);
  if (name.empty() || name.front() == '-')
    fail_at(node.mark, fmt::format("{}: '{}' is no name", what, name));
  check_for_missing(name, node.mark, what);
  return name;
}

void UniqueNames::add(const HostPair& pair, const Mark& mark) {
  if (!pairs_.insert(pair.name).second)
    fail_at(mark, fmt::format("two pairs are named '{}': give one of them a name", pair.name));
  for (const Host* const host : {&*pair.client, &*pair.server}) {
    if (host->name.empty() || !seen_.insert(host).second) continue;
    const std::string way = way_to(*host);
    const std::string& known = hosts_.try_emplace(host->name, way).first->second;
    if (known != way)
      throw UsageError(fmt::format(
          "{}: '{}' is the name of two hosts, of '{}' and of '{}': give one of them a name",
          host->location, host->name, known, way));
  }
}

bool runs_in_place(const Experiment& experiment, const Host& host) {
  return host.launch.empty() || experiment.lab;
}

bool may_share_cpus(const HostPair& hosts) {
  return hosts.client->launch == hosts.server->launch ||
         (is_on_this_machine(*hosts.client) && is_on_this_machine(*hosts.server));
}

namespace {

// Throws UsageError for each of the keys that the hosts have.
void refuse_keys(const Node& hosts, const std::vector<const char*>& keys, const char* remedy) {
  ErrorList errors;
  for (const char* const key : keys)
    errors.read_key(hosts, key, [&](const Node& value) {
      fail_at(value.mark, fmt::format("{}: {}", key, remedy));
    });
  errors.throw_if_any();
}

void read_pairs(const Node& pairs, Experiment& experiment) {
  if (pairs.type != Node::Type::sequence || pairs.items.empty())
    fail_at(pairs.mark,
            "pairs must be a list of hosts, e.g. [{client: {ssh: a1}, server: {ssh: b1, address: "
            "192.0.2.1}}]");
  experiment.hosts.clear();
  UniqueNames names;
  ErrorList errors;
  for (const Node& item : pairs.items)
    errors.attempt([&] {
      HostPair pair = read_pair(item, "a pair", keys_of("pair"));
      if (pair.name.empty()) pair.name = std::to_string(experiment.hosts.size() + 1);
      names.add(experiment.hosts.emplace_back(std::move(pair)), item.mark);
    });
  errors.throw_if_any();
}

}  // namespace

void read_hosts(const Node& hosts, const std::vector<UsedFile>& used, Experiment& experiment) {
  ErrorList errors;
  errors.attempt([&] { check_keys(hosts, "hosts", keys_of("hosts")); });
  const Node *const pairs = hosts.find("pairs"), *const nodes = hosts.find("nodes");
  const Node* const list = nodes ? nodes : pairs;
  if (!list) {
    errors.attempt([&] { refuse_keys(hosts, {"at_once", "minimum"}, "requires nodes or pairs"); });
    errors.attempt([&] { refuse_keys(hosts, {"addresses", "pattern"}, "requires nodes"); });
    errors.attempt([&] { experiment.hosts = {read_pair(hosts, "hosts", keys_of("hosts"))}; });
    return errors.throw_if_any();
  }
  for (const char* const other : {"client", "server", "pairs"})
    if (const Node* const value = hosts.find(other); value && value != list)
      errors.add_at(value->mark, fmt::format("{} and {}: hosts has one of them",
                                             nodes ? "nodes" : "pairs", other));
  experiment.has_pairs = true;
  if (nodes) {
    errors.attempt([&] { read_fleet(hosts, used, experiment); });
  } else {
    errors.attempt([&] { refuse_keys(hosts, {"addresses", "pattern"}, "requires nodes"); });
    errors.attempt([&] { read_pairs(*pairs, experiment); });
  }
  errors.throw_if_any();  // the counts have limits that follow from the hosts
  if (!nodes)
    errors.read_key(hosts, "at_once", [&](const Node& n) {
      experiment.pairs_at_once = read_count(n, "at_once", 1, experiment.hosts.size());
    });
  errors.read_key(hosts, "minimum", [&](const Node& n) {
    experiment.minimum_hosts = read_count(n, "minimum", 1, 2 * experiment.hosts.size());
  });
  errors.throw_if_any();
}

}  // namespace pingperf
