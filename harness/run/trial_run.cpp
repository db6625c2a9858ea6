#include "harness/run/trial_run.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <deque>
#include <iterator>
#include <optional>
#include <utility>

#include "harness/experiment/host_reader.h"
#include "harness/run/trial_counters.h"

namespace pingperf {
namespace {

class TrialRun {
 public:
  explicit TrialRun(const TrialSetup& setup)
      : setup_(setup),
        case_(setup.experiment.cases[setup.trial.case_index]),
        hosts_(setup.experiment.hosts_of(case_)),
        timeout_(trial_timeout(setup.experiment, case_)),
        margins_(setup.margins),
        deadline_(now_ns() + timeout_ + margins_.answer),
        path_(setup.path),
        events_(setup.events),
        counters_(setup.client, setup.server, setup.experiment.plan.counters) {
    if (case_.background) add("background ", 2 * setup.trial.position, *case_.background);
    add("", 2 * setup.trial.position + 1, case_);
    for (const CounterReader& reader : counters_.readers())
      setup_.counters.add(*reader.channel, reader.request, events_.signal);
  }

  Task<TrialOutcome> run() {
    Pair& measured = pairs_.back();
    for (Pair& pair : pairs_) {
      const bool has_started = co_await begin(pair);
      if (!has_started) break;
      if (&pair != &measured)
        co_await wait_while_running(pair.options.warmup.value_or(kBackgroundLead));
    }
    if (!events_.started) setup_.barrier.leave(events_.signal);  // the others need not wait
    if (is_running()) co_await collect(measured);
    if (is_running()) co_await collect(pairs_.front());  // a background ends a little later
    for (Pair& pair : pairs_) co_await await_cause(pair);
    co_await end_endpoints();
    co_await await_end_of_service();
    if (events_.started) co_await await_others();
    if (events_.started && outcome_.status != Status::interrupted)
      co_await read_counters(false,
                             std::max(deadline_, now_ns() + margins_.other_end + margins_.answer));
    take_measurements(measured, outcome_.client, outcome_.server);
    add_socket_drops(outcome_.client, End::client);
    add_socket_drops(outcome_.server, End::server);
    if (pairs_.size() > 1)
      take_measurements(pairs_.front(), outcome_.background_client, outcome_.background_server);
    co_return std::move(outcome_);
  }

 private:
  struct Side {
    End end;
    Channel* channel;         // null: the server is external
    bool is_in_place;         // its programs run in the folders of this machine
    std::string address;      // of a ready server
    Measurement measurement;  // of a side that has ended
    bool open = false;        // its endpoint has not sent a result or an error yet
    bool ready = false;
    bool stopping = false;
  };

  struct Pair {
    std::string what;  // names it in errors
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

  // Adds a pair of endpoints. The measured pair has the name "" and is added last.
  void add(std::string what, std::uint64_t number, const Case& c) {
    // Every case of a block has the same seed.
    const std::uint64_t seed = setup_.experiment.plan.seed + setup_.trial.block - 1;
    pairs_.push_back(
        {std::move(what), number, *c.options, bind_address(*hosts_.server, *c.options, path_),
         c.program.get(), seed,
         Side{End::client, &setup_.client, runs_in_place(setup_.experiment, *hosts_.client)},
         Side{End::server, c.engine->listen ? setup_.server : nullptr,
              runs_in_place(setup_.experiment, *hosts_.server)}});
  }

  Task<bool> begin(Pair& pair);
  void open(Pair& pair, Side& side, Role role);
  void explain_unreached(const Pair& pair);
  Task<> await_ready(Side& side);
  Task<> await_others();
  Task<> wait_while_running(Nanoseconds time);
  Task<> collect(Pair& pair);
  Task<> await_cause(const Pair& pair);
  Task<> end_endpoints();
  Task<> read_counters(bool begin, Nanoseconds limit);
  Task<> await_end_of_service();
  Task<> await_event(Nanoseconds limit);
  Signal::Wait next_event(Nanoseconds limit);

