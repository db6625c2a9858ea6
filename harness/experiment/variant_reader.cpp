#include "harness/experiment/variant_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <regex>

#include "harness/base/parse_number.h"
#include "harness/base/suggest.h"
#include "harness/base/units.h"
#include "harness/experiment/error_list.h"
#include "harness/experiment/keys.h"
#include "harness/experiment/parameter_reader.h"
#include "harness/experiment/program_reader.h"

namespace pingperf {
namespace {

const Node& require_list(const Node& node, std::string_view what, std::string_view example) {
  if (node.type != Node::Type::sequence)
    fail_at(node.mark, fmt::format("{} must be a list, e.g. {}", what, example));
  return node;
}

// Returns a text without line breaks.
const std::string& read_line(const Node& node, std::string_view what) {
  const std::string& text = read_text(node, what);
  if (text.empty() || text.find('\n') != std::string::npos)
    fail_at(node.mark, fmt::format("{}: must be one line of text", what));
  return text;
}

std::vector<std::string> read_command_arguments(const Node& node, std::string_view what,
                                                std::string_view example) {
  std::vector<std::string> arguments;
  ErrorList::for_each(require_list(node, what, example).items, [&](const Node& argument) {
    arguments.push_back(read_text(argument, what));
  });
  if (arguments.empty() || arguments.front().empty())
    fail_at(node.mark, fmt::format("{}: a command has at least one word, e.g. {}", what, example));
  return arguments;
}

std::vector<SystemChanges::Command> read_commands(const Node& node, std::string_view what) {
  constexpr std::string_view kExample = "[[ip, link, add, dummy0, type, dummy]]";
  std::vector<SystemChanges::Command> commands;
  const std::vector<Node>& items = require_list(node, what, kExample).items;
  for (const Node& command : items)  // a list of arguments is one error
    if (command.type != Node::Type::sequence)
      fail_at(command.mark, fmt::format("{}: each command is a list of its words, e.g. {}; no "
                                        "shell reads it",
                                        what, kExample));
  ErrorList::for_each(items, [&](const Node& command) {
    commands.push_back(
        {read_command_arguments(command, what, "[ip, link, add, …]"), command.mark.to_string()});
  });
  return commands;
}

void read_sysctls(const Node& node, SystemChanges& changes) {
  static const std::regex plain("[A-Za-z0-9_-]+([./][A-Za-z0-9_.:@-]+)+");
  if (node.type != Node::Type::map || node.entries.empty())
    fail_at(node.mark, "sysctl must be a map, e.g. {net.ipv4.tcp_rmem: \"4096 131072 33554432\"}");
  ErrorList::for_each(node.entries, [&](const Node::Entry& entry) {
    if (!std::regex_match(entry.key, plain) || entry.key.find("..") != std::string::npos)
      fail_at(entry.mark, fmt::format("sysctl: '{}' is no name of a sysctl: write e.g. "
                                      "net.ipv4.tcp_rmem",
                                      entry.key));
    changes.sysctls.push_back({entry.key,
                               read_line(entry.value, fmt::format("sysctl {}", entry.key)),
                               entry.mark.to_string()});
  });
}

void read_limits(const Node& node, SystemChanges& changes) {
  constexpr double kMinCpu = 0.01, kMaxCpu = 1024;  // CPUs
  constexpr std::uint64_t kMinMemory = 4 << 20;     // bytes: a worker needs so much
  ErrorList errors;
  errors.attempt([&] { check_keys(node, "cgroup", keys_of("cgroup")); });
  if (errors.empty() && node.entries.empty())
    errors.add_at(node.mark, "cgroup limits nothing: add e.g. cpu: 50%");
  errors.read_key(node, "cpu", [&](const Node& cpu) {
    const auto share = parse_percent(read_text(cpu, "cpu"));
    if (!share || *share < kMinCpu || *share > kMaxCpu)
      fail_at(cpu.mark, fmt::format("cpu: '{}' is no share of a CPU: write e.g. 50%, or 200% for "
                                    "two CPUs",
                                    cpu.scalar));
    changes.cpu_limit = *share;
  });
  errors.read_key(node, "memory", [&](const Node& memory) {
    const auto bytes = parse_size(read_text(memory, "memory"));
    if (!bytes || *bytes < kMinMemory)
      fail_at(memory.mark, fmt::format("memory: '{}' is no size from 4MiB on{}", memory.scalar,
                                       suggest_size(bytes ? "" : memory.scalar, "256MiB")));
    changes.memory_limit = *bytes;
  });
  errors.throw_if_any();
}

// Returns the host and port of "ADDRESS:PORT" or "PORT". The port may be {service_port}.
Dial read_dial(const Node& node) {
  constexpr std::string_view kChosen = "{service_port}";
  const std::string& text = read_text(node, "dial");
  Dial dial;
  const std::size_t colon = text.rfind(':');
  const std::string port = colon == std::string::npos ? text : text.substr(colon + 1);
  if (colon != std::string::npos) dial.host = text.substr(0, colon);
  if (dial.host.starts_with('[') && dial.host.ends_with(']'))
    dial.host = dial.host.substr(1, dial.host.size() - 2);
  const auto number = parse_number<std::uint16_t>(port);
  if ((port != kChosen && (!number || *number == 0)) ||
      (colon != std::string::npos && dial.host.empty()))
    fail_at(node.mark, fmt::format("dial: '{}' is no port of a service: write e.g. "
                                   "\"{{service_port}}\", 8080 or \"192.0.2.1:{{service_port}}\"",
                                   text));
  dial.port = number.value_or(0);
  return dial;
}

// Reads one variant.
class VariantReader {
 public:
  VariantReader(const Node::Entry& entry, const Experiment& experiment)
      : entry_(entry),
        node_(entry.value),
        is_lab_(experiment.lab.has_value()),
        has_router_(is_lab_ && experiment.lab->router),
        is_external_(std::ranges::any_of(
            experiment.hosts, [](const HostPair& pair) { return pair.server->is_external(); })) {}

