#include "harness/experiment/fleet_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>

#include "harness/base/counted.h"
#include "harness/base/suggest.h"
#include "harness/experiment/address_reader.h"
#include "harness/experiment/error_list.h"
#include "harness/experiment/host_list.h"
#include "harness/experiment/host_reader.h"
#include "harness/experiment/host_sources.h"
#include "harness/experiment/keys.h"
#include "harness/experiment/parameter_reader.h"
#include "harness/experiment/pattern.h"

namespace pingperf {
namespace {

constexpr std::string_view kPlaceholder = "{node}";

// Reads hosts or addresses: a text with ranges, a list of such texts, or a source of hosts.
std::vector<ListedHost> read_list(std::string_view key, const Node& value,
                                  const std::vector<UsedFile>& used) {
  if (const HostSource source = source_of(key, value); !source.key.empty()) {
    const UsedFile* const file = find_used_file(used, source.key);
    if (!file)
      fail_at(value.mark,
              fmt::format("{}: '{}' was not read: --set cannot add it", key, source.key));
    const std::string name =
        source.file.empty()
            ? source.key
            : (std::filesystem::path(value.mark.source).parent_path() / source.file).string();
    std::vector<ListedHost> hosts = parse_host_file(file->text, name);
    for (ListedHost& host : hosts) host.mark.in_stored_run = value.mark.in_stored_run;
    if (hosts.empty())
      fail_at(value.mark, source.command.empty()
                              ? fmt::format("{}: '{}' has no hosts", key, source.key)
                              : fmt::format("no running pod matches '{}'", source.key));
    return hosts;
  }
  const bool is_list = value.type == Node::Type::sequence;
  if (!is_list && value.type != Node::Type::scalar)
    fail_at(value.mark, fmt::format("{} must be a list of hosts, e.g. [a, b, \"node[01-16,20]\"], "
                                    "not {}",
                                    key, describe(value.type)));
  if (is_list && value.items.empty())
    fail_at(value.mark, fmt::format("{}: the list is empty", key));
  std::vector<ListedHost> hosts;
  const auto add = [&](const Node& item) {
    for (const std::string& name : expand_names(read_text(item, key), item.mark))
      hosts.push_back({name, "", item.mark});
  };
  if (is_list)
    for (const Node& item : value.items) add(item);
  else
    add(value);
  return hosts;
}

// Puts the name of a host into the arguments of `launch:`.
std::vector<std::string> launch_with(const Node& arguments, const std::string& name) {
  std::vector<std::string> launch;
  for (const Node& argument : arguments.items) {
    std::string text = read_text(argument, "launch");
    for (std::size_t at = 0; (at = text.find(kPlaceholder, at)) != std::string::npos;
         at += name.size())
      text.replace(at, kPlaceholder.size(), name);
    launch.push_back(std::move(text));
  }
  return launch;
}

void check_launch(const Node& arguments) {
  const bool is_command = arguments.type == Node::Type::sequence && !arguments.items.empty();
  if (!is_command || std::ranges::none_of(arguments.items, [](const Node& argument) {
        return argument.scalar.find(kPlaceholder) != std::string::npos;
      }))
    fail_at(arguments.mark,
            "launch must be a list of the command's words with {node} for the host, e.g. [ssh, -p, "
            "2222, \"{node}\"]");
}

// Reads the hosts of `nodes` with everything but their pairs.
class NodesReader {
 public:
  NodesReader(const Node& nodes, const std::vector<UsedFile>& used) : nodes_(nodes), used_(used) {}

