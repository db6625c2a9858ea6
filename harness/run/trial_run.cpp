#include "harness/run/trial_run.h"

#include <fmt/core.h>
#include <linux/vm_sockets.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <deque>
#include <optional>

#include "harness/base/io.h"
#include "harness/base/parse_number.h"
#include "harness/run/addresses.h"
#include "sockets/core/address.h"

namespace pingperf {
namespace {

constexpr Nanoseconds kTick = 200 * kMillisecond;

// Returns the server's data address in the experiment, as the client dials it; "": loopback.
const std::string& dialled_host(const Host& server, const Options& options) {
  return options.ip == 6 && !server.address6.empty() ? server.address6 : server.address;
}

// Returns the address that the server binds to: that of the experiment, else loopback. A unix
// socket gets a random abstract name, which leaves no file, and a vsock any port.
std::string bind_address(const Host& server, const Options& options, const TrialPath& path) {
  if (is_unix(options.transport) && server.is_external())
    return Address::unix_path(server.external).to_string();
  if (options.transport == Transport::ethernet)
    return Address::ethernet({}).to_string();  // the interface has it
  if (is_unix(options.transport))
    return Address::unix_path("@pingperf-" + to_hex(mint_token())).to_string();
  if (options.transport == Transport::vsock)
    return (server.address.empty() ? Address::vsock(VMADDR_CID_LOCAL, VMADDR_PORT_ANY)
                                   : Address::parse(server.address))
        .to_string();
  const bool v6 = options.ip == 6;
  const std::string& named = !path.server_address.empty() ? path.server_address
                             : !server.bind.empty()       ? server.bind
                                                          : dialled_host(server, options);
  const std::string host = !named.empty() ? named : v6 ? "::1" : "127.0.0.1";
  const int family = !options.ip ? AF_UNSPEC : v6 ? AF_INET6 : AF_INET;
  const std::uint16_t port = path.server_port != 0 ? path.server_port : server.port;
  const auto chosen = static_cast<std::uint16_t>(options.port.value_or(port));
  // Only the host itself knows the scope of a link-local address.
  if (host.find('%') != std::string::npos) return with_port(host, chosen);
  return Address::resolve(host, chosen, family).to_string();
}

class TrialRun {
 public:
  // `server` is null if the server is external.
  TrialRun(Channel& client, Channel* server, const HostPair& hosts, Nanoseconds timeout,
           const TrialObserver& observer, const Margins& margins, const TrialPath& path)
      : client_channel_(client),
        server_channel_(server),
        hosts_(hosts),
        timeout_(timeout),
        margins_(margins),
        deadline_(now_ns() + timeout + margins.answer),
        path_(path),
        observer_(observer) {}

  // Adds a pair of endpoints. `what` names them in errors. The measured pair has "" and is added
  // last.
  void add(std::string what, std::uint64_t number, const Case& c, std::string address,
           std::uint64_t seed) {
    pairs_.push_back({std::move(what), number, c.options, std::move(address), c.program.get(), seed,
                      Side{End::client, &client_channel_, !hosts_.client.launch.empty()},
                      Side{End::server, c.engine->listen ? server_channel_ : nullptr,
                           !hosts_.server.launch.empty()}});
  }

  // Lets the agents read their hosts' counters just before the start and after the end. If both
  // ends share a kernel, the server's agent reads its counters. If they share a network namespace,
  // the client's agent reads that. So both read at the same time.
  void count(Counters level) {
    if (level == Counters::off) return;
    const bool all = level == Counters::all;
    const AgentHello& client = client_channel_.hello();
    if (server_channel_) {
      const AgentHello& server = server_channel_->hello();
      shares_kernel_ = !client.host.boot_id.empty() && client.host.boot_id == server.host.boot_id;
      shares_network_ = shares_kernel_ && !client.network_namespace.empty() &&
                        client.network_namespace == server.network_namespace;
      counter_readers_.push_back({End::server,
                                  server_channel_,
                                  {.kernel = true, .network = !shares_network_, .all = all}});
    }
    counter_readers_.push_back(
        {End::client, &client_channel_, {.kernel = !shares_kernel_, .network = true, .all = all}});
  }

  TrialOutcome run() {
    Pair& measured = pairs_.back();
    for (Pair& pair : pairs_) {
      if (!begin(pair)) break;
      if (&pair != &measured) hold(pair.options.warmup.value_or(kBackgroundLead));
    }
    if (is_running()) collect(measured);
    if (is_running()) collect(pairs_.front());  // a background ends a little later
    for (Pair& pair : pairs_)
      for (Side* side : {&pair.client, &pair.server}) stop(pair, *side);
    end_endpoints();
    await_end_of_service();
    if (started_) observer_.after_end();
    if (started_ && outcome_.status != Status::interrupted)
      read_counters(false, std::max(deadline_, now_ns() + margins_.other_end + margins_.answer));
    take_measurements(measured, outcome_.client, outcome_.server);
    add_socket_drops(outcome_.client, End::client);
    add_socket_drops(outcome_.server, End::server);
    if (pairs_.size() > 1)
      take_measurements(pairs_.front(), outcome_.background_client, outcome_.background_server);
    return std::move(outcome_);
  }