  std::shared_ptr<const Variant> read() {
    variant_.name = entry_.key;
    variant_.location = entry_.mark.to_string();
    for (SystemChanges& changes : variant_.changes) changes.location = variant_.location;
    errors_.attempt(
        [&] { check_keys(node_, fmt::format("variant '{}'", entry_.key), keys_of("variant")); });
    read_changes();
    read("service", [&](const Node& n) { read_services(n); });
    read("address", [&](const Node& n) { variant_.address = read_line(n, "address"); });
    read("dial", [&](const Node& n) { variant_.dial = read_dial(n); });
    read("env", [&](const Node& n) { read_environment(n); });
    read("settle", [&](const Node& n) { variant_.settle = read_settle(n); });
    if (errors_.empty()) check_services();
    errors_.throw_if_any();
    return std::make_shared<const Variant>(std::move(variant_));
  }

 private:
  using Reader = std::function<void(const Node&, SystemChanges&)>;

  template <typename Read>
  void read(std::string_view key, Read read_value) {
    errors_.read_key(node_, key, read_value);
  }

  // Reads the value of a key for each target that it names, such as {client: …}. A value without
  // targets is for both ends and, if `of_path`, for the router of a lab.
  void read_placed(std::string_view key, bool of_path, const Reader& read) {
    const Node* const node = node_.find(key);
    if (!node) return;
    const bool is_by_target =
        node->type == Node::Type::map && !node->entries.empty() &&
        std::ranges::all_of(node->entries, [](const Node::Entry& entry) {
          return std::ranges::find(kTargetNames, entry.key) != kTargetNames.end();
        });
    for (const Target target : kTargets) {
      const Node* const value = is_by_target ? node->find(name(target)) : node;
      if (!value || (!is_by_target && target == Target::router && (!of_path || !has_router_)))
        continue;
      errors_.attempt([&] {
        check_target(target, value->mark, key);
        read(*value, variant_.changes[static_cast<std::size_t>(target)]);
      });
    }
  }

  void check_target(Target target, const Mark& mark, std::string_view key) const {
    if (target == Target::router && !has_router_)
      fail_at(mark, fmt::format("{}: only a lab has a router", key));
    if (target == Target::server && is_external_)
      fail_at(mark, fmt::format("{0}: no agent could change the host of an external server: write "
                                "{0}: {{client: …}}",
                                key));
  }

  void read_changes() {
    read_placed("sysctl", false, [&](const Node& node, SystemChanges& changes) {
      read_sysctls(node, changes);
      if (is_lab_) check_sysctls_of_lab(node);
    });
    read_placed("mtu", true, [](const Node& node, SystemChanges& changes) {
      changes.mtu = read_key_count(node, "lab", "mtu");
    });
    read_placed("offloads", true, [](const Node& node, SystemChanges& changes) {
      changes.offloads = read_flag(node, "offloads");
    });
    read_placed("setup", false, [](const Node& node, SystemChanges& changes) {
      changes.setup = read_commands(node, "setup");
      if (changes.setup.empty()) fail_at(node.mark, "setup has no command");
    });
    if (errors_.empty()) errors_.attempt([&] { read_teardown(); });  // what it undoes is known
    read_placed("cgroup", false, read_limits);
  }

