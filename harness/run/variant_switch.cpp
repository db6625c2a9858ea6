#include "harness/run/variant_switch.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>

#include "harness/base/usage_error.h"
#include "harness/experiment/address_reader.h"
#include "sockets/core/address.h"
#include "sockets/core/io.h"

namespace pingperf {
namespace {

constexpr Nanoseconds kSwitchLimit = 120 * kSecond;  // several commands of 30 s
constexpr Nanoseconds kServiceLimit = 20 * kSecond;  // until a service is ready, or has ended
constexpr double kServiceLength_s = 1e7;             // a service has no deadline of its own

std::vector<pid_t> processes_of(const std::vector<SystemAgent>& agents) {
  std::vector<pid_t> pids;
  for (const SystemAgent& agent : agents) pids.push_back(agent.channel->pid());
  return pids;
}

bool is_end(const Event& event) {
  return std::holds_alternative<Failure>(event) || std::holds_alternative<Result>(event);
}

}  // namespace

VariantSwitch::VariantSwitch(const Experiment& experiment, Agents& agents,
                             const Interrupt& interrupt)
    : experiment_(experiment), agents_(agents), interrupt_(interrupt) {
  const auto problems = problems_of_variants(experiment, agents, true);
  if (!problems.empty()) throw UsageError(problems.front());
}

VariantSwitch::~VariantSwitch() {
  undo();
}

bool VariantSwitch::is_at(const Variant* variant) {
  if (present_ != variant || !is_known_) return false;
  if (changed_.empty() && services_.empty()) return true;
  try {
    return processes_of(system_agents(agents_)) == agent_processes_;
  } catch (const ChannelError&) {  // the next switch reports it
    return false;
  }
}

void VariantSwitch::forget(std::size_t pair, std::uint64_t endpoint) {
  std::erase_if(services_, [&](const RunningService& service) {
    return service.process.agent.pair == pair && service.endpoint == endpoint;
  });
  is_known_ = false;
}

std::string VariantSwitch::to(const Variant* variant) {
  undo();
  if (variant == nullptr) return "";
  try {
    make(*variant);
  } catch (const std::exception& e) {
    undo();
    return fmt::format("variant '{}': {}", variant->name, e.what());
  }
  present_ = variant;
  is_known_ = true;
  pollfd p{interrupt_.fd(), POLLIN, 0};
  ::poll(&p, 1, poll_ms(now_ns() + variant->settling_time()));
  return "";
}

void VariantSwitch::make(const Variant& variant) {
  const std::vector<SystemAgent> agents = system_agents(agents_);
  agent_processes_ = processes_of(agents);
  for (const SystemAgent& agent : agents) {
    paths_[agent.pair].server_address = variant.address;
    paths_[agent.pair].has_services = !variant.services.empty();
    change(agent, variant);
  }
  for (std::size_t i = 0; i < variant.services.size(); ++i)
    for (const SystemAgent& agent : agents)
      if (agent.target == variant.services[i].on) start_service(agent, variant, i);
}

void VariantSwitch::change(const SystemAgent& agent, const Variant& variant) {
  const bool is_told_port = std::ranges::any_of(
      variant.services, [](const Service& service) { return service.names("port"); });
  SwitchVariant request{.changes = changes_of(agent, variant),
                        .addresses = data_addresses(agent, variant),
                        .environment = variant.environment};
  if (agent.target == Target::server && is_told_port)
    request.port_at = Address::resolve(server_address(agent.pair, variant), 0).to_string();
  if (request.changes.are_empty() && request.environment.empty() && request.port_at.empty()) return;
  changed_.push_back({agent, agent.channel->pid()});
  agent.channel->send(request);
  const auto answer = await_answer<Switched>(*agent.channel, kSwitchLimit);
  note_not_undone(agent, answer.not_undone);
  if (!answer.error.empty())
    throw std::runtime_error(fmt::format("{}: {}", name(agent.target), answer.error));
  if (agent.target == Target::server) paths_[agent.pair].server_port = answer.port;
}

void VariantSwitch::start_service(const SystemAgent& agent, const Variant& variant,
                                  std::size_t index) {
  const Service& service = variant.services[index];
  const bool is_dialed = variant.dial && service.names("service_port");
  const Host& server = *experiment_.hosts[agent.pair].server;
  const std::string address = server_address(agent.pair, variant);
  TrialPath& path = paths_[agent.pair];
  const Address at =
      is_dialed ? Address::resolve(variant.dial->host.empty() ? address : variant.dial->host,
                                   variant.dial->port)
                : Address::resolve("127.0.0.1", 0);  // it listens nowhere that we know of
  OpenEndpoint request;
  request.role = Role::listen;
  request.endpoint = kServiceEndpoints + index;
  request.options.engine = service.run.front();
  request.address = at.to_string();
  request.timeout_s = kServiceLength_s;
  request.program = program_of(service, variant.name, address,
                               server.is_external() ? server.port : path.server_port);
  agent.channel->send(request);
  services_.push_back({{agent, agent.channel->pid()}, request.endpoint});
  const Event event = await_service(*agent.channel, request.endpoint);
  if (const auto* failure = std::get_if<Failure>(&event)) {
    services_.pop_back();
    throw std::runtime_error(failure->what);
  }
  if (const auto* ready = std::get_if<Ready>(&event); ready && is_dialed)
    path.dial = ready->address;
  agent.channel->send(StartEndpoint{request.endpoint});
}

// Waits until the service is ready or has ended. Throws std::runtime_error if another service ends
// meanwhile.
Event VariantSwitch::await_service(Channel& channel, std::uint64_t endpoint) {
  const Nanoseconds deadline = now_ns() + kServiceLimit;
  while (auto event = channel.receive(deadline)) {
    const std::uint64_t of = endpoint_of(*event).value_or(0);
    if (of == endpoint && (is_end(*event) || std::holds_alternative<Ready>(*event)))
      return std::move(*event);
    if (of < kServiceEndpoints || of == endpoint || !is_end(*event)) continue;
    std::erase_if(services_, [&](const RunningService& service) {
      return service.process.agent.channel == &channel && service.endpoint == of;
    });
    const auto* const failure = std::get_if<Failure>(&*event);
    throw std::runtime_error(failure ? failure->what : "a service ended by itself");
  }
  channel.give_up();
}

// Stops the services, the last one first, and waits for the end of each.
void VariantSwitch::stop_services() noexcept {
  while (!services_.empty()) {
    const RunningService service = services_.back();
    services_.pop_back();
    if (!is_running(service.process)) continue;  // it has ended with its agent
    Channel& channel = *service.process.agent.channel;
    try {
      channel.send(StopEndpoint{service.endpoint});
      while (!is_end(await_service(channel, service.endpoint))) {
      }
    } catch (const std::runtime_error&) {  // another one has ended, or the agent, which ends it
    }
  }
}

bool VariantSwitch::is_running(const AgentProcess& process) {
  const Channel* const channel = agents_.of(process.agent.pair).running(process.agent.target);
  return channel == process.agent.channel && channel->pid() == process.pid;
}

void VariantSwitch::undo() noexcept {
  present_ = nullptr;
  is_known_ = true;
  paths_.clear();
  stop_services();
  if (!changed_.empty()) not_undone_.clear();  // each agent tries again what it could not undo
  std::vector<AgentProcess> dead;
  for (auto process = changed_.rbegin(); process != changed_.rend(); ++process)
    if (!undo_by(*process)) dead.push_back(*process);
  for (const AgentProcess& process : dead) undo_by_successor(process.agent);
  changed_.clear();
}

// Returns false if the agent has died.
bool VariantSwitch::undo_by(const AgentProcess& process) try {
  if (!is_running(process)) return false;
  Channel& channel = *process.agent.channel;
  channel.send(SwitchVariant{});
  note_not_undone(process.agent, await_answer<Switched>(channel, kSwitchLimit).not_undone);
  return true;
} catch (const ChannelError&) {
  return false;
}

// Starts the next agent of a system whose agent has died: it undoes the changes first.
void VariantSwitch::undo_by_successor(const SystemAgent& agent) noexcept try {
  if (Channel* const successor = agents_.of(agent.pair).at(agent.target))
    note_not_undone(agent, successor->hello().not_undone);
} catch (const ChannelError& e) {
  note_not_undone(agent, {fmt::format("its changes, which nobody could undo: {}", e.what())});
}

void VariantSwitch::note_not_undone(const SystemAgent& agent,
                                    const std::vector<std::string>& commands) {
  for (const std::string& command : commands) {
    std::string text = fmt::format("on the host of the {}: {}", name(agent.target), command);
    if (std::ranges::find(not_undone_, text) == not_undone_.end())
      not_undone_.push_back(std::move(text));
  }
}

std::string VariantSwitch::server_address(std::size_t pair, const Variant& variant) const {
  const std::string& usual = experiment_.hosts[pair].server->address;
  return !variant.address.empty() ? variant.address : !usual.empty() ? usual : "127.0.0.1";
}

// Returns the addresses before the variant's changes: the interfaces that carry the data have them.
std::vector<std::string> VariantSwitch::data_addresses(const SystemAgent& agent,
                                                       const Variant& variant) const {
  std::vector<std::string> addresses;
  if (std::ranges::none_of(variant.changes,
                           [](const SystemChanges& c) { return c.mtu || c.offloads; }))
    return addresses;
  for (const std::size_t pair : agent.pairs) {
    const HostPair& hosts = experiment_.hosts[pair];
    const std::string& server = hosts.server->address;
    addresses.push_back(Address::resolve(server.empty() ? "127.0.0.1" : server, 0).host());
    // The route to the server names the interface where the address is a name.
    if (!hosts.client->address.empty() && !is_host_name(hosts.client->address))
      addresses.push_back(hosts.client->address);
  }
  return addresses;
}

const TrialPath& VariantSwitch::path(std::size_t pair) const {
  static const TrialPath usual;
  const auto found = paths_.find(pair);
  return found == paths_.end() ? usual : found->second;
}

}  // namespace pingperf