 private:
  struct Side {
    End end;
    Channel* channel;         // null: the server is external
    bool is_elsewhere;        // a launcher started its agent
    std::string address;      // of a ready server
    Measurement measurement;  // of a side that has ended
    bool open = false;        // its endpoint has not sent a result or an error yet
    bool ready = false;
    bool stopping = false;
  };

  struct Pair {
    std::string what;
    std::uint64_t number;
    const Options& options;
    std::string address;     // Address::to_string() of the server
    const Program* program;  // null: an engine of ours
    std::uint64_t seed;      // of a program
    Side client;
    Side server;
    Token token = mint_token();

    bool is_over() const { return !client.open && !server.open; }
  };

  // The agent that reads the counters of an end.
  struct CounterReader {
    End end;
    Channel* channel;
    CountersRequest request;
    bool is_reading = false;
  };

  // Opens and starts both ends. Returns false if the trial has ended.
  bool begin(Pair& pair) {
    pair.server.address = pair.address;
    if (pair.server.channel) open(pair, pair.server, Role::listen);
    if (pair.server.channel && !await_ready(pair.server)) return false;
    if (!path_.dial.empty())
      pair.server.address = path_.dial;
    else if (!hosts_.server.bind.empty() && path_.server_address.empty())
      pair.server.address = dialled_address(pair);
    open(pair, pair.client, Role::connect);
    if (!await_ready(pair.client)) {
      explain_unreached(pair);
      return false;
    }
    if (&pair == &pairs_.back()) read_counters(true, deadline_);
    if (!is_running()) return false;
    observer_.before_start();
    started_ = &pair == &pairs_.back();
    for (const Side* side : {&pair.server, &pair.client})
      if (side->channel) side->channel->send(StartEndpoint{pair.number});
    return true;
  }

  // Returns where the client reaches a server that binds to another address than it dials: NAT and
  // services keep the port.
  std::string dialled_address(const Pair& pair) const {
    const std::string& bound = pair.server.address;
    const std::string& host = dialled_host(hosts_.server, pair.options);
    if (!is_over_ip(pair.options.transport) || host.empty()) return bound;
    return with_port(host,
                     parse_number<std::uint16_t>(bound.substr(bound.rfind(':') + 1)).value_or(0));
  }

  void open(Pair& pair, Side& side, Role role) {
    OpenEndpoint request;
    request.role = role;
    request.endpoint = pair.number;
    request.options = pair.options;
    request.token = pair.token;
    request.address = pair.server.address;
    request.external = server_channel_ == nullptr;
    request.timeout_s = to_seconds(timeout_);
    if (pair.program) {
      request.program = role == Role::listen ? pair.program->server : pair.program->client;
      request.program->seed = pair.seed;
      request.program->is_copied = side.is_elsewhere && !pair.program->copy_files.empty();
    }
    side.channel->send(request);
    side.open = true;
  }

  // Adds both ends to the error if the path between them may be broken.
  void explain_unreached(const Pair& pair) {
    if (hosts_.server.address.empty() ||  // loopback
        (outcome_.status != Status::failed && outcome_.status != Status::timeout))
      return;
    outcome_.error += fmt::format(
        ", while the client on {} tried to reach the server{} at {}", host_of(client_channel_),
        server_channel_ ? " on " + host_of(*server_channel_) : "", pair.server.address);
  }

  static std::string host_of(const Channel& channel) {
    const std::string& name = channel.hello().host.hostname;
    return name.empty() ? "its host" : name;
  }

  bool is_running() const { return outcome_.status == Status::ok; }

  // Returns false if the trial has ended.
  bool await_ready(Side& side) {
    while (is_running() && side.open && !side.ready) await_event(deadline_);
    return is_running() && side.ready;
  }

  // Waits for `time` while the started endpoints run.
  void hold(Nanoseconds time) {
    const Nanoseconds end = now_ns() + time;
    while (is_running() && now_ns() < end) wait_once(end);
  }

  // Waits until both ends have ended. Stops the end that is late.
  void collect(Pair& pair) {
    const bool alone = pair.server.channel == nullptr;
    while (is_running() && pair.client.open && (pair.server.open || alone)) {
      await_event(deadline_);
      require_background(pair);
    }
    if (!is_running() || pair.is_over()) return;
    Side& late = pair.client.open ? pair.client : pair.server;
    const Nanoseconds limit =
        now_ns() + (serves_until_stopped(pair, late) ? 0 : margins_.other_end);
    while (is_running() && late.open && now_ns() < limit) wait_once(limit);
    stop(pair, late);
    const Nanoseconds end = now_ns() + margins_.other_end + margins_.answer;
    while (!pair.is_over()) await_event(end);
  }

