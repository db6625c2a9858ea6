#include "harness/agent/agent.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <deque>
#include <map>
#include <memory>
#include <set>

#include "harness/agent/changes.h"
#include "harness/agent/copied_files.h"
#include "harness/agent/copy_agent.h"
#include "harness/agent/counters.h"
#include "harness/agent/group_limits.h"
#include "harness/agent/host_checks.h"
#include "harness/agent/host_facts.h"
#include "harness/agent/protocol.h"
#include "harness/agent/resolving.h"
#include "harness/agent/worker.h"
#include "harness/agent/worker_groups.h"
#include "harness/base/interrupt.h"
#include "harness/base/io.h"
#include "harness/base/process.h"
#include "harness/base/version.h"
#include "harness/engines/engines.h"
#include "harness/engines/ports.h"
#include "sockets/core/error.h"
#include "sockets/core/io.h"
#include "sockets/core/limits.h"

namespace pingperf {
namespace {

constexpr Nanoseconds kStopGrace = kSecond;
constexpr double kMaxHostCheck_s = 10;
constexpr std::uint64_t kMaxSpares = 1024;  // workers

// The process of one endpoint and its pipes. Destroying it kills and reaps the process.
class Worker {
 public:
  // Starts the process, which waits for its endpoint, with more variables in its environment and in
  // these control groups.
  Worker(const std::vector<std::pair<std::string, std::string>>& environment,
         const std::vector<std::string>& groups)
      : joined_groups_(groups) {
    Pipe requests = make_pipe(), events = make_pipe(), errors = make_pipe();
    process_ =
        Process({"/proc/self/exe", "worker"}, {.redirects = {{requests.read.get(), STDIN_FILENO},
                                                             {errors.write.get(), STDOUT_FILENO},
                                                             {errors.write.get(), STDERR_FILENO},
                                                             {events.write.get(), kWorkerEvents}},
                                               .environment = environment});
    for (const std::string& group : groups) join_group(group, process_.pid());
    requests_ = std::move(requests.write);
    events_ = std::move(events.read);
    errors_ = std::move(errors.read);
    // A worker that does not read must not block the agent. The pipe has room for all requests.
    check(::fcntl(requests_.get(), F_SETFL, O_NONBLOCK), "fcntl");
  }

  // Gives the process its endpoint. Called once.
  void open(const OpenEndpoint& open) {
    engine_ = open.options.engine;
    has_program_ = open.program.has_value();
    groups_ = read_file(fmt::format("/proc/{}/cgroup", pid())).value_or("");
    oom_kills_before_ = oom_kills();
    deadline_ = now_ns() + static_cast<Nanoseconds>(open.timeout_s * 1e9);
    overdue_ = {.endpoint = open.endpoint,
                .what = fmt::format("the trial did not end within {:.1f} s", open.timeout_s),
                .status = Status::timeout};
    send(open);
  }

  pid_t pid() const noexcept { return process_.pid(); }
  bool has_program() const noexcept { return has_program_; }
  bool has_ended() noexcept { return process_.wait_until(0).has_value(); }

  std::string name() const { return fmt::format("worker of engine '{}'", engine_); }
  int events() const noexcept { return events_.get(); }
  int errors() const noexcept { return errors_.get(); }
  Nanoseconds deadline() const noexcept { return deadline_; }
  const Failure& overdue() const noexcept { return overdue_; }

  // If the worker no longer reads, it is dead or will time out, so this is not an error.
  void send(const Request& request) {
    try {
      write_line(requests_.get(), encode(request));
    } catch (const std::system_error&) {
      requests_ = Fd();
    }
  }

  void stop() {
    send(StopEndpoint{*overdue_.endpoint});
    if (now_ns() + kStopGrace >= deadline_) return;
    deadline_ = now_ns() + kStopGrace;
    overdue_.what =
        fmt::format("engine '{}' did not stop within {:.1f} s", engine_, to_seconds(kStopGrace));
    overdue_.status = Status::failed;
  }

  // Reads once. Returns false at the end of the stream.
  bool read_events() { return lines_.read_from(events_.get()); }
  void read_errors() {
    if (!tail_.read_from(errors_.get())) errors_ = Fd();
  }

  std::optional<std::string> next_line() { return lines_.next(); }

