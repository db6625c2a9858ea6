#include "harness/agent/worker.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <future>
#include <mutex>
#include <thread>

#include "harness/agent/protocol.h"
#include "harness/base/process.h"
#include "harness/engines/engines.h"
#include "sockets/core/cpu_set.h"
#include "sockets/core/error.h"
#include "sockets/core/fd.h"
#include "sockets/core/limits.h"
#include "sockets/measure/usage.h"
#include "sockets/transport/availability.h"

namespace pingperf {
namespace {

// This host cannot run the endpoint, and a retry would not help.
class Refused : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Sends the worker's events to the agent. Any thread may call it.
class Reporter {
 public:
  explicit Reporter(std::uint64_t endpoint) : endpoint_(endpoint) {}

  std::uint64_t endpoint() const noexcept { return endpoint_; }

  // Ends the process if the agent has ended.
  void send(const Event& event) {
    const std::lock_guard lock(mutex_);
    try {
      write_line(kWorkerEvents, encode(event));
    } catch (const std::system_error&) {
      kill_children();  // of a program
      ::_exit(1);
    }
  }

  void fail(const std::exception& e) {
    Failure failure{.endpoint = endpoint_, .what = explained(e)};
    if (const auto* system = dynamic_cast<const std::system_error*>(&e))
      failure.error_number = system->code().value();
    if (failure.error_number == EADDRINUSE || dynamic_cast<const Refused*>(&e) ||
        dynamic_cast<const Unavailable*>(&e))
      failure.status = Status::refused;
    send(failure);
  }

