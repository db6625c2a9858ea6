#include "harness/agent/lab.h"

#include <fmt/core.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "harness/agent/channel.h"
#include "harness/base/command.h"
#include "harness/base/json.h"
#include "harness/base/process.h"
#include "harness/base/usage_error.h"

namespace pingperf {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "pingperf-";
const fs::path kNamespaces = "/run/netns";

// Return the addresses of a link's ends: 10.77.<link>.<end>/24 and fd77:<link>::<end>/64.
std::string address4(int link, int end) {
  return fmt::format("10.77.{}.{}", link, end);
}
std::string address6(int link, int end) {
  return fmt::format("fd77:{}::{}", link, end);
}

// Returns the start time of a process in ticks after boot (proc(5), field 22). A later process with
// the same number has another start time. Returns "" if there is no such process.
std::string start_time(const std::string& pid) {
  std::ifstream in("/proc/" + pid + "/stat");
  std::string text{std::istreambuf_iterator<char>(in), {}};
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return "";
  std::istringstream fields(text.substr(name_end + 1));
  std::string field;
  for (int number = 3; number <= 22; ++number) fields >> field;
  return field;
}

// Returns "pingperf-<pid>-<start time>-", which identifies this process as the owner of a lab.
std::string owner_prefix() {
  const std::string pid = std::to_string(::getpid());
  return fmt::format("{}{}-{}-", kPrefix, pid, start_time(pid));
}

bool is_stale(const std::string& name) {
  if (!name.starts_with(kPrefix)) return false;
  std::istringstream parts(name.substr(kPrefix.size()));
  std::string pid, start;
  std::getline(parts, pid, '-');
  std::getline(parts, start, '-');
  return !pid.empty() && !start.empty() && start_time(pid) != start;
}

std::vector<std::string> in(const std::string& name, std::vector<std::string> command) {
  command.insert(command.begin(), {"ip", "netns", "exec", name});
  return command;
}

void ip(const std::string& name, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"ip", "-n", name});
  run_command(arguments);
}

void write_sysctl(const std::string& name, const std::string& path, const std::string& value) {
  run_command(in(name, {"sh", "-c", fmt::format("echo {} > /proc/sys/{}", value, path)}));
}

// Undoes the changes of agents that were killed: the start of an agent does. Returns what could not
// be undone.
std::vector<std::string> undo_changes_in(const std::string& name) try {
  return Channel(in(name, agent_command({}, "")), name).hello().not_undone;
} catch (const ChannelError& e) {
  return {e.what()};
}

// Removes the namespace and the processes in it.
void remove_namespace(const std::string& name) {
  std::istringstream pids(run_command({"ip", "netns", "pids", name}));
  for (std::string pid; pids >> pid;) ::kill(std::stoi(pid), SIGKILL);
  run_command({"ip", "netns", "delete", name});
}

std::string percent(double share) {
  return fmt::format("{}%", 100 * share);
}

std::string microseconds(Nanoseconds time) {
  return fmt::format("{}us", time / kMicrosecond);
}

bool needs_netem(const LabOptions& o) {
  return o.delay || o.jitter || o.loss || o.reorder;
}

std::vector<std::string> netem_arguments(const LabOptions& o) {
  // A million packets: at least one second of 1500-byte frames at 10 Gbit/s.
  std::vector<std::string> arguments = {"netem", "limit", "1000000"};
  const auto add = [&](std::initializer_list<std::string> more) {
    arguments.insert(arguments.end(), more);
  };
  if (o.delay || o.jitter) add({"delay", microseconds(o.delay.value_or(0))});
  if (o.jitter) add({microseconds(*o.jitter)});
  if (o.loss) add({"loss", percent(*o.loss)});
  if (o.reorder) add({"reorder", percent(*o.reorder)});
  return arguments;
}

// The burst is a millisecond at the rate, but at least two frames.
std::vector<std::string> tbf_arguments(const LabOptions& o) {
  const std::uint64_t burst = std::max<std::uint64_t>(
      *o.rate_bps / 8 / 1000, 2 * (o.mtu.value_or(LabOptions::kDefaultMtu) + 14));
  std::vector<std::string> arguments = {"tbf", "rate", fmt::format("{}bit", *o.rate_bps), "burst",
                                        std::to_string(burst)};
  if (o.buffer_bytes)
    arguments.insert(arguments.end(), {"limit", std::to_string(*o.buffer_bytes)});
  else
    arguments.insert(arguments.end(),
                     {"latency", microseconds(o.buffer.value_or(LabOptions::kDefaultBuffer))});
  return arguments;
}

