#include "harness/agent/agents.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "harness/agent/copied_files.h"
#include "harness/base/process.h"
#include "harness/base/usage_error.h"
#include "harness/experiment/host_reader.h"

namespace pingperf {

namespace {

constexpr std::size_t kMaxStarting = 64;  // agents that start at once
constexpr Nanoseconds kStep = 20 * kMillisecond;

using FilesByPath = std::map<std::string, std::string>;  // a path there, and the file here

// Adds the files of a program. Throws UsageError if another program has another file of that path,
// because a host has one folder for the files of all programs.
void add_files_of(const Program& program, FilesByPath& files,
                  std::map<std::string, const Program*>& owners) {
  for (const std::string& path : program.copy_files) {
    const std::string file = (std::filesystem::path(program.folder) / path).lexically_normal();
    const std::string there = std::filesystem::path(path).lexically_normal();
    const auto [known, is_new] = files.try_emplace(there, file);
    const Program& owner = *owners.try_emplace(there, &program).first->second;
    std::error_code error;
    if (is_new || known->second == file || std::filesystem::equivalent(known->second, file, error))
      continue;
    throw UsageError(fmt::format(
        "{}: copy_files: program '{}' has another {} than program '{}' at {}, and other hosts have "
        "one folder for both: rename one",
        program.location, program.name, there, owner.name, owner.location));
  }
}

// Reads the files of the programs, each once. Returns null if no host gets them.
HostAgent::Files files_for_other_hosts(const Experiment& experiment) {
  if (std::ranges::all_of(experiment.hosts, [&](const HostPair& pair) {
        return runs_in_place(experiment, *pair.client) && runs_in_place(experiment, *pair.server);
      }))
    return nullptr;
  FilesByPath files;
  std::map<std::string, const Program*> owners;
  for (const auto& program : experiment.programs) add_files_of(*program, files, owners);
  std::vector<CopyFile> pieces;
  for (const auto& [path, file] : files)
    std::ranges::move(pieces_of(path, file), std::back_inserter(pieces));
  return std::make_shared<const std::vector<CopyFile>>(std::move(pieces));
}

// Throws UsageError if this process may not have enough descriptors for the pipes of the agents.
void require_descriptors(std::size_t agents) {
  constexpr std::size_t kPipes = 3, kOthers = 64;  // files, and the pipes of agents that restart
  const std::size_t needed = kPipes * agents + kOthers, limit = raise_file_limit(needed);
  if (limit < needed)
    throw UsageError(fmt::format(
        "{} agents need {} descriptors, and this process may have {}: raise the hard limit "
        "(ulimit -Hn, LimitNOFILE= of systemd)",
        agents, needed, limit));
}

// Identifies an agent: the end that it serves, the number of the command that starts it, and the
// number of its pair, which is 0 without variants.
using AgentKey = std::tuple<Target, std::size_t, std::size_t>;

class AgentKeys {
 public:
  explicit AgentKeys(const Experiment& experiment) : has_variants_(!experiment.variants.empty()) {}

  AgentKey of(Target target, const Host& host, std::size_t pair) {
    const auto [known, is_new] = of_host_.try_emplace(&host, 0);
    if (is_new)
      known->second = starts_.try_emplace({host.launch, host.pingperf, host.copy}, starts_.size())
                          .first->second;
    return {target, known->second, has_variants_ ? pair : 0};
  }