  std::vector<Host> read() {
    check_keys(nodes_, "nodes", keys_of("nodes"));
    const std::string_view launcher = choose_launcher();
    const Node& value = *nodes_.find(launcher);
    const Node* const names = nodes_.find("names");
    if (launcher == "launch") {
      check_launch(value);
      if (!names) fail_at(value.mark, "launch: add the names of the nodes, e.g. names: \"c[1-4]\"");
    } else if (names) {
      fail_at(names->mark, fmt::format("names: requires launch; {} has the names", launcher));
    }
    const std::string space = read_namespace(launcher, value);
    std::map<std::string, Mark> known;
    const std::vector<ListedHost> list =
        read_list(names ? "names" : launcher, names ? *names : value, used_);
    ErrorList::for_each(list, [&](const ListedHost& listed) {
      Host host;
      host.name = name_of_host(launcher, listed.name);
      if (!known.emplace(host.name, listed.mark).second)
        fail_at(listed.mark, fmt::format("'{}' stands twice among the nodes", host.name));
      check_for_missing(host.name, listed.mark, "node name");
      host.launch =
          names ? launch_with(value, listed.name) : launch_by(launcher, listed.name, space);
      if (!listed.address.empty()) check_address(listed.address, "address", listed.mark);
      host.address = listed.address;
      host.location = listed.mark.to_string();
      if (const Node* const path = nodes_.find("pingperf"))
        host.pingperf = read_text(*path, "pingperf");
      if (const Node* const copy = nodes_.find("copy")) host.copy = read_flag(*copy, "copy");
      hosts_.push_back(std::move(host));
    });
    return std::move(hosts_);
  }

 private:
  std::string_view choose_launcher() const {
    const std::vector<std::string_view> ways = ways_to_reach();
    std::string_view chosen;
    for (const Node::Entry& entry : nodes_.entries) {
      if (std::ranges::find(ways, entry.key) == ways.end()) continue;
      if (!chosen.empty())
        fail_at(entry.mark,
                fmt::format("{} and {}: nodes have one way to reach them", chosen, entry.key));
      chosen = entry.key;
    }
    if (chosen.empty())
      fail_at(nodes_.mark,
              fmt::format("nodes: add a list of hosts under one of {}", fmt::join(ways, ", ")));
    return chosen;
  }

  std::string read_namespace(std::string_view launcher, const Node& value) const {
    const Node* const beside = nodes_.find("namespace");
    const bool has_selector = launcher == "kubectl" && value.type == Node::Type::map;
    if (beside && (launcher != "kubectl" || has_selector))
      fail_at(beside->mark, has_selector
                                ? "namespace: write it beside the selector"
                                : "namespace: requires kubectl; a network namespace is netns");
    const Node* const space = has_selector ? value.find("namespace") : beside;
    return space ? read_name(*space, "namespace") : std::string();
  }