  // Kills the process unless it has ended. Returns an error: the signal or exit status, and the
  // last line of stderr.
  std::string end() {
    const int status = process_.end();
    if (errors_) tail_.drain(errors_.get());
    const std::string last = tail_.last_line();
    const bool has_no_memory =
        WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && oom_kills() > oom_kills_before_;
    return fmt::format("{} {}{}{}{}", name(), ending_of(status),
                       has_no_memory ? ": " + out_of_memory(groups_, joined_groups_) : "",
                       last.empty() ? "" : ": ", last);
  }

 private:
  std::string engine_;
  bool has_program_ = false;
  std::vector<std::string> joined_groups_;
  std::string groups_;  // lines of /proc/PID/cgroup
  std::uint64_t oom_kills_before_ = 0;
  Nanoseconds deadline_ = 0;
  Failure overdue_;  // the agent sends it if the process still runs at its deadline
  Process process_;
  Fd requests_;
  Fd events_;
  Fd errors_;
  LineBuffer lines_{kMaxEvent};
  Tail tail_;
};

class Agent {
 public:
  Agent(Fd in, Fd out) : in_(std::move(in)), out_(std::move(out)) {}

  // Serves requests until their end. Throws ProtocolError, or std::system_error when the controller
  // has ended.
  void serve() {
    for (bool more = true; more && !is_interrupted();) {
      if (wait()) more = read_requests();
      for (const std::uint64_t endpoint : std::exchange(due_, {}))
        if (workers_.contains(endpoint)) handle_worker(endpoint);
    }
  }

  void send(const Event& event) { write_line(out_.get(), encode(event)); }
  bool is_interrupted() const { return interrupt_ && interrupt_->raised(); }

  ~Agent() {
    const bool had_program =
        std::ranges::any_of(workers_, [](const auto& entry) { return entry.second.has_program(); });
    workers_.clear();
    spares_.clear();
    if (had_program) kill_orphans();
    changes_.reset();  // undoes them; the workers have left their control groups by now
  }
  Agent(Agent&&) = default;

 private:
  // Waits until a descriptor is readable or a worker is overdue. Notes the endpoints of such
  // workers. Returns true if a request came.
  bool wait() {
    std::vector<pollfd> fds = {{in_.get(), POLLIN, 0},
                               {interrupt_ ? interrupt_->fd() : -1, POLLIN, 0}};
    Nanoseconds wake = INT64_MAX;
    for (const auto& [endpoint, worker] : workers_) {
      fds.push_back({worker.events(), POLLIN, 0});
      fds.push_back({worker.errors(), POLLIN, 0});  // -1 after its end, which poll(2) ignores
      wake = std::min(wake, worker.deadline());
    }
    const int timeout_ms = workers_.empty() ? -1 : poll_ms(wake);
    if (::poll(fds.data(), fds.size(), timeout_ms) < 0) return false;
    const Nanoseconds now = now_ns();
    auto of_worker = fds.begin() + 2;
    for (const auto& [endpoint, worker] : workers_) {
      if (of_worker[0].revents != 0 || of_worker[1].revents != 0 || now >= worker.deadline())
        due_.push_back(endpoint);
      of_worker += 2;
    }
    return fds[0].revents != 0;
  }

  // Returns false at the end of the stream.
  bool read_requests() {
    const bool more = requests_.read_from(in_.get());
    while (const auto line = requests_.next()) {
      const Request request = decode_request(*line);
      if (!greeted_ && !std::holds_alternative<ControllerHello>(request))
        throw ProtocolError("the first request must be hello");
      std::visit([&](const auto& r) { handle(r); }, request);
    }
    if (!more && !requests_.rest().empty())
      throw ProtocolError("the last request has no end: " + excerpt(requests_.rest()));
    return more;
  }

  void handle(const ControllerHello& hello) {
    if (hello.version != version())
      throw ProtocolError(fmt::format(
          "the controller is pingperf {}, the agent {}: install the same version on both hosts",
          hello.version, version()));
    AgentHello answer{.version = std::string(version()),
                      .host = {.json = host_facts()},
                      .network_namespace = network_namespace()};
    for (const Engine* e : all_engines())
      answer.engines.push_back({std::string(e->name),
                                std::string(e->summary),
                                e->kind,
                                e->transport,
                                {e->parameters.begin(), e->parameters.end()},
                                e->unavailable()});
    const auto stale = stale_journals();
    answer.recovers = !stale.empty();
    send(answer);
    greeted_ = true;
    if (!answer.recovers) return;
    Recovery recovery = undo_stale_changes(stale);
    send(Recovered{std::move(recovery.undone), std::move(recovery.not_undone)});
  }

