// The agent as a process: its requests and replies, and its workers.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include <charconv>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "harness/agent/protocol.h"
#include "harness/base/json.h"
#include "harness/base/lines.h"
#include "harness/base/process.h"
#include "harness/base/version.h"
#include "sockets/core/cpu_set.h"

namespace pingperf {
namespace {

using testing::HasSubstr;

constexpr Nanoseconds kSoon = 10 * kSecond;  // waited for only if something is broken

// Returns true when `condition` is true, or false after a while.
template <typename Condition>
bool soon(Condition condition) {
  const Nanoseconds deadline = now_ns() + kSoon;
  while (!condition()) {
    if (now_ns() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

// Returns the children of `pid` without zombies.
std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> children;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    pid_t child = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), child).ec != std::errc()) continue;
    std::ifstream file(entry.path() / "stat");
    std::string stat;
    if (!std::getline(file, stat)) continue;
    char state = 0;
    pid_t parent = 0;
    std::istringstream(stat.substr(stat.rfind(')') + 1)) >> state >> parent;
    if (parent == pid && state != 'Z') children.push_back(child);
  }
  return children;
}

bool alive(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string stat;
  return std::getline(file, stat) && stat.find(") Z ") == std::string::npos;
}

std::ptrdiff_t open_descriptors(pid_t pid) {
  const std::filesystem::directory_iterator fds("/proc/" + std::to_string(pid) + "/fd");
  return std::distance(begin(fds), end(fds));
}

// A real agent and the raw ends of its pipes.
class AgentTest : public testing::Test {
 protected:
  AgentTest() {
    Pipe in = make_pipe(), out = make_pipe();
    agent_ = Process({PINGPERF_BINARY, "agent"}, {{in.read.get(), 0}, {out.write.get(), 1}},
                     Lifetime::of_parent);
    in_ = std::move(in.write);
    out_ = std::move(out.read);
  }

  void say(const Request& request) { write_line(in_.get(), encode(request)); }

  void greet() {
    say(ControllerHello{std::string(version())});
    expect<AgentHello>();
  }

  // Returns the next event, or an error of the conversation if there is none.
  Event next() {
    for (;;) {
      if (const auto line = lines_.next()) return decode_event(*line);
      pollfd p{out_.get(), POLLIN, 0};
      if (::poll(&p, 1, static_cast<int>(kSoon / kMillisecond)) <= 0) break;
      if (!lines_.read_from(out_.get())) break;
    }
    return Failure{.what = "nothing came"};
  }

  template <typename T>
  T expect() {
    const Event event = next();
    if (std::holds_alternative<T>(event)) return std::get<T>(event);
    ADD_FAILURE() << "got " << encode(event);
    return {};
  }

  void open_null(std::uint64_t endpoint, Nanoseconds duration, double timeout_s = 60,
                 Role role = Role::listen) {
    OpenEndpoint open{
        .role = role, .endpoint = endpoint, .address = "127.0.0.1:5201", .timeout_s = timeout_s};
    open.options.engine = "noop";
    open.options.duration = duration;
    say(open);
  }

  // Opens and starts a client of an hour, because a server can be stopped before it accepts one.
  // Returns its worker's pid.
  pid_t long_trial(std::uint64_t endpoint) {
    const auto before = children_of(agent_.pid());
    open_null(endpoint, 3600 * kSecond, 7200, Role::connect);
    expect<Ready>();
    say(StartEndpoint{endpoint});
    for (const pid_t child : children_of(agent_.pid()))
      if (std::find(before.begin(), before.end(), child) == before.end()) return child;
    ADD_FAILURE() << "no worker";
    return -1;
  }

  // Returns the agent's exit status; nothing if a signal ended it or it does not end.
  std::optional<int> exit_status() {
    const auto status = agent_.wait_until(now_ns() + kSoon);
    if (!status || !WIFEXITED(*status)) return std::nullopt;
    return WEXITSTATUS(*status);
  }

  // Expects the agent to report `error` and to end.
  void expect_end_with(const char* error) {
    const auto failure = expect<Failure>();
    EXPECT_THAT(failure.what, HasSubstr(error));
    EXPECT_FALSE(failure.endpoint);
    EXPECT_EQ(exit_status(), 1);
  }

  Process agent_;
  Fd in_;
  Fd out_;
  LineBuffer lines_{kMaxEvent};
};

TEST_F(AgentTest, HelloListsEnginesAndTheHost) {
  say(ControllerHello{std::string(version())});
  const auto hello = expect<AgentHello>();
  EXPECT_EQ(hello.version, version());
  EXPECT_THAT(hello.engines, testing::Contains(testing::Field(&EngineInfo::name, "noop")));
  EXPECT_GT(parse_json(hello.host.json).value("cpus", 0), 0);
  EXPECT_NE(hello.network_namespace, "");
}