// Sets the queueing disciplines of a device. The kernel delays and drops packets first. Then it
// limits the rate and buffers packets, because the bottleneck is the last link of the path.
void shape_traffic(const std::string& network_namespace, const std::string& device,
                   const LabOptions& o) {
  const auto add = [&](const std::string& parent, const std::string& handle,
                       const std::vector<std::string>& arguments) {
    std::vector<std::string> command = {"tc",  "-n",  network_namespace, "qdisc", "add",
                                        "dev", device};
    if (parent == "root")
      command.emplace_back("root");
    else
      command.insert(command.end(), {"parent", parent});
    command.insert(command.end(), {"handle", handle});
    command.insert(command.end(), arguments.begin(), arguments.end());
    run_command(command);
  };
  if (needs_netem(o)) add("root", "1:", netem_arguments(o));
  if (o.rate_bps) add(needs_netem(o) ? "1:1" : "root", "2:", tbf_arguments(o));
}

// Returns true if devices of the network namespace in which `prefix` runs a command can have IPv6
// addresses.
bool offers_ipv6(std::vector<std::string> prefix) try {
  prefix.insert(prefix.end(), {"cat", "/proc/sys/net/ipv6/conf/default/disable_ipv6"});
  return run_command(prefix).starts_with('0');
} catch (const CommandError&) {
  return false;
}

// Adds a queueing discipline in a new namespace, in which `command` runs another command. Throws
// CommandError: in doctor's words if the kernel does not have it.
void try_qdisc(std::vector<std::string> command, const std::vector<std::string>& arguments) try {
  command.insert(command.end(), {"tc", "qdisc", "add", "dev", "lo", "root"});
  command.insert(command.end(), arguments.begin(), arguments.end());
  run_command(command);
} catch (const CommandError& e) {
  if (std::string_view(e.what()).find("qdisc kind is unknown") == std::string_view::npos) throw;
  throw CommandError(fmt::format(
      "the kernel has no {0}: sudo modprobe sch_{0}, or a kernel that has it", arguments.front()));
}

}  // namespace

std::vector<std::string> in_new_network() {
  if (::geteuid() == 0) return {"unshare", "--net"};
  return {"unshare", "--user", "--map-root-user", "--net"};
}

void check_lab(const Experiment& experiment) {
  const LabOptions& options = *experiment.lab;
  const bool needs_ipv6 = std::ranges::any_of(
      experiment.cases, [](const Case& c) { return c.options->ip == std::uint64_t{6}; });
  std::vector<std::vector<std::string>> qdiscs;
  if (needs_netem(options)) qdiscs.push_back(netem_arguments(options));
  if (options.rate_bps) qdiscs.push_back(tbf_arguments(options));
  const std::vector<std::string> probe = in_new_network();
  try {
    std::vector<std::string> tools = probe;
    tools.insert(tools.end(), {"ip", "link", "set", "lo", "up"});
    run_command(tools);
    if (needs_ipv6 && !offers_ipv6(probe))
      throw UsageError(fmt::format(
          "{}: lab: a case has ip: 6, and the kernel of this host has no IPv6 for new namespaces "
          "(net.ipv6.conf.default.disable_ipv6): remove ip: 6",
          options.location));
    for (const auto& arguments : qdiscs) try_qdisc(probe, arguments);
  } catch (const CommandError& e) {
    throw UsageError(
        fmt::format("{}: lab: this host cannot make it: {}", options.location, e.what()));
  }
}

Lab::Lab(const LabOptions& options) {
  try {
    make(options);
  } catch (...) {
    remove();
    throw;
  }
}

Lab::~Lab() {
  remove();
}

void Lab::remove() noexcept {
  for (const Namespace& space : namespaces_) try {
      remove_namespace(space.name);
    } catch (const std::exception&) {  // the next run removes the rest
    }
  namespaces_.clear();
}

void Lab::make(const LabOptions& options) {
  for (const char* const end : {"client", "server", "router"}) {
    if (end == std::string_view("router") && !options.router) break;
    const std::string name = owner_prefix() + end;
    run_command({"ip", "netns", "add", name});
    namespaces_.push_back({name, {}});
    ip(name, {"link", "set", "lo", "up"});
  }
  Namespace &client = namespaces_[0], &server = namespaces_[1];
  has_ipv6_ = offers_ipv6(in(client.name, {}));
  if (!options.router) {
    connect(client, "client0", server, "server0", 1, options);
    client.devices = {"client0"};
    server.devices = {"server0"};
  } else {
    Namespace& router = namespaces_[2];
    write_sysctl(router.name, "net/ipv4/ip_forward", "1");
    if (has_ipv6_) write_sysctl(router.name, "net/ipv6/conf/all/forwarding", "1");
    connect(client, "client0", router, "toclient", 1, options);
    connect(server, "server0", router, "toserver", 2, options);
    for (const auto& [end, link] : {std::pair{&client, 1}, {&server, 2}}) {
      ip(end->name, {"route", "add", "default", "via", address4(link, 2)});
      if (has_ipv6_) ip(end->name, {"-6", "route", "add", "default", "via", address6(link, 2)});
    }
    client.devices = {"client0"};
    server.devices = {"server0"};
    router.devices = {"toclient", "toserver"};
  }
  // The router has the bottleneck. Without a router, each end has it.
  for (const Namespace& space : namespaces_)
    if (!options.router || &space == &namespaces_.back())
      for (const std::string& device : space.devices) shape_traffic(space.name, device, options);
}

