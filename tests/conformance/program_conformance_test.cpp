// The requirements for programs that are engines (docs/programs.md), for those of examples/ in C
// and Python. e2e/examples_e2e.py runs them all, also the one in Go.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <future>
#include <thread>

#include "harness/base/process.h"
#include "harness/engines/program.h"
#include "harness/experiment/experiment_reader.h"
#include "sockets/core/error.h"
#include "sockets/core/fd.h"

namespace pingperf {

// Names the program in test listings; gtest finds it in the namespace of its argument.
static void PrintTo(const Program* program, std::ostream* out) {
  *out << program->name;
}

namespace {

constexpr auto kReady = std::future_status::ready;
constexpr std::chrono::seconds kLongWait(5);

// The end of a trial on a thread. Its destructor stops it.
class RunningEnd {
 public:
  explicit RunningEnd(std::unique_ptr<Endpoint> endpoint, IntervalSink progress = {})
      : endpoint_(std::move(endpoint)),
        done_(std::async(std::launch::async, [this, progress = std::move(progress)] {
          return endpoint_->run(progress);
        })) {}
  ~RunningEnd() { stop(); }

  void stop() { endpoint_->stop(); }

  // Returns the figures, or an error if the end still runs after some seconds.
  Measurement wait() {
    if (done_.wait_for(kLongWait) == kReady) return done_.get();
    Measurement failed;
    failed.error = "it still runs";
    return failed;
  }

 private:
  std::unique_ptr<Endpoint> endpoint_;
  std::future<Measurement> done_;
};

class ProgramTest : public testing::TestWithParam<const Program*> {
 protected:
  static constexpr Nanoseconds kTooLong = 60 * kSecond;  // for a test

  static void SetUpTestSuite() { adopt_orphans(); }  // so each process that is left is our child

  void SetUp() override { ASSERT_EQ(engine().unavailable(), std::nullopt); }
  void TearDown() override {  // a python3 that is a script has children, which are killed with it
    const Nanoseconds limit = now_ns() + 2 * kSecond;
    pid_t left = 0;
    while ((left = ::waitpid(-1, nullptr, WNOHANG)) >= 0 && now_ns() < limit)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_EQ(left, -1) << "a process is left";
  }

  const Engine& engine() const { return GetParam()->engine; }
  bool moves_bulk_data() const { return engine().kind == Kind::throughput; }

  Options options(Nanoseconds duration = 300 * kMillisecond,
                  Nanoseconds warmup = 20 * kMillisecond) const {
    Options o;
    o.kind = engine().kind;
    o.transport = engine().transport;
    o.engine = engine().name;
    o.message_size = 1009;  // a prime number, so hardly any sum of other sizes is a multiple
    o.duration = duration;
    o.warmup = warmup;
    return o;
  }

  EndpointConfig config(const Options& options,
                        const Address& address = Address::resolve("127.0.0.1", 0)) const {
    EndpointConfig config;
    config.options = options;
    config.address = address;
    config.deadline = now_ns() + 10 * kSecond;
    return config;
  }

  struct Figures {
    Measurement client, server;

    // Returns the figures of the end that reports a window: of a bulk server, else of the client.
    const Measurement& measured() const { return server.window_s ? server : client; }
  };