 private:
  const std::uint64_t endpoint_;
  std::mutex mutex_;
};

// Pins this process and returns its CPUs; none if the end has no pin. The server's threads take
// them from the last on, so that the ends of one set share a CPU only if it is too small. Throws
// Refused if the process cannot use one of them.
Cpus pin(const OpenEndpoint& open) {
  const bool server = open.role == Role::listen;
  const auto& text = server ? open.options.server_cpu : open.options.client_cpu;
  if (!text) return {};
  const std::string what = fmt::format("cannot pin the {} to {}{}", server ? "server" : "client",
                                       parse_node(*text)  ? ""
                                       : is_one_cpu(text) ? "CPU "
                                                          : "CPUs ",
                                       *text);
  Cpus cpus;
  try {
    cpus = cpus_of_pin(*text);
  } catch (const std::runtime_error& e) {
    throw Refused(fmt::format("{}: {}", what, e.what()));
  }
  if (const auto reason = why_unusable(cpus, usable_cpus()))
    throw Refused(fmt::format("{}: {}", what, *reason));
  if (!set_affinity(cpus)) check(-1, what);
  if (server) std::reverse(cpus.begin(), cpus.end());
  return cpus;
}

// Holds /dev/cpu_dma_latency at 0 while the descriptor is open, which keeps all CPUs of this host
// out of deeper sleep states (kernel documentation, power/pm_qos_interface).
Fd keep_cpus_wakeful() {
  constexpr std::int32_t kNoLatency_us = 0;
  Fd fd(::open("/dev/cpu_dma_latency", O_WRONLY | O_CLOEXEC));
  if (!fd || ::write(fd.get(), &kNoLatency_us, sizeof kNoLatency_us) != sizeof kNoLatency_us)
    throw Refused(
        fmt::format("cpu_wakeful requires root and a kernel with /dev/cpu_dma_latency: {}",
                    std::strerror(errno)));
  return fd;
}

// Makes sure that no process of a program outlives this one. Descendants that left their parent
// come to this process, and it ends later than the agent, whose end it notices as the end of stdin.
// (If this process is killed, the agent adopts and kills them.) A signal for the agent's group,
// such as that of timeout(1), does not reach it. If it is stopped when the agent ends, SIGCONT
// wakes it. The kernel can send SIGHUP too, to a stopped group that has lost its parent.
void own_program_processes() {
  adopt_orphans();
  ::setpgid(0, 0);
  ::signal(SIGHUP, SIG_IGN);
  ::prctl(PR_SET_PDEATHSIG, SIGCONT);
  start_thread("the thread that watches the agent", [] {
    constexpr int kForEver = -1;
    pollfd agent{STDIN_FILENO, 0, 0};  // POLLHUP needs no flag
    while (::poll(&agent, 1, kForEver) < 0) {
    }
    kill_children();
    ::_exit(1);
  }).detach();
}

std::unique_ptr<Endpoint> make_program(const OpenEndpoint& open, const EndpointConfig& config) {
  if (const auto reason = unavailable(*open.program)) throw Refused(*reason);
  own_program_processes();
  return make_program_endpoint(*open.program, config, open.role == Role::listen);
}

// The share of the time limit that set-up may take. It ends before the agent's deadline, so that
// its error says how far it came.
constexpr double kSetUpShare = 0.95;

std::unique_ptr<Endpoint> make_endpoint(const OpenEndpoint& open, Cpus cpus) {
  Options options = open.options;
  const bool has_nodes = resolve_nodes(options);
  const EndpointConfig config{
      .options = options,
      .token = open.token,
      .address = Address::parse(open.address),
      .cpus = std::move(cpus),
      .deadline = now_ns() + static_cast<Nanoseconds>(kSetUpShare * open.timeout_s * 1e9),
      .external = open.external,
  };
  if (open.program) return make_program(open, config);
  const Engine* engine = find_engine(options.engine, options.kind, options.transport);
  if (engine == nullptr)
    throw Refused(fmt::format("there is no engine '{}' for {} over {} here", options.engine,
                              name(options.kind), name(options.transport)));
  // A library that the case names replaces the one that unavailable() is about.
  if (const auto reason = engine->unavailable(); reason && !options.libiperf)
    throw Refused(fmt::format("engine '{}' is unavailable here: {}", options.engine, *reason));
  if (has_nodes && engine->validate)  // again, because only this host knows their CPUs
    if (const auto reason = engine->validate(options)) throw Refused(*reason);
  return open.role == Role::listen ? engine->listen(config) : engine->connect(config);
}

// Runs in the engine's thread, from the accept or connect to the result. Ends the process. The
// agent's deadline bounds it. Sets `accepted` once accept() of a server has ended.
[[noreturn]] void run_engine(const OpenEndpoint& open, Endpoint& endpoint,
                             std::future<void> started, std::atomic<bool>& accepted,
                             Reporter& reporter) {
  try {
    if (!accepted) {
      endpoint.accept();
      accepted = true;
    }
    started.wait();
    Measurement measurement = endpoint.run([&](const Interval& interval) {
      reporter.send(Progress{reporter.endpoint(), interval});
    });
    if (open.program) kill_children();
    if (!measurement.error.empty()) throw std::runtime_error(measurement.error);
    reporter.send(Result{reporter.endpoint(), std::move(measurement)});
  } catch (const std::exception& e) {
    reporter.fail(e);
  }
  ::_exit(0);
}

// Serves the agent's requests in the main thread, until the engine's thread ends the process or the
// agent has ended. A stop before the end of accept() ends the process, because stop() and accept()
// would use the flows at the same time.
[[noreturn]] void serve_requests(LineBuffer& requests, Endpoint& endpoint, std::promise<void> start,
                                 const std::atomic<bool>& accepted, Reporter& reporter) noexcept {
  bool started = false;
  do {
    while (const auto line = requests.next()) {
      const Request request = decode_request(*line);
      if (std::holds_alternative<StartEndpoint>(request) && !started) {
        started = true;
        start.set_value();
      } else if (std::holds_alternative<StopEndpoint>(request) && started && accepted) {
        endpoint.stop();
      } else if (std::holds_alternative<StopEndpoint>(request)) {
        reporter.fail(std::runtime_error("stopped before it started"));
        ::_exit(0);
      }
    }
  } while (requests.read_from(STDIN_FILENO));
  kill_children();  // of a program
  ::_exit(1);
}

OpenEndpoint first_request(LineBuffer& requests) {
  while (requests.read_from(STDIN_FILENO))
    if (const auto line = requests.next()) {
      Request request = decode_request(*line);
      if (auto* open = std::get_if<OpenEndpoint>(&request)) return std::move(*open);
      break;
    }
  throw ProtocolError("a worker's first request is listen or connect");
}

void serve(LineBuffer& requests, const OpenEndpoint& open, Reporter& reporter) {
  Cpus cpus = pin(open);
  if (!open.program) raise_file_limit();
  const Fd wakeful = open.options.cpu_wakeful.value_or(false) ? keep_cpus_wakeful() : Fd();
  const std::unique_ptr<Endpoint> endpoint = make_endpoint(open, std::move(cpus));
  reporter.send(Ready{open.endpoint, endpoint->address().to_string()});
  std::promise<void> start;
  std::atomic<bool> accepted = open.role != Role::listen;
  const std::thread engine =
      start_thread("the thread of the engine", [&, started = start.get_future()]() mutable {
        run_engine(open, *endpoint, std::move(started), accepted, reporter);
      });
  serve_requests(requests, *endpoint, std::move(start), accepted, reporter);
}

}  // namespace

int run_worker() {
  if (::fcntl(kWorkerEvents, F_SETFD, FD_CLOEXEC) < 0) {
    std::fputs("pingperf worker is started by the agent: try pingperf run\n", stderr);
    return 2;
  }
  ::signal(SIGPIPE, SIG_IGN);
  start_counting_cycles();
  ::dup2(STDERR_FILENO, STDOUT_FILENO);  // keeps a library's output out of the events
  try {
    LineBuffer requests(kMaxRequest);
    const OpenEndpoint open = first_request(requests);
    Reporter reporter(open.endpoint);
    try {
      serve(requests, open, reporter);
    } catch (const std::exception& e) {
      kill_children();  // of a program whose server was not ready
      reporter.fail(e);
    }
  } catch (const ProtocolError& e) {
    std::fprintf(stderr, "pingperf worker: %s\n", e.what());
  }
  return 1;
}

}  // namespace pingperf