void Lab::connect(const Namespace& a, const std::string& device_a, const Namespace& b,
                  const std::string& device_b, int number, const LabOptions& options) {
  ip(a.name, {"link", "add", device_a, "type", "veth", "peer", "name", device_b, "netns", b.name});
  int end = 1;
  for (const auto& [space, device] : {std::pair{&a, device_a}, {&b, device_b}}) {
    if (options.mtu) ip(space->name, {"link", "set", device, "mtu", std::to_string(*options.mtu)});
    ip(space->name, {"address", "add", address4(number, end) + "/24", "dev", device});
    if (has_ipv6_)
      ip(space->name,
         {"-6", "address", "add", address6(number, end) + "/64", "dev", device, "nodad"});
    ip(space->name, {"link", "set", device, "up"});
    if (options.offloads) {
      const char* const state = *options.offloads ? "on" : "off";
      run_command(
          in(space->name, {"ethtool", "-K", device, "tso", state, "gso", state, "gro", state}));
    }
    ++end;
  }
}

Host Lab::client() const {
  Host host;
  host.launch = in(namespaces_[0].name, {});
  host.address = address4(1, 1);
  return host;
}

Host Lab::router() const {
  Host host;
  host.launch = in(namespaces_.at(2).name, {});
  return host;
}

Host Lab::server() const {
  const bool has_router = namespaces_.size() == 3;
  Host host;
  host.launch = in(namespaces_[1].name, {});
  host.address = has_router ? address4(2, 1) : address4(1, 2);
  if (has_ipv6_) host.address6 = has_router ? address6(2, 1) : address6(1, 2);
  return host;
}

Json Lab::facts() const {
  const auto json_of = [](const std::vector<std::string>& command) {
    return Json::parse(run_command(command), nullptr, false);
  };
  Json facts;
  for (const Namespace& space : namespaces_)
    for (const std::string& device : space.devices)
      facts[space.name.substr(space.name.rfind('-') + 1)][device] = {
          {"address", json_of({"ip", "-n", space.name, "-json", "address", "show", "dev", device})},
          {"qdisc", json_of({"tc", "-n", space.name, "-json", "qdisc", "show", "dev", device})}};
  return facts;
}

std::vector<std::string> stale_labs() {
  std::vector<std::string> names;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(kNamespaces, error))
    if (const std::string name = entry.path().filename(); is_stale(name)) names.push_back(name);
  return names;
}

std::vector<std::string> remove_stale_labs() {
  std::vector<std::string> removed;
  for (const std::string& name : stale_labs()) try {
      const std::vector<std::string> not_undone = undo_changes_in(name);
      remove_namespace(name);
      removed.push_back(name);
      for (const std::string& change : not_undone)
        removed.back() += fmt::format(" (could not undo: {})", change);
    } catch (const CommandError&) {
      if (fs::exists(fs::path(kNamespaces) / name)) throw;  // else another run has removed it
    }
  return removed;
}

void enter_user_namespaces(const std::vector<std::string>& command_line) {
  constexpr const char* kInside = "PINGPERF_IN_USER_NAMESPACES";
  if (::geteuid() == 0 || std::getenv(kInside) != nullptr) return;
  const std::vector<std::string> unshare = {"unshare", "--user", "--map-root-user", "--net",
                                            "--mount"};
  std::vector<std::string> probe = unshare;
  probe.emplace_back("true");
  run_command(probe);  // throws if the kernel refuses
  // ip-netns(8) keeps its names in /run, which the user cannot write: mounts a private one.
  std::vector<std::string> command = unshare;
  command.insert(command.end(),
                 {"sh", "-c", "mount -t tmpfs tmpfs /run && exec \"$@\"", "sh", own_program()});
  command.insert(command.end(), command_line.begin() + 1, command_line.end());
  std::vector<char*> argv;
  for (std::string& argument : command) argv.push_back(argument.data());
  argv.push_back(nullptr);
  ::setenv(kInside, "1", 1);
  ::execvp(argv[0], argv.data());
  throw CommandError("unshare: cannot be run");
}

}  // namespace pingperf