  bool is_running() const { return outcome_.status == Status::ok; }
  void require_background(const Pair& pair);
  void stop(Pair& pair, Side& side);
  void send(Channel& channel, const Request& request);
  void add_socket_drops(const Measurement& measurement, End end);
  void handle_events();
  void take(End end, Event event);
  void take(Pair& pair, Side& side, Event event);
  void take_failure(const Pair& pair, Side& side, const Failure& failure);
  void take_loss(End end, const std::string& error);
  void take_end_of_service(const Event& event);
  void abandon_silent_agents();
  void note_silence(End end, Channel& channel);
  void fail(Status status, const std::string& what);

  static Side& side_of(Pair& pair, End end) {
    return end == End::client ? pair.client : pair.server;
  }
  static std::string host_of(const Channel& channel) {
    const std::string& name = channel.hello().host.hostname;
    return name.empty() ? "its host" : name;
  }
  // Returns true for the server of a program, which cannot know that its client was the last one.
  static bool serves_until_stopped(const Pair& pair, const Side& side) {
    return pair.program && side.end == End::server &&
           pair.program->server.stop_signal != ProgramEnd::kEndsItself;
  }
  static void take_measurements(Pair& pair, Measurement& client, Measurement& server) {
    client = std::move(pair.client.measurement);
    server = client.peer ? Measurement(*client.peer) : std::move(pair.server.measurement);
  }