  // Runs a trial in which both ends end by themselves.
  Figures run_trial(const Options& options, const Options& server_options) const {
    std::unique_ptr<Endpoint> listening = engine().listen(config(server_options));
    const Address address = listening->address();
    RunningEnd server(std::move(listening));
    Figures figures;
    figures.client = engine().connect(config(options, address))->run({});
    figures.server = server.wait();
    EXPECT_EQ(figures.client.error, "");
    EXPECT_EQ(figures.server.error, "");
    return figures;
  }
  Figures run_trial(const Options& options) const { return run_trial(options, options); }
};
class ProgramPingTest : public ProgramTest {};
class ProgramTransferTest : public ProgramTest {};

TEST_P(ProgramTest, MeasuresForTheTimeAskedForAndItsResources) {
  const Options options = this->options();
  const Nanoseconds begin = now_ns();
  const Figures figures = run_trial(options);
  const double elapsed_s = to_seconds(now_ns() - begin);
  const double window_s = figures.measured().window_s.value();
  EXPECT_GE(window_s, 0.5 * to_seconds(*options.duration));
  EXPECT_LE(window_s + to_seconds(*options.warmup), elapsed_s);
  for (const Measurement* end : {&figures.client, &figures.server}) {
    EXPECT_GT(end->cpu_user_s.value() + end->cpu_system_s.value(), 0);
    EXPECT_GT(end->context_switches.value(), 0u);
    EXPECT_GT(end->peak_memory_bytes.value(), 0u);
  }
}

TEST_P(ProgramPingTest, PercentilesOfTheRoundTripsAreInOrder) {
  const Measurement client = run_trial(options()).client;
  const Histogram& rtt = client.rtt.value();
  EXPECT_GT(rtt.count(), 0u);
  EXPECT_EQ(rtt.count(), client.exchanges.value());
  EXPECT_GT(rtt.min(), 0);
  EXPECT_LE(rtt.min(), rtt.quantile(0.5));
  EXPECT_LE(rtt.quantile(0.5), rtt.quantile(0.99));
  EXPECT_LE(rtt.quantile(0.99), rtt.max());
}

TEST_P(ProgramTransferTest, IntervalsCoverTheWindow) {
  const Measurement server = run_trial(options()).server;
  ASSERT_GE(server.intervals.size(), 2u);
  double end_s = 0;
  std::uint64_t sum = 0;
  for (const Interval& i : server.intervals) {
    EXPECT_EQ(i.start_s, end_s);
    EXPECT_GT(i.end_s, i.start_s);
    end_s = i.end_s;
    sum += i.bytes_received.value();
  }
  EXPECT_EQ(server.window_s.value(), end_s);
  EXPECT_GT(sum, 0u);
  EXPECT_EQ(server.bytes_received.value(), sum);
}

TEST_P(ProgramTransferTest, IntervalsAreReportedWhileTheTrialRuns) {
  const Options options = this->options(kTooLong);
  std::unique_ptr<Endpoint> listening = engine().listen(config(options));
  const Address address = listening->address();
  std::promise<void> reported;
  RunningEnd server(std::move(listening), [&, is_first = true](const Interval&) mutable {
    if (std::exchange(is_first, false)) reported.set_value();
  });
  RunningEnd client(engine().connect(config(options, address)));
  EXPECT_EQ(reported.get_future().wait_for(kLongWait), kReady);
  client.stop();
  EXPECT_EQ(client.wait().error, "");
  EXPECT_EQ(server.wait().error, "");
}

TEST_P(ProgramTransferTest, TheServerLeavesTheWarmupOut) {
  const Measurement server =
      run_trial(options(300 * kMillisecond), options(300 * kMillisecond, kTooLong)).server;
  EXPECT_TRUE(server.intervals.empty());
  EXPECT_FALSE(server.bytes_received);
}

TEST_P(ProgramTransferTest, TheServerMeasuresNoLongerThanItsDuration) {
  const Measurement server = run_trial(options(), options(100 * kMillisecond)).server;
  EXPECT_EQ(server.intervals.size(), 1u);  // lasts for 100 ms or more
}

// A server of this process. It counts the bytes of one connection, and returns them to pings.
class CountingServer {
 public:
  explicit CountingServer(bool returns_bytes)
      : listener_(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")) {
    const timeval patience{5, 0};  // if no client connects
    const Address any = Address::resolve("127.0.0.1", 0);
    check(::setsockopt(listener_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience),
          "setsockopt");
    check(::bind(listener_.get(), any.data(), any.size()), "bind");
    check(::listen(listener_.get(), 1), "listen");
    done_ = std::async(std::launch::async, [this, returns_bytes] { serve(returns_bytes); });
  }

  Address address() const { return Address::local_of(listener_.get()); }

  // Waits until a byte has arrived.
  void wait_for_bytes() { EXPECT_EQ(begun_.get_future().wait_for(kLongWait), kReady); }

  // Waits for the end of the connection. Returns the number of bytes.
  std::uint64_t bytes() {
    done_.get();
    return bytes_;
  }

 private:
  void serve(bool returns_bytes) {
    const Fd fd(check(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC), "accept"));
    char buffer[65536];
    for (ssize_t n; (n = ::recv(fd.get(), buffer, sizeof buffer, 0)) > 0;) {
      const auto size = static_cast<std::size_t>(n);
      if (bytes_ == 0) begun_.set_value();
      bytes_ += size;
      if (returns_bytes && ::send(fd.get(), buffer, size, MSG_NOSIGNAL) != n) break;
    }
  }