 private:
  const bool has_variants_;
  // The launcher and the program that start an agent, and whether the program is copied.
  std::map<std::tuple<std::vector<std::string>, std::string, bool>, std::size_t> starts_;
  std::unordered_map<const Host*, std::size_t> of_host_;  // the number of its start
};

std::vector<std::pair<Target, Shared<Host>>> hosts_with_agents(const HostPair& hosts) {
  std::vector<std::pair<Target, Shared<Host>>> result = {{Target::client, hosts.client}};
  if (!hosts.server->is_external()) result.emplace_back(Target::server, hosts.server);
  if (hosts.router) result.emplace_back(Target::router, *hosts.router);
  return result;
}

bool is_one_host(const Host& a, const Host& b) {
  return a.launch == b.launch && a.pingperf == b.pingperf;
}

}  // namespace

std::size_t count_agents(const Experiment& experiment) {
  AgentKeys keys(experiment);
  std::set<AgentKey> agents;
  for (const std::size_t pair : experiment.pairs_in_use())
    for (const auto& [target, host] : hosts_with_agents(experiment.hosts[pair]))
      agents.insert(keys.of(target, *host, pair));
  return agents.size();
}

Channel* AgentPair::at(Target target) {
  HostAgent* const agent = agent_at(target);
  return agent ? &agents_->await(*agent) : nullptr;
}

Channel* AgentPair::running(Target target) const {
  const HostAgent* const agent = agent_at(target);
  return agent ? agent->channel() : nullptr;
}

bool AgentPair::is_ready() const {
  return running(Target::client) && (!server_agent() || running(Target::server));
}

bool AgentPair::is_absent() const {
  return client_agent().is_absent() || (server_agent() && server_agent()->is_absent());
}

const std::string& AgentPair::error() const {
  return running(Target::client) && server_agent() ? server_agent()->error()
                                                   : client_agent().error();
}

Agents::Agents(const Experiment& experiment, const Interrupt* interrupt) {
  const HostAgent::Files files = files_for_other_hosts(experiment);
  AgentKeys keys(experiment);
  std::map<AgentKey, HostAgent*> known;
  for (const std::size_t number : experiment.pairs_in_use()) {
    AgentPair& pair = pairs_.try_emplace(number, AgentPair(*this)).first->second;
    for (const auto& [target, host] : hosts_with_agents(experiment.hosts[number])) {
      HostAgent*& agent = known[keys.of(target, *host, number)];
      if (agent == nullptr)
        agent = &agents_.emplace_back(host, name(target), files, experiment.folder, loop_);
      pair.ends_[static_cast<std::size_t>(target)] = agent;
    }
  }
  require_descriptors(agents_.size());
  try {
    start_all(interrupt);
    judge_start(experiment.minimum_hosts);
  } catch (...) {
    begin_ends();
    throw;
  }
}

Agents::~Agents() {
  begin_ends();
}

// All at once. The destructor of each waits for its end.
void Agents::begin_ends() noexcept {
  for (HostAgent& agent : agents_) agent.begin_end();
}

// Starts each agent once.
void Agents::start_all(const Interrupt* interrupt) {
  if (interrupt) loop_.watch_reads(interrupt->fd(), [&] { loop_.forget(interrupt->fd()); });
  const auto is_under_way = [](const HostAgent& agent) {
    return agent.starts() == 0 || agent.is_starting();
  };
  while (std::ranges::any_of(agents_, is_under_way)) {
    if (interrupt && interrupt->raised()) throw StartInterrupted("interrupted");
    run_once(now_ns() + kSecond);
  }
  if (interrupt) loop_.forget(interrupt->fd());
  has_started_all_ = true;
}

// Throws if too few hosts are ready. Otherwise the others are absent from the run.
void Agents::judge_start(std::size_t minimum) {
  std::vector<const HostAgent*> hosts, failed;
  const auto add = [](std::vector<const HostAgent*>& list, const HostAgent& agent) {
    if (std::ranges::none_of(
            list, [&](const HostAgent* other) { return is_one_host(other->host(), agent.host()); }))
      list.push_back(&agent);
  };
  for (const HostAgent& agent : agents_) {
    add(hosts, agent);
    if (!agent.channel()) add(failed, agent);
  }
  for (const HostAgent* agent : failed) absent_.push_back(agent->error());
  if (failed.empty()) return;
  const std::size_t ready = hosts.size() - failed.size();
  if (minimum == 0 || ready == 0) throw ChannelError(fmt::format("{}", fmt::join(absent_, "\n")));
  if (ready < minimum)
    throw ChannelError(fmt::format("{}\n{} of {} hosts are ready, hosts.minimum is {}",
                                   fmt::join(absent_, "\n"), ready, hosts.size(), minimum));
  for (HostAgent& agent : agents_)
    if (!agent.channel()) agent.leave_out();
}

void Agents::step() {
  const Nanoseconds now = now_ns();
  if (now < next_step_) return;
  next_step_ = now + kStep;
  std::size_t starting = 0;
  for (const HostAgent& agent : agents_) starting += agent.is_starting() ? 1 : 0;
  is_settled_ = true;
  for (HostAgent& agent : agents_) {
    const bool was_starting = agent.is_starting();
    const bool is_its_turn = has_started_all_ || agent.starts() == 0;
    agent.permit_start(was_starting || (is_its_turn && starting < kMaxStarting));
    agent.step();
    if (!was_starting && agent.is_starting()) ++starting;
    is_settled_ = is_settled_ && agent.is_settled();
  }
}

void Agents::run_once(Nanoseconds deadline) {
  step();
  loop_.run_once(is_settled_ ? deadline : std::min(deadline, next_step_));
}

Channel& Agents::await(HostAgent& agent) {
  if (Channel* const ready = agent.channel()) return *ready;
  const std::size_t before = agent.starts() - (agent.is_starting() ? 1 : 0);
  while (agent.channel() == nullptr) {
    if (agent.is_absent() || (agent.starts() > before && !agent.is_starting()))
      throw ChannelError(agent.error());
    agent.start_now();
    run_once(now_ns() + kStep);
  }
  return *agent.channel();
}

}  // namespace pingperf
