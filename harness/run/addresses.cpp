#include "harness/run/addresses.h"

#include <fmt/core.h>

#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

#include "harness/base/usage_error.h"
#include "harness/experiment/address_reader.h"

namespace pingperf {
namespace {

constexpr Nanoseconds kResolveTimeout = 10 * kSecond;

// A question to an agent, and its answer.
struct Question {
  Channel* channel;
  std::string end;
  ResolveRequest request;
  Resolved answer = {};
};

std::string subject_of(const ResolveRequest& request) {
  return request.device.empty() ? request.name : request.device;
}

// The questions of a run, each once per agent.
class Questions {
 public:
  // Asks an agent of the pair, if the server's address is not numeric yet. Returns the index of the
  // question.
  std::optional<std::size_t> add(const Host& server, AgentPair& pair) {
    if (!server.interface.empty())
      return add("server", pair.server(), {.device = server.interface});
    const std::size_t scope = server.address.find('%');
    if (scope != std::string::npos && server.bind.empty() && !server.is_external())
      return add("server", pair.server(),
                 {.name = server.address.substr(0, scope), .is_own = true});
    if (!is_host_name(server.address)) return std::nullopt;
    return add("client", &pair.client(), {.name = server.address});
  }

  // Receives all answers. An agent answers in the order of its requests.
  void receive() {
    const Nanoseconds deadline = now_ns() + kResolveTimeout;
    for (Question& question : questions_)
      for (bool is_answered = false; !is_answered;) {
        const std::optional<Event> event = question.channel->receive(deadline);
        is_answered = !event || std::holds_alternative<Resolved>(*event);
        if (!event)
          question.answer.error =
              fmt::format("did not resolve '{}' within {} s", subject_of(question.request),
                          kResolveTimeout / kSecond);
        else if (is_answered)
          question.answer = std::get<Resolved>(*event);
      }
  }

  const Question& at(std::size_t index) const { return questions_[index]; }

 private:
  std::size_t add(const char* end, Channel* channel, ResolveRequest request) {
    const auto [known, is_new] = places_.try_emplace(
        std::tuple(channel, subject_of(request), request.is_own), questions_.size());
    if (is_new) {
      channel->send(request);
      questions_.push_back({channel, end, std::move(request)});
    }
    return known->second;
  }

  std::vector<Question> questions_;
  std::map<std::tuple<Channel*, std::string, bool>, std::size_t> places_;
};

// Hosts with their addresses. Equal ones share one Host, because a fleet has each in many pairs.
class ResolvedHosts {
 public:
  Shared<Host> with(const Shared<Host>& server, const Question& question) {
    const Resolved& answer = question.answer;
    const bool is_own = question.request.is_own;
    const auto [known, is_new] =
        hosts_.try_emplace(std::tuple(&*server, is_own, answer.v4, answer.v6), server);
    if (!is_new) return known->second;
    Host& host = known->second.edit();
    if (is_own) {
      host.bind = answer.v6;
    } else {
      host.address = answer.v4.empty() ? answer.v6 : answer.v4;
      host.address6 = answer.v6;
    }
    return known->second;
  }

 private:
  std::map<std::tuple<const Host*, bool, std::string, std::string>, Shared<Host>> hosts_;
};

}  // namespace

void resolve_addresses(Experiment& experiment, Agents& agents) {
  Questions questions;
  std::set<std::size_t> over_ip;  // the pairs whose trials use the address
  const auto needs_address = [](const Case& c) {
    return is_over_ip(c.options->transport) || c.options->transport == Transport::multicast;
  };
  for (const Case& c : experiment.cases)
    if (needs_address(c) || (c.background && needs_address(*c.background))) over_ip.insert(c.pair);
  std::vector<std::pair<Shared<Host>*, std::size_t>> servers;
  for (auto& [number, pair] : agents) {
    if (!over_ip.contains(number) || pair.is_absent()) continue;
    Shared<Host>& server = experiment.hosts[number].server;
    if (const auto question = questions.add(*server, pair))
      servers.emplace_back(&server, *question);
  }
  questions.receive();
  ResolvedHosts resolved;
  std::size_t failed = 0;
  std::string first;
  for (const auto& [server, index] : servers) {
    const Question& question = questions.at(index);
    if (question.answer.error.empty())
      *server = resolved.with(*server, question);
    else if (++failed == 1)
      first = fmt::format("{}: the host of the {} ({}): {}", (*server)->location, question.end,
                          question.channel->hello().host.hostname, question.answer.error);
  }
  if (failed > 1) first += fmt::format("; {} more addresses cannot be resolved", failed - 1);
  if (failed > 0) throw UsageError(first);
}

bool is_over_ip(Transport transport) {
  return has_port(transport) || transport == Transport::raw || transport == Transport::icmp;
}

std::string with_port(const std::string& host, std::uint16_t port) {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                             : fmt::format("[{}]:{}", host, port);
}

}  // namespace pingperf