  const Fd listener_;
  std::uint64_t bytes_ = 0;
  std::promise<void> begun_;
  std::future<void> done_;
};

TEST_P(ProgramTest, TheClientHonoursSizeWarmupAndDuration) {
  for (const Nanoseconds warmup : {0 * kMillisecond, 300 * kMillisecond}) {
    SCOPED_TRACE(warmup);
    CountingServer server(!moves_bulk_data());
    const Options options = this->options(100 * kMillisecond, warmup);
    const Nanoseconds begin = now_ns();
    const Measurement client = engine().connect(config(options, server.address()))->run({});
    EXPECT_GE(now_ns() - begin, warmup + *options.duration);
    EXPECT_EQ(client.error, "");
    const std::uint64_t bytes = server.bytes();
    EXPECT_GT(bytes, 0u);
    EXPECT_EQ(bytes % *options.message_size, 0u);
    if (moves_bulk_data()) continue;
    const std::uint64_t pings = bytes / *options.message_size;
    if (warmup == 0)
      EXPECT_EQ(client.exchanges.value(), pings);
    else
      EXPECT_LT(client.exchanges.value(), pings);
  }
}

TEST_P(ProgramTest, AClientWithoutAServerFails) {
  const Fd silent(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  Address address = Address::resolve("127.0.0.1", 0);
  check(::bind(silent.get(), address.data(), address.size()), "bind");
  address = Address::local_of(silent.get());
  const std::string error = engine().connect(config(options(), address))->run({}).error;
  EXPECT_NE(error.find("exited with status 1"), std::string::npos) << error;
  EXPECT_NE(error.find("Connection refused"), std::string::npos) << error;
}

TEST_P(ProgramTest, AServerThatVanishesIsAnErrorOfTheClient) {
  std::unique_ptr<Endpoint> server = engine().listen(config(options(kTooLong)));
  RunningEnd client(engine().connect(config(options(kTooLong), server->address())));
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  server.reset();  // kills it, whether the client has connected or not
  const std::string error = client.wait().error;
  EXPECT_NE(error, "");
  EXPECT_NE(error, "it still runs");
}

TEST_P(ProgramTest, ABusyPortIsReported) {
  const std::unique_ptr<Endpoint> first = engine().listen(config(options()));
  try {
    engine().listen(config(options(), first->address()));
    FAIL() << "started a server on a port that is in use";
  } catch (const std::system_error& e) {
    EXPECT_EQ(e.code().value(), EADDRINUSE);
  }
}

TEST_P(ProgramTest, StopEndsAServerWithoutAClient) {
  RunningEnd server(engine().listen(config(options())));
  server.stop();
  const Measurement figures = server.wait();
  if (GetParam()->server.stop_signal == ProgramEnd::kEndsItself)
    EXPECT_NE(figures.error.find("did not end after its client"), std::string::npos);
  else
    EXPECT_EQ(figures.error, "");
  EXPECT_FALSE(figures.window_s);
}

TEST_P(ProgramTest, StopEndsAClient) {
  CountingServer server(!moves_bulk_data());
  RunningEnd client(engine().connect(config(options(kTooLong), server.address())));
  server.wait_for_bytes();
  client.stop();
  EXPECT_EQ(client.wait().error, "");
  EXPECT_GT(server.bytes(), 0u);
}

TEST_P(ProgramTest, AServerThatIsNotRunIsKilled) {
  engine().listen(config(options()));  // TearDown() looks for its process
}

// Returns the experiment of the examples. Its programs run where their files are.
const Experiment& example_experiment() {
  static const Experiment experiment = [] {
    const std::string folder = PINGPERF_SOURCE_DIR "/examples";
    Overrides overrides;
    for (const auto& program : load_experiment(folder + "/compare.yaml").programs) {
      const bool is_built = program->client.arguments.front().text.starts_with("./");
      overrides.set.push_back("programs." + program->name +
                              ".cwd=" + (is_built ? PINGPERF_BUILT_EXAMPLES : folder));
    }
    return load_experiment(folder + "/compare.yaml", overrides);
  }();
  return experiment;
}

auto programs_that(bool (*wanted)(const Engine&)) {
  std::vector<const Program*> programs;
  for (const auto& program : example_experiment().programs)
    if (!program->name.starts_with("go-") && wanted(program->engine))
      programs.push_back(program.get());
  return testing::ValuesIn(programs);
}

std::string name_of_program(const testing::TestParamInfo<const Program*>& info) {
  std::string text = info.param->name;
  std::ranges::replace(text, '-', '_');
  return text;
}

INSTANTIATE_TEST_SUITE_P(Examples, ProgramTest, programs_that([](const Engine&) { return true; }),
                         name_of_program);
INSTANTIATE_TEST_SUITE_P(Examples, ProgramPingTest,
                         programs_that([](const Engine& e) { return e.kind == Kind::latency; }),
                         name_of_program);
INSTANTIATE_TEST_SUITE_P(Examples, ProgramTransferTest,
                         programs_that([](const Engine& e) { return e.kind == Kind::throughput; }),
                         name_of_program);

}  // namespace
}  // namespace pingperf