  const TrialSetup& setup_;
  const Case& case_;
  const HostPair& hosts_;
  std::deque<Pair> pairs_;  // the background, if any, then the measured pair
  const Nanoseconds timeout_;
  const Margins& margins_;
  const Nanoseconds deadline_;
  const TrialPath& path_;
  TrialEvents& events_;
  const TrialCounters counters_;
  std::array<bool, 2> has_lost_{};  // the agents of the client and the server
  TrialOutcome outcome_;
};

// Opens and starts both ends. Returns false if the trial has ended.
Task<bool> TrialRun::begin(Pair& pair) {
  pair.server.address = pair.address;
  if (pair.server.channel) {
    open(pair, pair.server, Role::listen);
    co_await await_ready(pair.server);
    if (!is_running()) co_return false;
  }
  if (!path_.dial.empty())
    pair.server.address = path_.dial;
  else if (!hosts_.server->bind.empty() && path_.server_address.empty())
    pair.server.address = dialled_address(*hosts_.server, pair.options, pair.server.address);
  open(pair, pair.client, Role::connect);
  co_await await_ready(pair.client);
  if (!is_running()) {
    explain_unreached(pair);
    co_return false;
  }
  const bool is_measured = &pair == &pairs_.back();
  if (is_measured) co_await read_counters(true, deadline_);
  if (is_running()) co_await await_others();
  if (!is_running()) co_return false;
  for (const Side* side : {&pair.server, &pair.client})
    if (side->channel) send(*side->channel, StartEndpoint{pair.number});
  if (!is_measured) co_return true;
  events_.started = now_ns();
  outcome_.started_at = std::chrono::system_clock::now();
  co_return true;
}

void TrialRun::open(Pair& pair, Side& side, Role role) {
  OpenEndpoint request;
  request.role = role;
  request.endpoint = pair.number;
  request.options = pair.options;
  // An engine compares the pins of both ends: on another machine, the same number is another CPU.
  if (!may_share_cpus(hosts_))
    (role == Role::listen ? request.options.client_cpu : request.options.server_cpu).reset();
  request.token = pair.token;
  request.address = pair.server.address;
  request.external = setup_.server == nullptr;
  request.timeout_s = to_seconds(timeout_);
  if (pair.program) {
    request.program = role == Role::listen ? pair.program->server : pair.program->client;
    request.program->seed = pair.seed;
    if (side.is_in_place) request.program->directory = directory_here(*pair.program);
    request.program->is_copied = !side.is_in_place && !pair.program->copy_files.empty();
  }
  side.open = true;
  send(*side.channel, request);
}

// A channel that is broken has reported its loss, or will do so.
void TrialRun::send(Channel& channel, const Request& request) {
  try {
    channel.send(request);
  } catch (const ChannelError& e) {
    take_loss(&channel == &setup_.client ? End::client : End::server, e.what());
  }
}

// Adds both ends to the error if the path between them may be broken.
void TrialRun::explain_unreached(const Pair& pair) {
  const bool is_lost = events_.lost[0] || events_.lost[1];
  if (hosts_.server->address.empty() || is_lost ||  // loopback
      (outcome_.status != Status::failed && outcome_.status != Status::timeout))
    return;
  outcome_.error += fmt::format(
      ", while the client on {} tried to reach the server{} at {}", host_of(setup_.client),
      setup_.server ? " on " + host_of(*setup_.server) : "", pair.server.address);
}

Task<> TrialRun::await_ready(Side& side) {
  while (is_running() && side.open && !side.ready) co_await await_event(deadline_);
}

// Waits for the other trials of the round, well within the timeout of this one.
Task<> TrialRun::await_others() {
  const Nanoseconds spare = timeout_ - expected_length(case_, setup_.experiment.is_external(case_));
  const Nanoseconds limit = now_ns() + std::clamp<Nanoseconds>(spare / 2, 0, 2 * kSecond);
  const std::size_t arrival = setup_.barrier.arrive(events_.signal);
  handle_events();
  const auto is_waiting = [&] {
    return events_.started ? outcome_.status != Status::interrupted : is_running();
  };
  while (!setup_.barrier.has_opened(arrival) && now_ns() < limit && is_waiting()) {
    co_await next_event(limit);
    handle_events();
  }
  if (!setup_.barrier.has_opened(arrival) && is_waiting()) setup_.barrier.break_up();
  if (!events_.started) outcome_.started_together = !setup_.barrier.is_broken();
}

// Waits for `time` while the started endpoints run.
Task<> TrialRun::wait_while_running(Nanoseconds time) {
  const Nanoseconds end = now_ns() + time;
  handle_events();
  while (is_running() && now_ns() < end) {
    co_await next_event(end);
    handle_events();
  }
}

// Waits until both ends have ended. Stops the end that is late.
Task<> TrialRun::collect(Pair& pair) {
  const bool alone = pair.server.channel == nullptr;
  while (is_running() && pair.client.open && (pair.server.open || alone)) {
    co_await await_event(deadline_);
    require_background(pair);
  }
  if (!is_running() || pair.is_over()) co_return;
  Side& late = pair.client.open ? pair.client : pair.server;
  const Nanoseconds limit = now_ns() + (serves_until_stopped(pair, late) ? 0 : margins_.other_end);
  while (is_running() && late.open && now_ns() < limit) {
    co_await next_event(limit);
    handle_events();
  }
  stop(pair, late);
  const Nanoseconds end = now_ns() + margins_.other_end + margins_.answer;
  while (!pair.is_over()) co_await await_event(end);
}

// Fails the trial if the background of `pair` has ended before it.
void TrialRun::require_background(const Pair& pair) {
  if (&pair == &pairs_.front() || pairs_.front().client.open || !pair.client.open) return;
  if (is_running()) fail(Status::failed, "the background ended before the measured client");
}

// Waits a moment for the error of the other end after a failure: an end that fails resets the
// connections of the other, whose error may arrive first.
Task<> TrialRun::await_cause(const Pair& pair) {
  const Nanoseconds limit = now_ns() + 200 * kMillisecond;
  handle_events();
  const auto is_unexplained = [&] {
    return outcome_.status == Status::failed && pair.client.open != pair.server.open &&
           !events_.lost[0] && !events_.lost[1];
  };
  while (is_unexplained() && now_ns() < limit) {
    co_await next_event(limit);
    handle_events();
  }
}

// Stops the endpoints and waits until every one has ended, so that none disturbs the next trial.
Task<> TrialRun::end_endpoints() {
  for (Pair& pair : pairs_)
    for (Side* const side : {&pair.client, &pair.server}) stop(pair, *side);
  const Nanoseconds limit = now_ns() + margins_.other_end + margins_.answer;
  for (Pair& pair : pairs_)
    while (!pair.is_over()) co_await await_event(limit);
}

void TrialRun::stop(Pair& pair, Side& side) {
  if (!side.open || side.stopping) return;
  side.stopping = true;
  send(*side.channel, StopEndpoint{pair.number});
}

// Returns when all agents have answered. An agent that does not is abandoned after `limit`.
Task<> TrialRun::read_counters(bool begin, Nanoseconds limit) {
  for (const CounterReader& reader : counters_.readers()) {
    if (events_.lost[static_cast<std::size_t>(reader.end)]) continue;
    try {
      begin ? setup_.counters.begin(*reader.channel) : setup_.counters.end(*reader.channel);
    } catch (const ChannelError& e) {
      take_loss(reader.end, e.what());
    }
  }
  for (const CounterReader& reader : counters_.readers()) {
    const auto has_answered = [&] {
      return begin ? setup_.counters.has_begun(*reader.channel)
                   : setup_.counters.has_ended(*reader.channel);
    };
    handle_events();
    while (!has_answered() && !events_.lost[static_cast<std::size_t>(reader.end)] &&
           (!begin || is_running())) {
      if (now_ns() >= limit)
        note_silence(reader.end, *reader.channel);
      else if (reader.channel->is_broken())  // another trial has abandoned the agent
        take_loss(reader.end, reader.channel->error());
      else
        co_await next_event(limit);
      handle_events();
    }
    if (begin || !has_answered()) continue;
    std::ranges::move(counters_.changes(reader, setup_.counters.result(*reader.channel)),
                      std::back_inserter(outcome_.counters));
  }
}

// The worker has read this counter, because only it has the sockets.
void TrialRun::add_socket_drops(const Measurement& measurement, End end) {
  const std::uint64_t drops = measurement.socket_drops.value_or(0);
  if (!counters_.readers().empty() && drops > 0)
    outcome_.counters.push_back({.source = CounterSource::socket,
                                 .name = "drops",
                                 .host = std::string(name(end)),
                                 .difference = static_cast<double>(drops)});
}

// A service that dies closes its connections first, so the ends fail before its end is known.
Task<> TrialRun::await_end_of_service() {
  const Nanoseconds limit = now_ns() + 300 * kMillisecond;
  handle_events();
  while (path_.has_services && outcome_.status == Status::failed && !outcome_.ended_service &&
         now_ns() < limit) {
    co_await next_event(limit);
    handle_events();
  }
}

// Handles what has arrived, or waits for it. After `limit`, abandons the agents whose endpoints
// have not ended: the agent's own deadlines are shorter, so the agent hangs.
Task<> TrialRun::await_event(Nanoseconds limit) {
  if (now_ns() >= limit)
    abandon_silent_agents();
  else
    co_await next_event(limit);
  handle_events();
}

// Returns what to wait for: something to handle, or `limit`.
Signal::Wait TrialRun::next_event(Nanoseconds limit) {
  const bool has_one = !events_.arrived.empty();
  return events_.signal.until(has_one ? 0 : limit);
}

void TrialRun::handle_events() {
  while (!events_.arrived.empty()) {
    auto [end, event] = std::move(events_.arrived.front());
    events_.arrived.pop_front();
    take(end, std::move(event));
  }
  for (const End end : {End::client, End::server})
    if (const auto& error = events_.lost[static_cast<std::size_t>(end)]) take_loss(end, *error);
  if (events_.is_interrupted && is_running()) outcome_.status = Status::interrupted;
}

void TrialRun::take(End end, Event event) {
  if (endpoint_of(event) >= kServiceEndpoints) return take_end_of_service(event);
  for (Pair& pair : pairs_)  // a late event of an earlier trial has another number
    if (endpoint_of(event) == pair.number) {
      take(pair, side_of(pair, end), std::move(event));
      break;
    }
}

void TrialRun::take(Pair& pair, Side& side, Event event) {
  if (auto* ready = std::get_if<Ready>(&event)) {
    side.ready = true;
    if (side.end == End::server) side.address = std::move(ready->address);
  } else if (auto* progress = std::get_if<Progress>(&event)) {
    if (&pair == &pairs_.back() && setup_.progress) setup_.progress(side.end, progress->interval);
  } else if (auto* result = std::get_if<Result>(&event)) {
    side.open = false;
    side.measurement = std::move(result->measurement);
  } else if (auto* failure = std::get_if<Failure>(&event)) {
    take_failure(pair, side, *failure);
  }
}

void TrialRun::fail(Status status, const std::string& what) {
  outcome_.status = status;
  outcome_.error = what;
}

// The first failure decides the outcome, because it usually causes the failure of the other end.
// The error contains both texts, because the server may name the reason why it disconnected the
// client.
void TrialRun::take_failure(const Pair& pair, Side& side, const Failure& failure) {
  side.open = false;
  const std::string what = fmt::format("{}{}: {}", pair.what, name(side.end), failure.what);
  if (is_running())
    fail(failure.status, what);
  else if (outcome_.status == Status::failed && !side.stopping)
    outcome_.error += "; " + what;
}

// The loss of an agent says more than what the other end noticed of it.
void TrialRun::take_loss(End end, const std::string& error) {
  auto& lost = events_.lost[static_cast<std::size_t>(end)];
  const bool is_new = !std::exchange(has_lost_[static_cast<std::size_t>(end)], true);
  lost = error;
  for (Pair& pair : pairs_) side_of(pair, end).open = false;
  if (is_new && outcome_.status != Status::timeout) {
    const bool has_failed = outcome_.status == Status::failed;
    fail(Status::failed, has_failed ? error + "; " + outcome_.error : error);
  }
}

// A service that ends fails the trial, because the path is another without it.
void TrialRun::take_end_of_service(const Event& event) {
  const auto* const failure = std::get_if<Failure>(&event);
  if (!failure && !std::holds_alternative<Result>(event)) return;
  outcome_.ended_service = endpoint_of(event);
  const std::string what = failure ? failure->what : "a service of the variant ended by itself";
  if (is_running())
    fail(Status::failed, what);
  else if (outcome_.status == Status::failed)
    outcome_.error += "; " + what;
}

void TrialRun::abandon_silent_agents() {
  for (Pair& pair : pairs_)
    for (Side* const side : {&pair.server, &pair.client})
      if (side->open) {
        note_silence(side->end, *side->channel);
        side->open = false;
      }
}

void TrialRun::note_silence(End end, Channel& channel) {
  channel.abandon();
  has_lost_[static_cast<std::size_t>(end)] = true;
  events_.lost[static_cast<std::size_t>(end)] = channel.error();
  for (Pair& pair : pairs_) side_of(pair, end).open = false;
  if (outcome_.status != Status::timeout)
    fail(Status::timeout, fmt::format("the agent of the {} does not answer", name(end)));
}

Task<TrialOutcome> run_to_end(const TrialSetup& setup) {
  std::optional<TrialRun> run;
  TrialOutcome failed;
  try {
    run.emplace(setup);
  } catch (const std::runtime_error& e) {  // an address that cannot be resolved
    failed.status = Status::failed;
    failed.error = e.what();
  }
  if (!run) co_return failed;
  Task<TrialOutcome> task = run->run();
  TrialOutcome outcome = co_await task;
  co_return outcome;
}

}  // namespace

Task<TrialOutcome> run_trial(const TrialSetup& setup) {
  return run_to_end(setup);
}

}  // namespace pingperf
