#include "harness/trial_run.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <optional>

#include "sockets/address.h"

namespace pingperf {
namespace {

constexpr Nanoseconds kTick = 200 * kMillisecond;
constexpr Nanoseconds kOtherEnd = 2 * kSecond;  // from one end's result to the other's
constexpr Nanoseconds kMargin = 3 * kSecond;    // for an agent to report that time is up

bool is_unix(Transport transport) {
  return transport == Transport::unix_stream || transport == Transport::unix_datagram;
}

// Where the server binds, or is: exactly the address that the experiment names, else loopback.
// A unix socket gets a random abstract name, which leaves no file behind.
Address bind_address(const Host& server, const Options& options) {
  if (is_unix(options.transport) && server.is_external())
    return Address::unix_path(server.external);
  if (is_unix(options.transport)) return Address::unix_path("@pingperf-" + to_hex(mint_token()));
  const bool v6 = options.ip == 6;
  const std::string host = !server.address.empty() ? server.address : v6 ? "::1" : "127.0.0.1";
  const int family = !options.ip ? AF_UNSPEC : v6 ? AF_INET6 : AF_INET;
  return Address::resolve(host, static_cast<std::uint16_t>(options.port.value_or(server.port)),
                          family);
}

class TrialRun {
 public:
  // `server` is null when the other end is none of ours.
  TrialRun(Channel& client, Channel* server, std::uint64_t number, Nanoseconds timeout,
           const TrialWatch& watch)
      : client_{End::client, &client},
        server_{End::server, server},
        number_(number),
        timeout_(timeout),
        deadline_(now_ns() + timeout + kMargin),
        watch_(watch) {}

  TrialOutcome run(const Address& address, const Options& options, bool external) {
    external_ = external;
    if (server_.channel == nullptr)
      server_.address = address.to_string();
    else
      open(server_, Role::listen, address.to_string(), options);
    if (server_.channel == nullptr || await_ready(server_)) {
      open(client_, Role::connect, server_.address, options);
      if (await_ready(client_)) {
        for (const Side* side : {&server_, &client_})
          if (side->channel) side->channel->send(StartEndpoint{number_});
        collect();
      }
    }
    stop(client_);
    stop(server_);
    end_endpoints();
    outcome_.client = std::move(client_.measurement);
    outcome_.server = std::move(server_.measurement);
    if (outcome_.client.peer) outcome_.server = *outcome_.client.peer;
    return std::move(outcome_);
  }

 private:
  struct Side {
    End end;
    Channel* channel;         // null: no agent of ours
    std::string address;      // of a server that is ready
    Measurement measurement;  // of a side that is done
    bool open = false;        // has an endpoint that has not answered with result or error
    bool ready = false;
    bool stopping = false;
  };

  void open(Side& side, Role role, const std::string& address, const Options& options) {
    OpenEndpoint request;
    request.role = role;
    request.endpoint = number_;
    request.options = options;
    request.token = token_;
    request.address = address;
    request.external = external_;
    request.timeout_s = to_seconds(timeout_);
    side.channel->send(request);
    side.open = true;
  }

  bool going() const { return outcome_.status == Status::ok; }

  // Returns false when the trial is over instead.
  bool await_ready(Side& side) {
    while (going() && side.open && !side.ready) hear_before(deadline_);
    return going() && side.ready;
  }

  // Until both ends have answered; the one that is late is asked to stop.
  void collect() {
    const bool alone = server_.channel == nullptr;
    while (going() && client_.open && (server_.open || alone)) hear_before(deadline_);
    if (!going() || (!client_.open && !server_.open)) return;
    Side& late = client_.open ? client_ : server_;
    const Nanoseconds limit = now_ns() + kOtherEnd;
    while (going() && late.open && now_ns() < limit) wait_once(limit);
    stop(late);
    end_endpoints();
  }

  // No endpoint is left behind for the next trial to trip over.
  void end_endpoints() {
    const Nanoseconds limit = now_ns() + kOtherEnd + kMargin;
    while (client_.open || server_.open) hear_before(limit);
  }