TEST_F(AgentTest, ATrialGivesAResult) {
  greet();
  open_null(1, 5 * kMillisecond);
  EXPECT_EQ(expect<Ready>().address, "127.0.0.1:5201");
  say(StartEndpoint{1});
  EXPECT_EQ(expect<Result>().measurement.window_s, 0.005);
}

TEST_F(AgentTest, BothEndsOfATrialRunAtTheSameTime) {
  greet();
  open_null(1, kMillisecond);
  expect<Ready>();
  open_null(2, kMillisecond, 60, Role::connect);
  expect<Ready>();
  say(StartEndpoint{1});
  say(StartEndpoint{2});
  EXPECT_EQ(expect<Result>().endpoint + expect<Result>().endpoint, 3u);
}

TEST_F(AgentTest, AClientAndItsServerTransferBytes) {
  greet();
  OpenEndpoint open{.role = Role::listen,
                    .endpoint = 1,
                    .token = mint_token(),
                    .address = "127.0.0.1:0",
                    .timeout_s = 30};
  open.options.engine = "blocking";
  open.options.kind = Kind::latency;
  open.options.message_size = 64;
  open.options.duration = 20 * kMillisecond;
  say(open);
  open.address = expect<Ready>().address;
  open.role = Role::connect;
  open.endpoint = 2;
  say(open);
  expect<Ready>();
  say(StartEndpoint{1});
  say(StartEndpoint{2});
  Measurement client;
  for (int ended = 0; ended < 2;) {
    const Event event = next();
    if (std::holds_alternative<Progress>(event)) continue;
    const auto* result = std::get_if<Result>(&event);
    ASSERT_TRUE(result) << encode(event);
    if (result->endpoint == 2) client = result->measurement;
    ++ended;
  }
  EXPECT_GT(client.exchanges.value_or(0), 0u);
  EXPECT_EQ(client.rtt->count(), client.exchanges);
}

TEST_F(AgentTest, HelloMustComeFirst) {
  say(StartEndpoint{1});
  expect_end_with("hello");
}

TEST_F(AgentTest, AVersionMismatchNamesBothVersions) {
  say(ControllerHello{"9.9.9"});
  const auto what = expect<Failure>().what;
  EXPECT_THAT(what, HasSubstr("9.9.9"));
  EXPECT_THAT(what, HasSubstr(std::string(version())));
  EXPECT_EQ(exit_status(), 1);
}

TEST_F(AgentTest, AGarbageLineIsQuotedAndEndsTheAgent) {
  greet();
  write_line(in_.get(), "GET / HTTP/1.1");
  expect_end_with("'GET / HTTP/1.1'");
}

TEST_F(AgentTest, AnUnknownRequestIsNamedAndEndsTheAgent) {
  greet();
  write_line(in_.get(), R"({"type":"dance"})");
  expect_end_with("unknown request 'dance'");
}

TEST_F(AgentTest, AnEndlessLineEndsTheAgent) {
  greet();
  const std::string part((1 << 20) + 1, 'x');
  write_line(in_.get(), part);
  expect_end_with("longer than 1 MiB");
}

TEST_F(AgentTest, HalfALineIsAnError) {
  greet();
  EXPECT_EQ(::write(in_.get(), "{\"type\"", 7), 7);
  in_ = Fd();
  expect_end_with("has no end");
}

TEST_F(AgentTest, AnEndpointsNumberIsFreeOnlyAfterItsEnd) {
  greet();
  open_null(1, 3600 * kSecond);
  expect<Ready>();
  open_null(1, kMillisecond);
  expect_end_with("endpoint 1 is in use");
}

TEST_F(AgentTest, TheEndOfTheRequestsEndsAgentAndWorkers) {
  greet();
  const pid_t first = long_trial(1), second = long_trial(2);
  in_ = Fd();
  EXPECT_EQ(exit_status(), 0);
  EXPECT_FALSE(alive(first));
  EXPECT_FALSE(alive(second));
}

TEST_F(AgentTest, AKilledAgentEndsItsWorkers) {
  greet();
  const pid_t worker = long_trial(1);
  EXPECT_TRUE(alive(worker));
  agent_.end();
  EXPECT_TRUE(soon([&] { return !alive(worker); }));
}