  void handle(const OpenEndpoint& open) {
    if (workers_.contains(open.endpoint))
      throw ProtocolError(fmt::format("endpoint {} is in use", open.endpoint));
    allow_workers(1);
    try {
      std::optional<Worker> worker;
      for (; !worker && !spares_.empty(); spares_.pop_front())
        if (!spares_.front().has_ended()) worker = std::move(spares_.front());
      if (!worker) worker.emplace(environment_, changes_->groups());
      workers_.try_emplace(open.endpoint, std::move(*worker))
          .first->second.open(in_copied_folder(open));
    } catch (const std::system_error& e) {
      send(Failure{.endpoint = open.endpoint,
                   .what = fmt::format("cannot start a worker: {}", explained(e)),
                   .error_number = e.code().value()});
    }
  }

  // Returns `open` with the folder of copied files, if its program runs there.
  OpenEndpoint in_copied_folder(OpenEndpoint open) const {
    if (!open.program || !open.program->is_copied || !files_) return open;
    std::string& directory = open.program->directory;
    if (!directory.starts_with('/')) directory = files_->folder() + "/" + directory;
    return open;
  }

  void handle(const CopyFile& piece) {
    try {
      if (!files_) files_.emplace();
      files_->put(piece);
    } catch (const std::system_error& e) {
      throw ProtocolError(fmt::format("copy_files: {}", e.what()));
    }
  }

  // A missing endpoint is not an error: it has just ended, and its result and the request crossed.
  void handle(const StartEndpoint& start) {
    const auto found = workers_.find(start.endpoint);
    if (found != workers_.end()) found->second.send(start);
  }

  void handle(const StopEndpoint& stop) {
    const auto found = workers_.find(stop.endpoint);
    if (found != workers_.end()) found->second.stop();
  }

  // If a worker cannot be started now, the next endpoint tries it again and reports the error.
  void handle(const PrepareWorkers& request) {
    allow_workers(std::min(request.count, kMaxSpares));
    try {
      std::erase_if(spares_, [](Worker& spare) { return spare.has_ended(); });
      while (spares_.size() < std::min(request.count, kMaxSpares))
        spares_.emplace_back(environment_, changes_->groups());
    } catch (const std::system_error&) {
    }
  }

  void handle(const HostCheckRequest& request) {
    const double seconds = std::clamp(request.observe_s, 0.0, kMaxHostCheck_s);
    send(HostCheckResult{check_host(static_cast<Nanoseconds>(seconds * 1e9))});
  }

  void handle(const CountersRequest& request) {
    if (request.begins) counters_.begin(request);
    send(CountersResult{request.begins ? std::vector<CounterChange>() : counters_.end()});
  }

  void handle(const ResolveRequest& request) { send(resolve_here(request)); }

  void handle(const CheckVariants& request) {
    VariantsChecked answer;
    std::set<std::string> problems;
    for (const SystemChanges& changes : request.changes)
      for (std::string& problem : problems_of(changes)) problems.insert(std::move(problem));
    answer.problems.assign(problems.begin(), problems.end());
    if (request.claims && answer.problems.empty()) try {
        change_system().claim();
      } catch (const std::runtime_error& e) {
        answer.problems.emplace_back(e.what());
      }
    send(answer);
  }

  // Makes no changes while former ones remain.
  void handle(const SwitchVariant& request) {
    Switched answer;
    spares_.clear();  // they have the environment and the groups of the former variant
    environment_.clear();
    server_port_ = {};
    answer.not_undone = changes_->undo();
    try {
      if (!answer.not_undone.empty())
        throw std::runtime_error("former changes remain: " + answer.not_undone.front());
      if (!request.changes.are_empty()) change_system().make(request.changes, request.addresses);
      environment_ = request.environment;
      if (!request.port_at.empty()) {
        server_port_ = find_free_port(Address::parse(request.port_at));
        answer.port = server_port_.address.port();
      }
    } catch (const std::exception& e) {
      answer.error = e.what();
    }
    kill_orphans();  // of the commands
    send(answer);
  }

  // From now on, the end of this process undoes changes, so SIGTERM only ends serve().
  Changes& change_system() {
    if (!interrupt_) {
      interrupt_ = std::make_unique<Interrupt>();
      ::signal(SIGINT, SIG_IGN);
    }
    return *changes_;
  }

