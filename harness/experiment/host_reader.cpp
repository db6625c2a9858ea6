#include "harness/experiment/host_reader.h"

#include <fmt/core.h>

#include <algorithm>

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
      {"kubectl", {"kubectl", "exec", "-i"}, {"--"}},
      // --overlap: several agents share the CPUs of a job's node.
      {"srun", {"srun", "--overlap", "--nodes=1", "--ntasks=1", "--nodelist"}, {}},
  };
  return forms;
}

std::vector<std::string> read_words(const Node& node) {
  if (node.type != Node::Type::sequence || node.items.empty() || node.items.front().scalar.empty())
    fail_at(node.mark, "launch must be a list of the command's words, e.g. [ssh, bench1]");
  std::vector<std::string> words;
  for (const Node& word : node.items) words.push_back(read_text(word, "launch"));
  return words;
}

// Refuses names that the launcher would read as options.
std::string read_name(const Node& node, std::string_view what) {
  const std::string& name = read_text(node, what);
  if (name.empty() || name.front() == '-')
    fail_at(node.mark, fmt::format("{}: '{}' is no name", what, name));
  return name;
}

std::vector<std::string> read_launcher(const Node& node) {
  std::vector<std::string> launch;
  std::string_view chosen;
  const auto choose = [&](std::string_view key, const Node& value) {
    if (!chosen.empty())
      fail_at(value.mark, fmt::format("{} and {}: a host has one way to reach it", chosen, key));
    chosen = key;
  };
  if (const Node* const words = node.find("launch")) {
    choose("launch", *words);
    launch = read_words(*words);
  }
  for (const ShortForm& form : short_forms()) {
    const Node* const value = node.find(form.key);
    if (!value) continue;
    choose(form.key, *value);
    launch = form.before;
    if (const Node* const space = node.find("namespace"); space && form.key == "kubectl")
      launch.insert(launch.end(), {"--namespace", read_name(*space, "namespace")});
    launch.push_back(read_name(*value, form.key));
    launch.insert(launch.end(), form.after.begin(), form.after.end());
  }
  if (const Node* const space = node.find("namespace"); space && chosen != "kubectl")
    fail_at(space->mark, "namespace: requires kubectl; a network namespace is netns");
  return launch;
}

// Reads a server that runs without an agent, such as `pingperf pong`.
Host read_external(const std::string& end, const Node& node, const Node& external) {
  if (end != "server")
    fail_at(external.mark, "external: only the server can be; the client is always an agent");
  for (const Node::Entry& other : node.entries)
    if (other.key != "external" && other.key != "port")
      fail_at(other.mark, fmt::format("{}: an external server has no agent of ours", other.key));
  Host host;
  host.external = host.address = read_text(external, "external");
  if (const Node* const port = node.find("port"))
    host.port = static_cast<std::uint16_t>(read_key_count(*port, "host", "port"));
  return host;
}

// Reads the host of one end. The entry's key is "client" or "server".
Host read_host(const Node::Entry& entry) {
  const Node& node = entry.value;
  check_keys(node, "host '" + entry.key + "'", keys_of("host"));
  if (const Node* const external = node.find("external")) {
    Host host = read_external(entry.key, node, *external);
    host.place = entry.mark.to_string();
    return host;
  }
  if (const Node* const port = node.find("port"))
    fail_at(port->mark,
            "port of a host is where an external server listens: for the trials write "
            "port: in defaults or a workload");
  Host host;
  host.place = entry.mark.to_string();
  host.launch = read_launcher(node);
  if (const Node* const address = node.find("address"))
    host.address = read_text(*address, "address");
  if (const Node* const path = node.find("pingperf")) host.pingperf = read_text(*path, "pingperf");
  if (const Node* const copy = node.find("copy")) {
    host.copy = read_flag(*copy, "copy");
    if (host.launch.empty()) fail_at(copy->mark, "copy: this machine has pingperf already");
  }
  return host;
}

HostPair read_pair(const Node& node, std::string_view what) {
  check_keys(node, what, keys_of("pair"));
  HostPair pair;
  for (const Node::Entry& entry : node.entries)
    (entry.key == "client" ? pair.client : pair.server) = read_host(entry);
  return pair;
}

bool is_on_this_machine(const Host& host) {
  constexpr std::string_view kLocal[] = {"ip", "docker", "podman"};
  return host.launch.empty() || std::ranges::count(kLocal, host.launch.front()) != 0;
}

}  // namespace

bool may_share_cpus(const HostPair& hosts) {
  return hosts.client.launch == hosts.server.launch ||
         (is_on_this_machine(hosts.client) && is_on_this_machine(hosts.server));
}

void read_hosts(const Node& hosts, Experiment& experiment) {
  check_keys(hosts, "hosts", keys_of("hosts"));
  const Node *const pairs = hosts.find("pairs"), *const at_once = hosts.find("at_once");
  if (!pairs) {
    if (at_once)
      fail_at(at_once->mark, "at_once: how many of `pairs` measure at once; there are none");
    experiment.hosts = {read_pair(hosts, "hosts")};
    return;
  }
  for (const char* const end : {"client", "server"})
    if (const Node* const host = hosts.find(end))
      fail_at(host->mark, fmt::format("hosts has pairs: the {} is that of each pair", end));
  if (pairs->type != Node::Type::sequence || pairs->items.empty())
    fail_at(pairs->mark,
            "pairs must be a list of hosts, e.g. [{client: {ssh: a1}, server: {ssh: b1, address: "
            "192.0.2.1}}]");
  experiment.hosts.clear();
  for (const Node& item : pairs->items) experiment.hosts.push_back(read_pair(item, "a pair"));
  experiment.has_pairs = true;
  if (at_once)
    experiment.pairs_at_once = read_count(*at_once, "at_once", 1, experiment.hosts.size());
}

}  // namespace pingperf