TEST_F(AgentTest, AKilledWorkerIsAFailureThatNamesTheSignal) {
  greet();
  ::kill(long_trial(1), SIGTERM);
  const auto failure = expect<Failure>();
  EXPECT_EQ(failure.endpoint, 1u);
  EXPECT_EQ(failure.status, Status::failed);
  EXPECT_THAT(failure.what, HasSubstr("worker of engine 'noop' was killed by SIGTERM"));
  open_null(1, kMillisecond);  // the agent still serves requests, and the number is free
  expect<Ready>();
}

TEST_F(AgentTest, ATrialPastItsDeadlineTimesOut) {
  greet();
  open_null(1, 3600 * kSecond, 0.3);
  expect<Ready>();
  say(StartEndpoint{1});
  const auto failure = expect<Failure>();
  EXPECT_EQ(failure.status, Status::timeout);
  EXPECT_EQ(failure.what, "the trial did not end within 0.3 s");
  EXPECT_TRUE(children_of(agent_.pid()).empty());
}

TEST_F(AgentTest, AStoppedTrialEnds) {
  greet();
  long_trial(1);
  say(StopEndpoint{1});
  EXPECT_EQ(expect<Failure>().what, "stopped");
}

TEST_F(AgentTest, ATrialCanBeStoppedBeforeItStarts) {
  greet();
  open_null(1, 3600 * kSecond);
  expect<Ready>();
  say(StopEndpoint{1});
  EXPECT_EQ(expect<Failure>().what, "stopped before it started");
}

TEST_F(AgentTest, AServerCanBeStoppedWhileItWaitsForItsClient) {
  greet();
  OpenEndpoint open{.role = Role::listen, .endpoint = 1, .address = "127.0.0.1:0", .timeout_s = 60};
  open.options.engine = "blocking";
  say(open);
  expect<Ready>();
  say(StartEndpoint{1});
  say(StopEndpoint{1});
  EXPECT_EQ(expect<Failure>().what, "stopped before it started");
}

TEST_F(AgentTest, AWorkerThatDoesNotStopIsKilled) {
  greet();
  const pid_t worker = long_trial(1);
  ::kill(worker, SIGSTOP);
  say(StopEndpoint{1});
  EXPECT_THAT(expect<Failure>().what, HasSubstr("did not stop within 1.0 s"));
  EXPECT_FALSE(alive(worker));
}

TEST_F(AgentTest, RequestsForEndpointsThatHaveEndedAreHarmless) {
  greet();
  say(StopEndpoint{5});
  say(StartEndpoint{5});
  open_null(1, kMillisecond);
  expect<Ready>();
}

class SpareWorkerTest : public AgentTest {
 protected:
  // Returns the pid of the only worker.
  pid_t prepare() {
    say(PrepareWorkers());
    EXPECT_TRUE(soon([&] { return children_of(agent_.pid()).size() == 1; }));
    return children_of(agent_.pid()).front();
  }

  void expect_trial(std::uint64_t endpoint) {
    open_null(endpoint, kMillisecond);
    expect<Ready>();
    say(StartEndpoint{endpoint});
    expect<Result>();
  }
};

TEST_F(SpareWorkerTest, ServesTheNextEndpoint) {
  greet();
  const pid_t spare = prepare();
  open_null(1, 3600 * kSecond);
  expect<Ready>();
  EXPECT_EQ(children_of(agent_.pid()), std::vector{spare});
}

TEST_F(SpareWorkerTest, OneIsEnough) {
  greet();
  const pid_t spare = prepare();
  say(PrepareWorkers());
  say(HostCheckRequest{0});
  expect<HostCheckResult>();  // the agent has handled the request before it
  EXPECT_EQ(children_of(agent_.pid()), std::vector{spare});
}

TEST_F(SpareWorkerTest, ThereAreAsManyAsTrialsAtOnce) {
  greet();
  say(PrepareWorkers{3});
  EXPECT_TRUE(soon([&] { return children_of(agent_.pid()).size() == 3; }));
  for (const std::uint64_t endpoint : {1, 2, 3}) {
    open_null(endpoint, 3600 * kSecond);
    expect<Ready>();
  }
  EXPECT_EQ(children_of(agent_.pid()).size(), 3u);
}

TEST_F(SpareWorkerTest, IsReplacedIfItWasKilled) {
  greet();
  const pid_t spare = prepare();
  ::kill(spare, SIGKILL);
  EXPECT_TRUE(soon([&] { return !alive(spare); }));
  expect_trial(1);
}

TEST_F(SpareWorkerTest, HasTheDeadlineOfItsEndpoint) {
  greet();
  prepare();
  open_null(1, 3600 * kSecond, 0.3);
  expect<Ready>();
  say(StartEndpoint{1});
  EXPECT_EQ(expect<Failure>().status, Status::timeout);
}