  // Forwards a worker's events and handles its end.
  void handle_worker(std::uint64_t endpoint) {
    Worker& worker = workers_.at(endpoint);
    if (readable(worker.errors())) worker.read_errors();
    try {
      if (readable(worker.events()) && !worker.read_events())
        return finish(endpoint, {.endpoint = endpoint, .what = worker.end()});
      while (const auto line = worker.next_line()) {
        const Event event = decode_event(*line);
        if (endpoint_of(event) != endpoint) throw ProtocolError("not its endpoint");
        if (std::holds_alternative<Result>(event) || std::holds_alternative<Failure>(event))
          return finish(endpoint, *line);
        write_line(out_.get(), *line);
      }
    } catch (const ProtocolError& e) {
      return finish(endpoint,
                    {.endpoint = endpoint,
                     .what = fmt::format("{} broke the protocol: {}", worker.name(), e.what())});
    }
    if (now_ns() >= worker.deadline()) finish(endpoint, worker.overdue());
  }

  // Raises the limit of descriptors if `count` more workers would exceed it. Programs inherit the
  // limit.
  void allow_workers(std::size_t count) const {
    constexpr std::size_t kPipes = 3, kOthers = 64;
    raise_file_limit(kPipes * (workers_.size() + spares_.size() + count) + kOthers);
  }

  static bool readable(int fd) {
    pollfd p{fd, POLLIN, 0};
    return ::poll(&p, 1, 0) > 0;
  }

  // Reaps the worker before it sends the end, so that number and port are free by then.
  void finish(std::uint64_t endpoint, std::string line) {
    const bool had_program = workers_.at(endpoint).has_program();
    workers_.erase(endpoint);
    if (had_program) kill_orphans();
    write_line(out_.get(), std::move(line));
  }
  void finish(std::uint64_t endpoint, const Failure& failure) {
    finish(endpoint, encode(Event(failure)));
  }

  // Kills the descendants of a program whose worker was killed. They have become children of this
  // process.
  void kill_orphans() const {
    std::vector<pid_t> workers;  // and the other children of the agent
    for (const auto& [endpoint, worker] : workers_) workers.push_back(worker.pid());
    for (const Worker& spare : spares_) workers.push_back(spare.pid());
    if (files_) workers.push_back(files_->remover());
    kill_children(workers);
  }

  Fd in_;
  Fd out_;
  LineBuffer requests_{kMaxRequest};
  std::map<std::uint64_t, Worker> workers_;
  std::vector<std::uint64_t> due_;  // endpoints of workers that have sent something or are overdue
  std::deque<Worker> spares_;       // started before their endpoints are known
  std::optional<CopiedFiles> files_;
  HostCounters counters_;
  std::unique_ptr<Changes> changes_ = std::make_unique<Changes>();
  std::vector<std::pair<std::string, std::string>> environment_;  // of new workers
  FreePort server_port_;                  // that services of the variant are told
  std::unique_ptr<Interrupt> interrupt_;  // once the agent has changed its system
  bool greeted_ = false;
};

// Makes private copies of the protocol's descriptors, so that no other code can disturb them.
Agent take_over(int in, int out) {
  Agent agent(duplicate(in), duplicate(out));
  const Fd null(check(::open("/dev/null", O_RDONLY | O_CLOEXEC), "/dev/null"));
  check(::dup2(null.get(), STDIN_FILENO), "dup2");
  check(::dup2(STDERR_FILENO, STDOUT_FILENO), "dup2");
  return agent;
}

// Returns the exit code. Sets `is_terminated` if a signal ended the agent.
int serve(int in, int out, bool& is_terminated) {
  Agent agent = take_over(in, out);
  try {
    try {
      agent.serve();
      is_terminated = agent.is_interrupted();
      return 0;
    } catch (const ProtocolError& e) {
      agent.send(Failure{.what = e.what()});
    }
  } catch (const std::system_error& e) {
    if (e.code().value() != EPIPE)  // the controller has not ended, and reads this
      std::fprintf(stderr, "pingperf agent: %s\n", explained(e).c_str());
  }
  return 1;
}

}  // namespace

int run_agent(int in, int out) {
  ::signal(SIGINT, SIG_IGN);
  ::signal(SIGPIPE, SIG_IGN);
  delete_own_copy();
  adopt_orphans();
  bool is_terminated = false;
  const int status = serve(in, out, is_terminated);
  if (is_terminated) {  // as if the signal had ended this process at once
    ::signal(SIGTERM, SIG_DFL);
    ::raise(SIGTERM);
  }
  return status;
}

}  // namespace pingperf