  const Node& nodes_;
  const std::vector<UsedFile>& used_;
  std::vector<Host> hosts_;
};

// Sets the data addresses. Without any, a host's name is its address.
void read_addresses(const Node& hosts, const std::vector<UsedFile>& used,
                    std::vector<Host>& fleet) {
  const Node* const addresses = hosts.find("addresses");
  if (!addresses) {
    const bool has_names = hosts.find("nodes")->find("netns") == nullptr;
    for (Host& host : fleet) {
      if (!host.address.empty()) continue;
      if (!has_names)
        fail_at(hosts.find("nodes")->mark,
                "addresses: the name of a network namespace is no address: add a list");
      host.address = host.name;
    }
    return;
  }
  if (addresses->type == Node::Type::map) {
    check_keys(*addresses, "addresses", {"interface"});
    const Node* const interface = addresses->find("interface");
    if (!interface)
      fail_at(addresses->mark, "addresses: add an interface, e.g. {interface: eth1}, or a list");
    for (Host& host : fleet) host.interface = read_name(*interface, "interface");
    return;
  }
  const std::vector<ListedHost> list = read_list("addresses", *addresses, used);
  if (list.size() != fleet.size())
    fail_at(addresses->mark,
            fmt::format("addresses: {} for {}: each node has one, in the order of the nodes",
                        list.size(), counted(fleet.size(), "node")));
  for (std::size_t i = 0; i < fleet.size(); ++i) {
    check_address(list[i].name, "addresses", list[i].mark);
    fleet[i].address = list[i].name;
  }
}

struct ChosenPattern {
  Pattern pattern = Pattern::pairs;
  std::size_t center = 0;
};

// Returns the index of the host that `to` or `from` names.
std::size_t read_center(const Node& value, std::string_view key, const std::vector<Host>& fleet) {
  const Node* const center = value.type == Node::Type::map ? value.find(key) : nullptr;
  if (!center || value.entries.size() != 1)
    fail_at(value.mark,
            fmt::format("must be a map with {}, e.g. {{{}: {}}}", key, key, fleet.front().name));
  const std::string& name = read_text(*center, key);
  const auto found = std::ranges::find(fleet, name, &Host::name);
  if (found == fleet.end()) {
    std::vector<std::string_view> names;
    for (const Host& host : fleet) names.push_back(host.name);
    const std::string hint = suggest(name, names);
    fail_at(center->mark,
            fmt::format("'{}' is not among the nodes{}", name, hint.starts_with(',') ? hint : ""));
  }
  return static_cast<std::size_t>(found - fleet.begin());
}

ChosenPattern read_pattern(const Node& hosts, const std::vector<Host>& fleet) {
  const Node* const node = hosts.find("pattern");
  if (!node)
    fail_at(hosts.find("nodes")->mark,
            fmt::format("nodes need a pattern: one of {}", fmt::join(pattern_names(), ", ")));
  const bool is_map = node->type == Node::Type::map && node->entries.size() == 1;
  const std::string text = is_map ? node->entries.front().key : read_text(*node, "pattern");
  const std::optional<Pattern> pattern = pattern_from(text);
  if (!pattern)
    fail_at(is_map ? node->entries.front().mark : node->mark,
            fmt::format("unknown pattern '{}'{}", text, suggest(text, pattern_names())));
  const std::string_view key = *pattern == Pattern::incast      ? "to"
                               : *pattern == Pattern::broadcast ? "from"
                                                                : "";
  if (key.empty() == is_map)
    fail_at(node->mark, is_map
                            ? fmt::format("pattern: {} has no keys: write pattern: {}", text, text)
                            : fmt::format("pattern: {} needs a host: write {}: {{{}: {}}}", text,
                                          text, key, fleet.front().name));
  if (fleet.size() < 2)
    fail_at(node->mark, fmt::format("pattern {} needs two nodes at least: there is one", text));
  if (*pattern == Pattern::pairs && fleet.size() % 2 == 1)
    fail_at(node->mark,
            fmt::format("pattern pairs needs an even number of nodes: there are {}", fleet.size()));
  return {*pattern, is_map ? read_center(node->entries.front().value, key, fleet) : 0};
}

}  // namespace

void read_fleet(const Node& hosts, const std::vector<UsedFile>& used, Experiment& experiment) {
  const Node& nodes = *hosts.find("nodes");
  std::vector<Host> fleet = NodesReader(nodes, used).read();
  ErrorList errors;
  ChosenPattern chosen;
  errors.attempt([&] { read_addresses(hosts, used, fleet); });
  errors.attempt([&] { chosen = read_pattern(hosts, fleet); });
  errors.throw_if_any();
  const auto [pattern, center] = chosen;
  const std::size_t count =
      pattern == Pattern::all_to_all ? fleet.size() * (fleet.size() - 1) / 2 : fleet.size();
  if (count > kMaxTrials)
    fail_at(hosts.find("pattern")->mark,
            fmt::format("pattern {} of {} nodes has {} pairs, and a run has at most {} trials",
                        name(pattern), fleet.size(), count, kMaxTrials));
  const std::vector<PatternPair> pairs = pairs_of(pattern, fleet.size(), center);
  const bool is_one_trial = pattern == Pattern::incast || pattern == Pattern::broadcast;
  experiment.pairs_at_once = is_one_trial ? pairs.size() : 1;
  experiment.has_sums = is_one_trial;
  if (const Node* const at_once = hosts.find("at_once")) {
    if (is_one_trial)
      fail_at(at_once->mark, fmt::format("at_once: {} is one trial of all nodes", name(pattern)));
    experiment.pairs_at_once = read_key_count(*at_once, "hosts", "at_once");
  }
  experiment.hosts.clear();
  experiment.hosts.reserve(pairs.size());
  const std::vector<Shared<Host>> shared(fleet.begin(), fleet.end());
  UniqueNames names;
  for (const PatternPair& pair : pairs) {
    const Shared<Host>&client = shared[pair.client], &server = shared[pair.server];
    experiment.hosts.push_back(
        {client, server, std::nullopt, client->name + "-" + server->name, pair.group});
    names.add(experiment.hosts.back(), nodes.mark);
  }
}

}  // namespace pingperf