  // Fails the trial if the background of `pair` has ended before it.
  void require_background(const Pair& pair) {
    if (&pair == &pairs_.front() || pairs_.front().client.open || !pair.client.open) return;
    if (!is_running()) return;
    outcome_.status = Status::failed;
    outcome_.error = "the background ended before the measured client";
  }

  // Returns true for the server of a program, which cannot know that its client was the last one.
  static bool serves_until_stopped(const Pair& pair, const Side& side) {
    return pair.program && side.end == End::server &&
           pair.program->server.stop_signal != ProgramEnd::kEndsItself;
  }

  // Waits until every endpoint has ended, so that none disturbs the next trial.
  void end_endpoints() {
    const Nanoseconds limit = now_ns() + margins_.other_end + margins_.answer;
    for (Pair& pair : pairs_)
      while (!pair.is_over()) await_event(limit);
  }

  void stop(Pair& pair, Side& side) {
    if (!side.open || side.stopping) return;
    side.channel->send(StopEndpoint{pair.number});
    side.stopping = true;
  }

  static void take_measurements(Pair& pair, Measurement& client, Measurement& server) {
    client = std::move(pair.client.measurement);
    server = client.peer ? Measurement(*client.peer) : std::move(pair.server.measurement);
  }

  void read_counters(bool begins, Nanoseconds limit);
  void take_counters(const Channel* channel, CountersResult result);
  void add_socket_drops(const Measurement& measurement, End end);
  void await_event(Nanoseconds limit);
  void wait_once(Nanoseconds limit);
  bool take_waiting(Channel* channel, Side Pair::*end);
  void take(Pair& pair, Side& side, Event event);
  void take_failure(const Pair& pair, Side& side, const Failure& failure);
  void take_end_of_service(const Event& event);
  void await_end_of_service();

