#include "harness/agent/agents.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "harness/agent/copied_files.h"

namespace pingperf {

namespace {

std::string description_of(const Host& host, std::string_view end) {
  const std::string place = host.launch.empty() ? "this host" : command_line(host.launch);
  return fmt::format("{} ({})", end, place);
}

std::unique_ptr<Channel> start_agent(const Host& host, std::string_view end) {
  return std::make_unique<Channel>(agent_command(host), description_of(host, end),
                                   hello_timeout(host));
}

// Reads the files of the programs, each once. Returns null if no host gets them.
AgentPair::Files files_for_other_hosts(const Experiment& experiment) {
  if (std::ranges::none_of(experiment.hosts, [](const HostPair& pair) {
        return !pair.client.launch.empty() || !pair.server.launch.empty();
      }))
    return nullptr;
  std::set<std::string> paths;
  for (const auto& program : experiment.programs)
    paths.insert(program->copy_files.begin(), program->copy_files.end());
  std::vector<CopyFile> pieces;
  for (const std::string& path : paths)
    std::ranges::move(pieces_of(path), std::back_inserter(pieces));
  return std::make_shared<const std::vector<CopyFile>>(std::move(pieces));
}

}  // namespace

AgentPair::AgentPair(const HostPair& hosts, Files files) : hosts_(hosts), files_(std::move(files)) {
  client();
  server();
  router();
}

// A program on this machine runs in place.
std::unique_ptr<Channel> AgentPair::start(const Host& host, std::string_view end) const {
  std::unique_ptr<Channel> channel = start_agent(host, end);
  if (!host.launch.empty() && files_)
    for (const CopyFile& piece : *files_) channel->send(piece);
  return channel;
}

Channel& AgentPair::client() {
  if (!client_ || client_->is_broken()) client_ = start(hosts_.client, "client");
  return *client_;
}

Channel* AgentPair::server() {
  if (hosts_.server.is_external()) return nullptr;
  if (!server_ || server_->is_broken()) server_ = start(hosts_.server, "server");
  return server_.get();
}

Channel* AgentPair::router() {
  if (hosts_.router && (!router_ || router_->is_broken()))
    router_ = start(*hosts_.router, "router");
  return router_.get();
}

Channel* AgentPair::running(Place place) const {
  const auto& channel = place == Place::client   ? client_
                        : place == Place::server ? server_
                                                 : router_;
  return channel && !channel->is_broken() ? channel.get() : nullptr;
}

Channel* AgentPair::at(Place place) {
  return place == Place::client ? &client() : place == Place::server ? server() : router();
}

void AgentPair::prepare() noexcept {
  for (Channel* const agent : {client_.get(), server_.get()}) {
    if (agent == nullptr) continue;
    try {
      agent->send(PrepareWorker());
    } catch (const ChannelError&) {  // the next trial of the agent reports it
    }
  }
}

void AgentPair::drop() {
  client_.reset();
  server_.reset();
  router_.reset();
}

Agents::Agents(const Experiment& experiment) {
  const AgentPair::Files files = files_for_other_hosts(experiment);
  for (const Case& c : experiment.cases) pairs_.try_emplace(c.pair, experiment.hosts_of(c), files);
}

}  // namespace pingperf