  static void check_sysctls_of_lab(const Node& node) {
    ErrorList::for_each(node.entries, [](const Node::Entry& entry) {
      if (!entry.key.starts_with("net.") && !entry.key.starts_with("net/"))
        fail_at(entry.mark, fmt::format("sysctl: {} is that of the whole machine: a lab can change "
                                        "net.* only",
                                        entry.key));
    });
  }

  // A teardown without targets is for every target that has a setup.
  void read_teardown() {
    const Node *const setup = node_.find("setup"), *const teardown = node_.find("teardown");
    if (teardown && !setup)
      fail_at(teardown->mark, "teardown without setup: there is nothing to undo");
    if (teardown && teardown->type == Node::Type::map)
      check_keys(*teardown, "teardown", {kTargetNames.begin(), kTargetNames.end()});
    for (const Target target : kTargets) {
      SystemChanges& changes = variant_.changes[static_cast<std::size_t>(target)];
      const bool is_by_target = teardown && teardown->type == Node::Type::map;
      const Node* const own = is_by_target ? teardown->find(name(target)) : teardown;
      if (changes.setup.empty() && is_by_target && own)
        fail_at(own->mark,
                fmt::format("teardown without setup: the {} has nothing to undo", name(target)));
      if (changes.setup.empty()) continue;
      if (!own)
        fail_at(setup->mark,
                "setup without teardown: add the commands that undo it, or teardown: "
                "[] if nothing remains");
      changes.teardown = read_commands(*own, "teardown");
    }
  }

  void read_services(const Node& node) {
    constexpr std::size_t kMaxServices = 8;
    const bool is_list = node.type == Node::Type::sequence;
    if (is_list && (node.items.empty() || node.items.size() > kMaxServices))
      fail_at(node.mark, fmt::format("service: a list of 1 to {} services", kMaxServices));
    ErrorList::for_each(is_list ? node.items : std::vector<Node>{node},
                        [&](const Node& one) { variant_.services.push_back(read_service(one)); });
  }

  Service read_service(const Node& node) const {
    Service service;
    service.location = node.mark.to_string();
    ErrorList errors;
    errors.attempt([&] { check_keys(node, "service", keys_of("service")); });
    if (errors.empty() && (!node.find("on") || !node.find("run")))
      errors.add_at(node.mark, "service needs on and run: {on: server, run: [socat, …]}");
    errors.read_key(node, "on", [&](const Node& n) { service.on = read_on(n); });
    errors.read_key(node, "run", [&](const Node& n) { service.run = read_run(n); });
    errors.read_key(node, "ready", [&](const Node& n) {
      if (n.scalar != "port") service.ready = read_ready(n);
    });
    errors.throw_if_any();
    return service;
  }

  // Returns the end whose host runs a service.
  Target read_on(const Node& node) const {
    const std::string& target = read_text(node, "on");
    if (target != "client" && target != "server")
      fail_at(node.mark, "on must be client or server: the end whose host runs the service");
    const Target end = target == "client" ? Target::client : Target::server;
    check_target(end, node.mark, "service");
    return end;
  }

  // Returns the arguments of the command of a service.
  static Arguments read_run(const Node& node) {
    const Arguments arguments = read_command_arguments(node, "run", "[socat, …]");
    ErrorList::for_each(node.items, [](const Node& argument) {
      if (const auto error = error_of_service_argument(argument.scalar))
        fail_at(argument.mark, fmt::format("run: {}", *error));
    });
    return arguments;
  }

  // The client dials the service that names {service_port}.
  void check_services() const {
    std::size_t listening = 0;
    for (const Service& service : variant_.services) {
      const bool listens = service.names("service_port");
      if (listens && ++listening > 1)
        fail_at(node_.find("service")->mark, "service: only one can listen on {service_port}");
      if (!listens && !service.ready)
        throw UsageError(
            fmt::format("{}: service: it does not name {{service_port}}: add ready: "
                        "{{line: REGEX}} or {{after: 200ms}}",
                        service.location));
      if (listens && variant_.dial && variant_.dial->host.empty() && service.on == Target::client)
        fail_at(node_.find("dial")->mark,
                "dial: name the address of a service on the client, e.g. "
                "\"127.0.0.1:{service_port}\"");
    }
    const Node* const dial = node_.find("dial");
    if (dial && listening == 0)
      fail_at(dial->mark, "dial: no service of this variant names {service_port}");
    if (!dial && listening > 0)
      fail_at(node_.find("service")->mark,
              "service: the client does not reach it: add dial: \"{service_port}\"");
  }