  void stop(Side& side) {
    if (!side.open || side.stopping) return;
    side.channel->send(StopEndpoint{number_});
    side.stopping = true;
  }

  void hear_before(Nanoseconds limit);
  void wait_once(Nanoseconds limit);
  bool take_waiting(Side& side);
  void take(Side& side, Event event);
  void take_failure(Side& side, const Failure& failure);

  Side client_;
  Side server_;
  const std::uint64_t number_;
  const Nanoseconds timeout_;
  const Nanoseconds deadline_;
  const Token token_ = mint_token();
  bool external_ = false;
  const TrialWatch& watch_;
  TrialOutcome outcome_;
};

// As wait_once(), but an agent that lets `limit` pass has hung: its own deadlines are shorter.
void TrialRun::hear_before(Nanoseconds limit) {
  if (now_ns() >= limit)
    throw SilentAgent(fmt::format("the agent of the {} does not answer",
                                  name(server_.open ? End::server : End::client)));
  wait_once(limit);
}

// Takes one event that has come, or waits for one a moment, not past `limit`.
void TrialRun::wait_once(Nanoseconds limit) {
  if (take_waiting(server_) || take_waiting(client_)) return;
  std::array<pollfd, 3> set = {{{server_.channel ? server_.channel->fd() : -1, POLLIN, 0},
                                {client_.channel->fd(), POLLIN, 0},
                                {going() ? watch_.interrupt_fd : -1, POLLIN, 0}}};
  const Nanoseconds slice = std::clamp<Nanoseconds>(limit - now_ns(), 0, kTick);
  ::poll(set.data(), set.size(), static_cast<int>(slice / kMillisecond) + 1);
  if (set[2].revents != 0) outcome_.status = Status::interrupted;
  watch_.tick();
}

bool TrialRun::take_waiting(Side& side) {
  if (side.channel == nullptr) return false;
  std::optional<Event> event = side.channel->receive(now_ns());
  if (!event) return false;
  take(side, std::move(*event));
  return true;
}

void TrialRun::take(Side& side, Event event) {
  if (const auto* failure = std::get_if<Failure>(&event); failure && !failure->endpoint)
    throw ChannelError(fmt::format("agent of the {}: {}", name(side.end), failure->what));
  if (endpoint_of(event) != number_) return;  // the late word of an earlier trial
  if (auto* ready = std::get_if<Ready>(&event)) {
    side.ready = true;
    side.address = std::move(ready->address);
  } else if (auto* progress = std::get_if<Progress>(&event)) {
    watch_.progress(side.end, progress->interval);
  } else if (auto* result = std::get_if<Result>(&event)) {
    side.open = false;
    side.measurement = std::move(result->measurement);
  } else if (auto* failure = std::get_if<Failure>(&event)) {
    take_failure(side, *failure);
  }
}

// The first failure is the trial's: the other end's is most often its echo. But a client that was
// cut off is told from a server that says why, when both come together.
void TrialRun::take_failure(Side& side, const Failure& failure) {
  side.open = false;
  const std::string what = fmt::format("{}: {}", name(side.end), failure.what);
  if (going()) {
    outcome_.status = failure.status;
    outcome_.error = what;
  } else if (outcome_.status == Status::failed && !side.stopping) {
    outcome_.error += "; " + what;
  }
}

}  // namespace

std::string_view name(End end) {
  return end == End::client ? "client" : "server";
}

TrialOutcome run_trial(Channel& client, Channel* server, const Experiment& experiment,
                       const Options& options, std::uint64_t number, Nanoseconds timeout,
                       const TrialWatch& watch) {
  TrialOutcome failed;
  try {
    const Address address = bind_address(experiment.server, options);
    return TrialRun(client, server, number, timeout, watch)
        .run(address, options, experiment.server.is_external());
  } catch (const ChannelError&) {
    throw;
  } catch (const std::runtime_error& e) {  // an address that cannot be resolved
    failed.status = Status::failed;
    failed.error = e.what();
  }
  return failed;
}

}  // namespace pingperf