TEST_F(SpareWorkerTest, EndsWithTheAgent) {
  greet();
  const pid_t spare = prepare();
  in_ = Fd();
  EXPECT_EQ(exit_status(), 0);
  EXPECT_FALSE(alive(spare));
}

TEST_F(SpareWorkerTest, EndsWithAnAgentThatIsKilled) {
  greet();
  const pid_t spare = prepare();
  agent_.end();
  EXPECT_TRUE(soon([&] { return !alive(spare); }));
}

TEST_F(AgentTest, AnUnknownEngineIsRefused) {
  greet();
  OpenEndpoint open{.endpoint = 1, .address = "127.0.0.1:0", .timeout_s = 10};
  open.options.engine = "warp";
  say(open);
  const auto failure = expect<Failure>();
  EXPECT_EQ(failure.status, Status::refused);
  EXPECT_EQ(failure.what, "there is no engine 'warp' for throughput over tcp here");
}

class PinnedAgentTest : public AgentTest {
 protected:
  // Opens a server that is pinned to `cpus`. Returns why the agent refuses it.
  std::string refusal_of(const std::string& cpus) {
    greet();
    OpenEndpoint open{.endpoint = 1, .address = "127.0.0.1:0", .timeout_s = 10};
    open.options.engine = "noop";
    open.options.server_cpu = cpus;
    say(open);
    const auto failure = expect<Failure>();
    EXPECT_EQ(failure.status, Status::refused);
    return failure.what;
  }
};

TEST_F(PinnedAgentTest, AMissingCpuIsRefused) {
  EXPECT_THAT(refusal_of("4095"),
              HasSubstr("cannot pin the server to CPU 4095: pingperf may use CPU"));
}

TEST_F(PinnedAgentTest, AMissingNodeIsRefused) {
  EXPECT_EQ(refusal_of("node999"), "cannot pin the server to node999: this host has no node999");
}

TEST_F(AgentTest, NodesWhoseSpinningThreadsShareACpuAreRefused) {
  Options options{.kind = Kind::latency, .engine = "spin"};
  options.client_cpu = options.server_cpu = "node0";
  if (!resolve_nodes(options)) GTEST_SKIP() << "this kernel has no NUMA nodes";
  const std::string cpus = *options.client_cpu;
  options.streams = parse_cpus(cpus).value().size();  // a thread of each end on each CPU
  for (const auto& [client, server] : {std::pair("node0", "node0"), {"node0", cpus.c_str()}}) {
    options.client_cpu = client;
    options.server_cpu = server;
    greet();
    say(OpenEndpoint{.endpoint = 1, .options = options, .address = "127.0.0.1:0", .timeout_s = 10});
    const auto failure = expect<Failure>();
    EXPECT_EQ(failure.status, Status::refused);
    EXPECT_THAT(failure.what, HasSubstr("both ends on one CPU measures the scheduler"));
  }
}

TEST_F(AgentTest, AWrongAddressFailsTheTrialOnly) {
  greet();
  say(OpenEndpoint{
      .endpoint = 1, .options = {.engine = "noop"}, .address = "nowhere", .timeout_s = 10});
  EXPECT_THAT(expect<Failure>().what, HasSubstr("'nowhere' is not an address"));
  open_null(1, kMillisecond);
  expect<Ready>();
}

TEST_F(AgentTest, IgnoresCtrlCBecauseTheControllerHandlesIt) {
  greet();
  const pid_t worker = long_trial(1);
  ::kill(agent_.pid(), SIGINT);
  ::kill(worker, SIGINT);
  open_null(2, kMillisecond);
  expect<Ready>();
  EXPECT_TRUE(alive(worker));
}

TEST_F(AgentTest, LeaksNeitherDescriptorsNorProcesses) {
  greet();
  const auto before = open_descriptors(agent_.pid());
  for (int i = 0; i < 200; ++i) {
    open_null(1, kMillisecond);
    expect<Ready>();
    say(StartEndpoint{1});
    expect<Result>();
    ASSERT_FALSE(HasFailure()) << "in trial " << i;
  }
  EXPECT_EQ(open_descriptors(agent_.pid()), before);
  EXPECT_TRUE(children_of(agent_.pid()).empty());
}

TEST(WorkerTest, StartedByHandItNamesTheAgent) {
  Pipe errors = make_pipe();
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  Process worker({PINGPERF_BINARY, "worker"}, {{null, 0}, {errors.write.get(), 2}}, Lifetime::own);
  ::close(null);
  const auto status = worker.wait_until(now_ns() + kSoon);
  ASSERT_TRUE(status);
  EXPECT_NE(WEXITSTATUS(*status), 0);
}

}  // namespace
}  // namespace pingperf