  void read_environment(const Node& node) {
    if (node.type != Node::Type::map || node.entries.empty())
      fail_at(node.mark, "env must be a map, e.g. {GLIBC_TUNABLES: glibc.malloc.arena_max=1}");
    ErrorList::for_each(node.entries, [&](const Node::Entry& entry) {
      if (entry.key.empty() || entry.key.find('=') != std::string::npos)
        fail_at(entry.mark, fmt::format("env: '{}' is no name of a variable", entry.key));
      variant_.environment.emplace_back(entry.key, read_text(entry.value, "env"));
    });
  }

  static Nanoseconds read_settle(const Node& node) {
    const Nanoseconds time = read_duration(node, "settle");
    if (time > 60 * kSecond) fail_at(node.mark, "settle: at most 60s");
    return time;
  }

  const Node::Entry& entry_;
  const Node& node_;
  const bool is_lab_;
  const bool has_router_;
  const bool is_external_;
  Variant variant_;
  ErrorList errors_;
};

}  // namespace

Variants read_variants(const Node& map, const Experiment& experiment) {
  if (map.type != Node::Type::map || map.entries.empty())
    fail_at(map.mark, "variants must be a map with at least one variant, e.g. {plain: {}}");
  static const std::regex plain(std::string(find_key("experiment", "name").pattern));
  Variants variants;
  ErrorList errors;
  for (const Node::Entry& entry : map.entries)
    errors.attempt([&] {
      if (!std::regex_match(entry.key, plain))
        fail_at(entry.mark, fmt::format("variant name '{}' must be of letters, digits, '_' and '-'",
                                        entry.key));
      check_for_missing(entry.key, entry.mark, "variant name");
      variants.push_back(VariantReader(entry, experiment).read());
    });
  errors.throw_if_any();
  return variants;
}

Variants choose_variants(const Variants& all, const Node* list) {
  if (!list) return all;
  if (all.empty()) fail_at(list->mark, "variants: the experiment has none");
  if (require_list(*list, "variants", "[plain, overlay]").items.empty())
    fail_at(list->mark, "variants: an empty list: nothing would run");
  Variants chosen;
  for (const Node& item : list->items) {
    const std::string& wanted = read_text(item, "variants");
    const auto found = std::ranges::find_if(all, [&](const auto& v) { return v->name == wanted; });
    if (found == all.end()) {
      std::vector<std::string_view> names;
      for (const auto& variant : all) names.push_back(variant->name);
      fail_at(item.mark, fmt::format("unknown variant '{}'{}", wanted, suggest(wanted, names)));
    }
    if (std::ranges::find(chosen, *found) != chosen.end())
      fail_at(item.mark, fmt::format("variant '{}' is named twice", wanted));
    chosen.push_back(*found);
  }
  return chosen;
}

void check_variant_of(const Case& c) {
  const Variant& variant = *c.variant;
  const Transport transport = c.options->transport;
  if ((variant.dial || !variant.address.empty()) && is_unix(transport))
    throw UsageError(fmt::format(
        "{}: variant '{}': {} over {} has no address: leave case '{}' out "
        "by variants: in its workload",
        variant.location, variant.name, name(c.options->kind), name(transport), c.name));
  if (variant.dial && !has_port(transport))
    throw UsageError(
        fmt::format("{}: variant '{}': {} has no port to dial: leave case '{}' out by "
                    "variants: in its workload",
                    variant.location, variant.name, name(transport), c.name));
  const bool is_told_port = std::ranges::any_of(
      variant.services, [](const Service& service) { return service.names("port"); });
  if (c.background && (variant.dial || is_told_port))
    throw UsageError(
        fmt::format("{}: variant '{}': the background of case '{}' would share the "
                    "service's way to one server",
                    variant.location, variant.name, c.name));
  if (is_told_port && c.options->port)
    throw UsageError(
        fmt::format("{}: variant '{}': its service is told the server's port, so the "
                    "harness chooses it: remove port from case '{}'",
                    variant.location, variant.name, c.name));
}

}  // namespace pingperf