  Channel& client_channel_;
  Channel* const server_channel_;
  const HostPair& hosts_;
  std::deque<Pair> pairs_;  // the background, if any, then the measured pair
  const Nanoseconds timeout_;
  const Margins margins_;
  const Nanoseconds deadline_;
  const TrialPath& path_;
  const TrialObserver& observer_;
  std::vector<CounterReader> counter_readers_;
  bool shares_kernel_ = false;   // the two ends
  bool shares_network_ = false;  // and their network namespace
  bool started_ = false;         // the measured pair
  TrialOutcome outcome_;
};

// Returns when all agents have answered. Throws AgentTimeout after `limit`.
void TrialRun::read_counters(bool begins, Nanoseconds limit) {
  for (CounterReader& reader : counter_readers_) {
    reader.request.begins = begins;
    reader.channel->send(reader.request);
    reader.is_reading = true;
  }
  for (const CounterReader& reader : counter_readers_)
    while (reader.is_reading) {
      if (now_ns() >= limit)
        throw AgentTimeout(fmt::format("the agent of the {} does not answer", name(reader.end)));
      wait_once(limit);
    }
}

// The worker has read this counter, because only it has the sockets.
void TrialRun::add_socket_drops(const Measurement& measurement, End end) {
  const std::uint64_t drops = measurement.socket_drops.value_or(0);
  if (!counter_readers_.empty() && drops > 0)
    outcome_.counters.push_back({.source = CounterSource::socket,
                                 .name = "drops",
                                 .host = std::string(name(end)),
                                 .difference = static_cast<double>(drops)});
}

void TrialRun::take_counters(const Channel* channel, CountersResult result) {
  for (CounterReader& reader : counter_readers_) {
    if (reader.channel != channel) continue;
    reader.is_reading = false;
    for (CounterChange& change : result.changes) {
      const bool shared = is_kernel_wide(change.source) ? shares_kernel_ : shares_network_;
      change.host = shared ? "both" : name(reader.end);
      outcome_.counters.push_back(std::move(change));
    }
  }
}

// Does the same as wait_once(), but throws AgentTimeout after `limit`. The agent's own deadlines
// are shorter, so the agent hangs.
void TrialRun::await_event(Nanoseconds limit) {
  if (now_ns() >= limit) {
    const bool is_server =
        std::any_of(pairs_.begin(), pairs_.end(), [](const Pair& p) { return p.server.open; });
    throw AgentTimeout(fmt::format("the agent of the {} does not answer",
                                   name(is_server ? End::server : End::client)));
  }
  wait_once(limit);
}

// Takes one event that has arrived, or waits for one for a moment, at most until `limit`.
void TrialRun::wait_once(Nanoseconds limit) {
  if (take_waiting(server_channel_, &Pair::server) || take_waiting(&client_channel_, &Pair::client))
    return;
  std::array<pollfd, 3> set = {{{server_channel_ ? server_channel_->fd() : -1, POLLIN, 0},
                                {client_channel_.fd(), POLLIN, 0},
                                {is_running() ? observer_.interrupt_fd : -1, POLLIN, 0}}};
  ::poll(set.data(), set.size(), poll_ms(std::min(limit, now_ns() + kTick)));
  if (set[2].revents != 0) outcome_.status = Status::interrupted;
  observer_.tick();
}

bool TrialRun::take_waiting(Channel* channel, Side Pair::*end) {
  if (channel == nullptr) return false;
  std::optional<Event> event = channel->receive(now_ns());
  if (!event) return false;
  if (const auto* failure = std::get_if<Failure>(&*event); failure && !failure->endpoint)
    throw ChannelError(
        fmt::format("agent of the {}: {}", name((pairs_.front().*end).end), failure->what));
  if (auto* counters = std::get_if<CountersResult>(&*event))
    take_counters(channel, std::move(*counters));
  if (endpoint_of(*event) >= kServiceEndpoints) take_end_of_service(*event);
  for (Pair& pair : pairs_)  // a late event of an earlier trial has another number
    if (endpoint_of(*event) == pair.number) {
      take(pair, pair.*end, std::move(*event));
      break;
    }
  return true;
}

void TrialRun::take(Pair& pair, Side& side, Event event) {
  if (auto* ready = std::get_if<Ready>(&event)) {
    side.ready = true;
    if (side.end == End::server) side.address = std::move(ready->address);
  } else if (auto* progress = std::get_if<Progress>(&event)) {
    if (&pair == &pairs_.back()) observer_.progress(side.end, progress->interval);
  } else if (auto* result = std::get_if<Result>(&event)) {
    side.open = false;
    side.measurement = std::move(result->measurement);
  } else if (auto* failure = std::get_if<Failure>(&event)) {
    take_failure(pair, side, *failure);
  }
}

// The first failure decides the outcome, because it usually causes the failure of the other end.
// The error contains both texts, because the server may name the reason why it disconnected the
// client.
void TrialRun::take_failure(const Pair& pair, Side& side, const Failure& failure) {
  side.open = false;
  const std::string what = fmt::format("{}{}: {}", pair.what, name(side.end), failure.what);
  if (is_running()) {
    outcome_.status = failure.status;
    outcome_.error = what;
  } else if (outcome_.status == Status::failed && !side.stopping) {
    outcome_.error += "; " + what;
  }
}

// A service that ends fails the trial, because the path is another without it.
void TrialRun::take_end_of_service(const Event& event) {
  const auto* const failure = std::get_if<Failure>(&event);
  if (!failure && !std::holds_alternative<Result>(event)) return;
  outcome_.ended_service = endpoint_of(event);
  const std::string what = failure ? failure->what : "a service of the variant ended by itself";
  if (is_running()) {
    outcome_.status = Status::failed;
    outcome_.error = what;
  } else if (outcome_.status == Status::failed) {
    outcome_.error += "; " + what;
  }
}

// A service that dies closes its connections first, so the ends fail before its end is known.
void TrialRun::await_end_of_service() {
  const Nanoseconds limit = now_ns() + 300 * kMillisecond;
  while (path_.has_services && outcome_.status == Status::failed && !outcome_.ended_service &&
         now_ns() < limit)
    wait_once(limit);
}

}  // namespace

TrialOutcome run_trial(Channel& client, Channel* server, const Experiment& experiment,
                       const Trial& trial, Nanoseconds timeout, const TrialObserver& observer,
                       const Margins& margins, const TrialPath& path) {
  const Case& c = experiment.cases[trial.case_index];
  TrialOutcome failed;
  try {
    const HostPair& hosts = experiment.hosts_of(c);
    TrialRun run(client, server, hosts, timeout, observer, margins, path);
    // Every case of a block has the same seed.
    const std::uint64_t seed = experiment.plan.seed + trial.block - 1;
    const auto add = [&](const char* what, std::uint64_t number, const Case& ends) {
      run.add(what, number, ends, bind_address(hosts.server, ends.options, path), seed);
    };
    if (c.background) add("background ", 2 * trial.position, *c.background);
    add("", 2 * trial.position + 1, c);
    run.count(experiment.plan.counters);
    return run.run();
  } catch (const ChannelError&) {
    throw;
  } catch (const std::runtime_error& e) {  // an address that cannot be resolved
    failed.status = Status::failed;
    failed.error = e.what();
  }
  return failed;
}

}  // namespace pingperf
