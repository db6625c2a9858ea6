// The iperf3 engine against itself. Each end has its own process, because libiperf requires it.
#include "harness/engines/iperf3.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "harness/agent/protocol.h"
#include "harness/base/json.h"
#include "harness/base/process.h"
#include "harness/engines/engines.h"
#include "harness/engines/libiperf.h"
#include "sockets/core/error.h"
#include "sockets/core/socket_options.h"
#include "sockets/transport/availability.h"

namespace pingperf {
namespace {

using testing::HasSubstr;

constexpr unsigned kLifeOfAnEnd_s = 20;
constexpr Nanoseconds kPatience = 5 * kSecond;
constexpr double kInterval_s = 0.1;  // between two reports of libiperf
constexpr double kSlack_s = kInterval_s + 0.05;

// A child process with one endpoint. It sends Ready, then Result or Failure, over a pipe.
class End {
 public:
  enum class Side { server, client };

  // `prepare` is called in the process first.
  End(
      Side side, const Engine& engine, const EndpointConfig& config, void (*prepare)() = [] {}) {
    Pipe pipe = make_pipe();
    pid_ = check(::fork(), "fork");
    if (pid_ == 0) {
      prepare();
      serve(side, engine, config, pipe.write.get());
    }
    events_ = std::move(pipe.read);
  }
  ~End() {
    kill();
    ::waitpid(pid_, nullptr, 0);
  }
  End(const End&) = delete;
  End& operator=(const End&) = delete;

  void kill() { ::kill(pid_, SIGKILL); }

  // Returns the address of the server. Throws the error of its constructor.
  Address address() {
    const Event event = next();
    if (const auto* failure = std::get_if<Failure>(&event)) throw std::runtime_error(failure->what);
    return Address::parse(std::get<Ready>(event).address);
  }

  Measurement result() {
    for (;;) {
      const Event event = next();
      if (const auto* result = std::get_if<Result>(&event)) return result->measurement;
      if (const auto* progress = std::get_if<Progress>(&event)) live_.push_back(progress->interval);
      if (const auto* failure = std::get_if<Failure>(&event)) return {.error = failure->what};
    }
  }

  // The intervals that came before the result.
  const std::vector<Interval>& live() const { return live_; }

 private:
  [[noreturn]] static void serve(Side side, const Engine& engine, const EndpointConfig& config,
                                 int out) {
    ::alarm(kLifeOfAnEnd_s);
    try {
      const auto endpoint = side == Side::server ? engine.listen(config) : engine.connect(config);
      write_line(out, encode(Ready{.address = endpoint->address().to_string()}));
      endpoint->accept();
      const auto report = [&](const Interval& i) {
        write_line(out, encode(Progress{.interval = i}));
      };
      write_line(out, encode(Result{.measurement = endpoint->run(report)}));
    } catch (const std::exception& e) {
      write_line(out, encode(Failure{.what = e.what()}));
    }
    ::_exit(0);
  }

  Event next() {
    for (;;) {
      if (const auto line = lines_.next()) return decode_event(*line);
      if (!lines_.read_from(events_.get())) return Failure{.what = "the process died"};
    }
  }

  pid_t pid_ = -1;
  Fd events_;
  LineBuffer lines_{kMaxEvent};
  std::vector<Interval> live_;
};

struct Ends {
  Measurement client, server;
  std::vector<Interval> live;  // of the client, before its result
};

EndpointConfig session_for(const Options& options, const Address& address) {
  return {.options = options, .address = address, .deadline = now_ns() + kPatience};
}

Ends run_trial(const Engine& engine, const Options& options, const char* host = "127.0.0.1") {
  End server(End::Side::server, engine, session_for(options, Address::resolve(host, 0)));
  End client(End::Side::client, engine, session_for(options, server.address()));
  Ends ends;
  ends.client = client.result();
  ends.server = server.result();
  ends.live = client.live();
  return ends;
}

Options options_for(const Engine& engine) {
  Options o;
  o.transport = engine.transport;
  o.engine = engine.name;
  o.streams = 1;
  o.duration = 300 * kMillisecond;
  o.warmup = 100 * kMillisecond;
  if (engine.transport == Transport::udp) {
    o.message_size = 1400;
    o.rate_bps = 50'000'000;
  } else {
    o.message_size = 128 * 1024;
    o.rate_bps = 1'000'000'000;  // leaves CPU time to other tests
  }
  return o;
}

void expect_well(const Ends& ends, double duration_s) {
  for (const Measurement* end : {&ends.client, &ends.server}) {
    ASSERT_EQ(end->error, "");
    EXPECT_NEAR(end->window_s.value(), duration_s, kSlack_s);
    EXPECT_DOUBLE_EQ(end->intervals.back().end_s, *end->window_s);
    EXPECT_EQ(end->intervals.front().start_s, 0);
    EXPECT_GT(end->cpu_user_s.value() + end->cpu_system_s.value(), 0);
  }
}

// Expects figures of libiperf that agree with the intervals.
void expect_flow(const Measurement& sender, const Measurement& receiver) {
  EXPECT_GT(sender.bytes_sent.value(), 0u);
  EXPECT_GT(receiver.bytes_received.value(), 0u);
  EXPECT_LE(*sender.bytes_sent, sender.total_bytes_sent.value());
  EXPECT_LE(*receiver.bytes_received, receiver.total_bytes_received.value());
  EXPECT_LE(*receiver.total_bytes_received, *sender.total_bytes_sent);
}

class Iperf3Test : public testing::TestWithParam<const Engine*> {
 protected:
  const Engine& engine() const { return *GetParam(); }
  bool udp() const { return engine().transport == Transport::udp; }
};

TEST_P(Iperf3Test, IsListedAndNamesRealParameters) {
  EXPECT_EQ(find_engine("iperf3", Kind::throughput, engine().transport), &engine());
  for (std::string_view parameter : engine().parameters)
    EXPECT_NE(find_parameter(parameter), nullptr) << parameter;
  EXPECT_FALSE(engine().unavailable());
}

TEST_P(Iperf3Test, ServerReceivesWhatTheClientSends) {
  const Ends ends = run_trial(engine(), options_for(engine()));
  expect_well(ends, 0.3);
  expect_flow(ends.client, ends.server);
  EXPECT_FALSE(ends.client.bytes_received);
  EXPECT_FALSE(ends.server.bytes_sent);
  EXPECT_FALSE(ends.server.fairness_index);
  EXPECT_EQ(ends.client.retransmits.has_value(), !udp());
  EXPECT_EQ(ends.client.tcp_rtt_min_ns.has_value(), !udp());
  EXPECT_EQ(ends.client.cwnd_max_bytes.has_value(), !udp());
  EXPECT_EQ(ends.client.datagrams_sent.has_value(), udp());
  EXPECT_EQ(ends.server.datagrams_received.has_value(), udp());
  EXPECT_EQ(ends.server.datagrams_lost.has_value(), udp());
  EXPECT_EQ(ends.server.jitter_ns.has_value(), udp());
}

TEST_P(Iperf3Test, ReverseMakesTheServerSend) {
  Options options = options_for(engine());
  options.reverse = true;
  const Ends ends = run_trial(engine(), options);
  expect_well(ends, 0.3);
  expect_flow(ends.server, ends.client);
  EXPECT_FALSE(ends.client.bytes_sent);
  EXPECT_FALSE(ends.server.bytes_received);
}

TEST_P(Iperf3Test, BidirectionalMakesBothEndsSendAndReceive) {
  Options options = options_for(engine());
  options.bidirectional = true;
  const Ends ends = run_trial(engine(), options);
  expect_well(ends, 0.3);
  expect_flow(ends.client, ends.server);
  expect_flow(ends.server, ends.client);
}

TEST_P(Iperf3Test, StreamsShareTheRateAndAreJudgedForFairness) {
  Options options = options_for(engine());
  options.streams = 2;
  options.rate_bps = 40'000'000;
  const Ends ends = run_trial(engine(), options);
  expect_well(ends, 0.3);
  expect_flow(ends.client, ends.server);
  EXPECT_GE(ends.server.fairness_index.value(), 0.5);
  EXPECT_LE(*ends.server.fairness_index, 1.0);
  const double rate = static_cast<double>(*ends.client.bytes_sent) * 8 / *ends.client.window_s;
  EXPECT_LT(rate, 70e6);  // the rate is the sum of both streams, not of each
}

TEST_P(Iperf3Test, LeavesOutAWarmupOfMoreThanASecond) {
  Options options = options_for(engine());
  options.warmup = 1200 * kMillisecond;
  const Ends ends = run_trial(engine(), options);
  expect_well(ends, 0.3);
  EXPECT_GT(ends.client.bytes_sent.value(), 0u);
  EXPECT_GT(ends.server.bytes_received.value(), 0u);
  // libiperf does not report the bytes of the omitted time exactly.
  EXPECT_FALSE(ends.client.total_bytes_sent);
  EXPECT_FALSE(ends.server.total_bytes_received);
}

TEST_P(Iperf3Test, StartsItsWindowWhereTheOmissionEnds) {
  Options options = options_for(engine());
  options.warmup = kSecond;
  options.duration = kSecond;
  expect_well(run_trial(engine(), options), 1.0);
}

TEST_P(Iperf3Test, EndsAfterTheLimitOfBytes) {
  Options options = options_for(engine());
  options.bytes = 30'000'000;  // libiperf's server may end before it reads fewer bytes
  options.duration.reset();
  options.warmup = 0;
  options.rate_bps.reset();
  const Ends ends = run_trial(engine(), options);
  ASSERT_EQ(ends.client.error, "");
  ASSERT_EQ(ends.server.error, "");
  EXPECT_GE(ends.client.bytes_sent.value(), 30'000'000u);
  EXPECT_LE(*ends.client.bytes_sent, 30'000'000u + 10 * *options.message_size);  // sends ten
  EXPECT_GT(ends.client.window_s.value(), 0);
  EXPECT_LE(ends.server.total_bytes_received.value(), *ends.client.total_bytes_sent);
}

TEST_P(Iperf3Test, WorksOverIpv6) {
  const Fd probe(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const Address any = Address::resolve("::1", 0, AF_INET6);
  if (!probe || ::bind(probe.get(), any.data(), any.size()) != 0) GTEST_SKIP() << "no IPv6 here";
  const Ends ends = run_trial(engine(), options_for(engine()), "::1");
  expect_well(ends, 0.3);
  expect_flow(ends.client, ends.server);
}

TEST_P(Iperf3Test, TakesEveryOptionThatItHonours) {
  Options options = options_for(engine());
  options.send_buffer = options.receive_buffer = 128 * 1024;
  options.tos = 40;
  if (engine().honours("mss")) {
    options.mss = 1400;
    options.nodelay = true;
    options.zero_copy = true;
    options.congestion_control = "reno";
  }
  const Ends ends = run_trial(engine(), options);
  expect_well(ends, 0.3);
  expect_flow(ends.client, ends.server);
}

TEST_P(Iperf3Test, ClientWithoutAServerIsRefusedAtItsDeadline) {
  const Options options = options_for(engine());
  const Address any = Address::resolve("127.0.0.1", 0);
  const Fd mute(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  check(::bind(mute.get(), any.data(), any.size()), "bind");  // bound, but not listening
  EndpointConfig config = session_for(options, Address::local_of(mute.get()));
  config.deadline = now_ns() + 200 * kMillisecond;
  End client(End::Side::client, engine(), config);
  EXPECT_THAT(client.result().error, HasSubstr("Connection refused"));
}

TEST_P(Iperf3Test, AKilledServerIsAnErrorOfTheClient) {
  Options options = options_for(engine());
  options.duration = 10 * kSecond;
  End server(End::Side::server, engine(), session_for(options, Address::resolve("127.0.0.1", 0)));
  End client(End::Side::client, engine(), session_for(options, server.address()));
  std::this_thread::sleep_for(std::chrono::milliseconds(400));
  server.kill();
  EXPECT_NE(client.result().error, "");
}

TEST_P(Iperf3Test, AKilledClientIsAnErrorOfTheServer) {
  Options options = options_for(engine());
  options.duration = 10 * kSecond;
  End server(End::Side::server, engine(), session_for(options, Address::resolve("127.0.0.1", 0)));
  End client(End::Side::client, engine(), session_for(options, server.address()));
  std::this_thread::sleep_for(std::chrono::milliseconds(400));
  client.kill();
  EXPECT_NE(server.result().error, "");
}

TEST_P(Iperf3Test, EndsAfterTheLimitOfMessages) {
  Options options = options_for(engine());
  options.messages = 300;
  options.duration.reset();
  options.warmup = 0;
  const Ends ends = run_trial(engine(), options);
  ASSERT_EQ(ends.client.error, "");
  ASSERT_EQ(ends.server.error, "");
  EXPECT_EQ(ends.client.bytes_sent, 300 * *options.message_size);
}

// Acts as a server until the client sends its parameters. Returns them.
Json parameters_sent(const Engine& engine, const Options& options) {
  constexpr int kCookie = 37;
  constexpr char kParameterExchange = 9;
  const Address any = Address::resolve("127.0.0.1", 0);
  const Fd listener(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  check(::bind(listener.get(), any.data(), any.size()), "bind");
  check(::listen(listener.get(), 1), "listen");
  End client(End::Side::client, engine, session_for(options, Address::local_of(listener.get())));
  const Fd control(check(::accept(listener.get(), nullptr, nullptr), "accept"));
  const auto take = [&](char* data, std::size_t size) {
    EXPECT_EQ(::recv(control.get(), data, size, MSG_WAITALL), static_cast<ssize_t>(size));
  };
  char token[sizeof(Token)], cookie[kCookie];
  take(token, sizeof token);
  EXPECT_EQ(::send(control.get(), "+", 1, 0), 1);  // the token is admitted
  take(cookie, sizeof cookie);
  EXPECT_EQ(::send(control.get(), &kParameterExchange, 1, 0), 1);
  std::uint32_t size = 0;
  take(reinterpret_cast<char*>(&size), sizeof size);
  std::string text(ntohl(size), ' ');
  take(text.data(), text.size());
  return Json::parse(text);
}

TEST_P(Iperf3Test, SendsTheParametersToItsServer) {
  Options options = options_for(engine());
  options.rate_bps = 20'000'000;
  options.burst = 7;
  options.pacing_timer = 500 * kMicrosecond;
  options.fq_rate_bps = 40'000'000;
  options.repeating_payload = true;
  options.iperf3_options = "--udp-counters-64bit --extra-data hello";
  const Json sent = parameters_sent(engine(), options);
  EXPECT_EQ(sent.at("bandwidth"), 20'000'000);
  EXPECT_EQ(sent.at("burst"), 7);
  EXPECT_EQ(sent.at("pacing_timer"), 500);
  EXPECT_EQ(sent.at("fqrate"), 40'000'000);
  EXPECT_EQ(sent.at("repeating_payload"), 1);
  EXPECT_EQ(sent.at("udp_counters_64bit"), 1);
  EXPECT_EQ(sent.at("extra_data"), "hello");
  EXPECT_EQ(sent.contains("udp"), udp());
  EXPECT_FALSE(sent.contains("reverse"));
}

// Returns a socket that is connected to the server. Retries while it does not listen yet.
Fd dial(const Address& address) {
  for (const Nanoseconds limit = now_ns() + kPatience; now_ns() < limit;) {
    Fd fd(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    if (::connect(fd.get(), address.data(), address.size()) == 0) return fd;
  }
  throw std::runtime_error("the server does not listen");
}

TEST_P(Iperf3Test, RejectsPeersWithoutTheToken) {
  Options options = options_for(engine());
  options.streams = 2;
  End server(End::Side::server, engine(), session_for(options, Address::resolve("127.0.0.1", 0)));
  const Address address = server.address();
  const std::string wrong(sizeof(Token) + 100, 'x');
  std::vector<Fd> peers;
  for (int i = 0; i < 20; ++i) peers.push_back(dial(address));  // half of them stay silent
  for (std::size_t i = 0; i < peers.size(); i += 2)
    ::send(peers[i].get(), wrong.data(), wrong.size(), MSG_NOSIGNAL);
  std::atomic<bool> is_over = false;
  std::thread datagrams([&] {  // before, while and after libiperf waits for its client's
    const Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ::connect(fd.get(), address.data(), address.size());
    while (!is_over) {
      ::send(fd.get(), wrong.data(), wrong.size(), MSG_NOSIGNAL);
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  });
  End client(End::Side::client, engine(), session_for(options, address));
  Ends ends{client.result(), server.result(), {}};
  is_over = true;
  datagrams.join();
  expect_well(ends, 0.3);
  expect_flow(ends.client, ends.server);
  EXPECT_GE(ends.server.rejected_peers.value(), 20u);
  if (!udp()) {
    EXPECT_EQ(ends.server.rejected_peers, 20u);
  }
}

// Leaves root's user and gives up its capabilities, as in a container that has none.
void give_up_privileges() {
  for (int capability = 0; ::prctl(PR_CAPBSET_DROP, capability) == 0; ++capability) {
  }
  constexpr uid_t kNobody = 65534;
  check(::setresgid(kNobody, kNobody, kNobody), "setresgid");
  check(::setresuid(kNobody, kNobody, kNobody), "setresuid");
  check(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS");
}

TEST_P(Iperf3Test, NeedsNoPrivilege) {
  if (::geteuid() != 0) GTEST_SKIP() << "every other test has no privilege either";
  const Options options = options_for(engine());
  End server(End::Side::server, engine(), session_for(options, Address::resolve("127.0.0.1", 0)),
             give_up_privileges);
  End client(End::Side::client, engine(), session_for(options, server.address()),
             give_up_privileges);
  EXPECT_EQ(client.result().error, "");
  EXPECT_EQ(server.result().error, "");
}

TEST_P(Iperf3Test, ListensAgainForTheOptionsOfItsListener) {
  Options options = options_for(engine());
  options.send_buffer = 64 * 1024;  // libiperf's server closes its listener and opens another
  options.streams = 3;
  options.bidirectional = true;
  const Ends ends = run_trial(engine(), options);
  expect_well(ends, 0.3);
  EXPECT_EQ(ends.server.rejected_peers, 0u);
}

TEST_P(Iperf3Test, BindsToADeviceThatIsThere) {
  Options options = options_for(engine());
  options.bind_device = "lo";
  expect_well(run_trial(engine(), options), 0.3);
  options.bind_device = "nosuch0";
  End client(End::Side::client, engine(), session_for(options, Address::resolve("127.0.0.1", 1)));
  EXPECT_EQ(client.result().error, "bind_device: there is no interface 'nosuch0' here");
}

TEST_P(Iperf3Test, AClientReportsArgumentsThatItDoesNotAccept) {
  Options options = options_for(engine());
  options.iperf3_options = "--no-such-option";
  End client(End::Side::client, engine(), session_for(options, Address::resolve("127.0.0.1", 1)));
  EXPECT_THAT(client.result().error, HasSubstr("unrecognized option '--no-such-option'"));
}

INSTANTIATE_TEST_SUITE_P(Iperf3, Iperf3Test, testing::Values(&iperf3_tcp(), &iperf3_udp()),
                         [](const auto& test) { return std::string(name(test.param->transport)); });

TEST(Iperf3FqRate, IsKeptByTheKernel) {
  Options options = options_for(iperf3_tcp());
  options.fq_rate_bps = 50'000'000;
  options.congestion_control = "cubic";
  const Ends ends = run_trial(iperf3_tcp(), options);
  expect_well(ends, 0.3);
  const double rate = static_cast<double>(*ends.server.bytes_received) * 8 / *ends.server.window_s;
  EXPECT_GT(rate, 20e6);
  EXPECT_LT(rate, 80e6);
}

TEST(Iperf3FlowLabel, IsTheKernelsWhileTheTestRuns) {
  std::ifstream probe("/proc/net/ip6_flowlabel");
  if (!probe) GTEST_SKIP() << "no flow labels here";
  Options options = options_for(iperf3_tcp());
  options.ip = 6;
  options.flow_label = 0xabcde;
  End server(End::Side::server, iperf3_tcp(), session_for(options, Address::resolve("::1", 0)));
  End client(End::Side::client, iperf3_tcp(), session_for(options, server.address()));
  bool seen = false;
  for (const Nanoseconds limit = now_ns() + kPatience; !seen && now_ns() < limit;) {
    std::ifstream table("/proc/net/ip6_flowlabel");
    for (std::string line; std::getline(table, line);) seen |= line.starts_with("ABCDE");
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_TRUE(seen);
  EXPECT_EQ(client.result().error, "");
}

// Moves this process to a new network whose loopback has an MTU of 1500 bytes.
bool enter_narrow_network() {
  if (::unshare(CLONE_NEWNET) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return false;
  const Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_mtu = 1500;
  if (::ioctl(fd.get(), SIOCSIFMTU, &request) != 0) return false;
  request.ifr_flags = IFF_UP | IFF_LOOPBACK;
  return ::ioctl(fd.get(), SIOCSIFFLAGS, &request) == 0;
}

TEST(Iperf3DontFragment, MakesALongDatagramAnError) {
  constexpr int kNoNetwork = 77;
  const pid_t child = ::fork();
  if (child == 0) {
    if (!enter_narrow_network()) ::_exit(kNoNetwork);
    Options options = options_for(iperf3_udp());
    options.message_size = 4000;
    if (!run_trial(iperf3_udp(), options).client.error.empty()) ::_exit(1);
    options.dont_fragment = true;
    ::_exit(run_trial(iperf3_udp(), options).client.error.empty() ? 2 : 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == kNoNetwork) GTEST_SKIP() << "no network namespace to be had";
  EXPECT_EQ(WEXITSTATUS(status), 0);  // 1: long datagrams always fail; 2: they never fail
}

// The program `iperf3 -s`, for one test.
class StockServer {
 public:
  explicit StockServer(std::vector<std::string> more = {})
      : address_(Address::resolve("127.0.0.1", free_port())) {
    std::vector<std::string> argv = {"iperf3", "-s", "-1", "-p", std::to_string(address_.port())};
    argv.insert(argv.end(), more.begin(), more.end());
    const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    process_ = Process(argv, {{null.get(), STDOUT_FILENO}, {null.get(), STDERR_FILENO}},
                       Lifetime::of_parent);
  }

  static bool is_here() { return std::system("iperf3 --version > /dev/null 2>&1") == 0; }

  Measurement measured_by(const Engine& engine, const Options& options) const {
    EndpointConfig config = session_for(options, address_);
    config.external = true;
    return End(End::Side::client, engine, config).result();
  }

 private:
  // A port that neither TCP nor UDP uses. It is below the ephemeral ports: the server listens on
  // both, and a test that runs meanwhile could be given an ephemeral port of either.
  static std::uint16_t free_port() {
    static int next = ::getpid();
    for (int tries = 0; tries < 1000; ++tries) {
      const Address address =
          Address::resolve("127.0.0.1", static_cast<std::uint16_t>(10000 + next++ % 20000));
      if (is_free(address, SOCK_STREAM) && is_free(address, SOCK_DGRAM)) return address.port();
    }
    throw std::runtime_error("no free port");
  }

  static bool is_free(const Address& address, int type) {
    const Fd fd(check(::socket(AF_INET, type | SOCK_CLOEXEC, 0), "socket"));
    return ::bind(fd.get(), address.data(), address.size()) == 0;
  }

  const Address address_;
  Process process_;
};

class Iperf3ExternalTest : public Iperf3Test {
 protected:
  void SetUp() override {
    if (!StockServer::is_here()) GTEST_SKIP() << "no iperf3 command here";
  }

  Options whole_second() const {
    Options options = options_for(engine());
    options.duration = kSecond;
    options.warmup = 0;
    return options;
  }
};

TEST_P(Iperf3ExternalTest, TheServersSumsAreThoseOfAWholeWindow) {
  const Measurement client = StockServer().measured_by(engine(), whole_second());
  ASSERT_EQ(client.error, "");
  ASSERT_TRUE(client.peer);
  EXPECT_NEAR(client.peer->window_s.value(), 1.0, kSlack_s);
  EXPECT_GT(client.peer->bytes_received.value(), 0u);
  EXPECT_LE(*client.peer->bytes_received, client.bytes_sent.value());
  EXPECT_EQ(client.peer->total_bytes_received, client.peer->bytes_received);
  EXPECT_EQ(client.peer->datagrams_received.has_value(), udp());
  EXPECT_FALSE(client.peer->bytes_sent);
  EXPECT_FALSE(client.peer->cpu_user_s);
}

TEST_P(Iperf3ExternalTest, OmitsAWholeSecondForABriefWarmup) {
  Options options = whole_second();
  options.warmup = 200 * kMillisecond;
  const Measurement client = StockServer().measured_by(engine(), options);
  ASSERT_EQ(client.error, "");
  ASSERT_TRUE(client.peer);
  EXPECT_NEAR(client.window_s.value(), 1.0, kSlack_s);
  EXPECT_NEAR(client.peer->window_s.value(), 1.0, kSlack_s);
  EXPECT_GT(client.peer->bytes_received.value(), 0u);
  EXPECT_FALSE(client.peer->total_bytes_received);
  if (udp()) {
    EXPECT_EQ(client.datagrams_sent, *client.bytes_sent / *options.message_size);
  }
}

TEST_P(Iperf3ExternalTest, ReverseHasTheServersSumsOfWhatItSent) {
  Options options = whole_second();
  options.reverse = true;
  const Measurement client = StockServer().measured_by(engine(), options);
  ASSERT_EQ(client.error, "");
  ASSERT_TRUE(client.peer);
  EXPECT_GT(client.bytes_received.value(), 0u);
  EXPECT_GT(client.peer->bytes_sent.value(), 0u);
  EXPECT_FALSE(client.peer->bytes_received);
  EXPECT_EQ(client.peer->retransmits.has_value(), !udp());
  EXPECT_EQ(client.peer->datagrams_sent.has_value(), udp());
}

TEST_P(Iperf3ExternalTest, FiguresOfAPartThatTheServerDoesNotReportAreEmpty) {
  Options options = whole_second();
  options.duration = 400 * kMillisecond;
  const Measurement client = StockServer().measured_by(engine(), options);
  ASSERT_EQ(client.error, "");
  EXPECT_NEAR(client.window_s.value(), 0.4, kSlack_s);
  ASSERT_TRUE(client.peer);
  EXPECT_FALSE(client.peer->bytes_received);
  EXPECT_FALSE(client.peer->window_s);
  EXPECT_GT(client.peer->total_bytes_received.value(), 0u);
}

TEST_P(Iperf3ExternalTest, TheWindowIsCutFromTheServersOwnIntervals) {
  Options options = whole_second();
  options.duration = 400 * kMillisecond;
  const Measurement client = StockServer({"-J", "-i", "0.1"}).measured_by(engine(), options);
  ASSERT_EQ(client.error, "");
  ASSERT_TRUE(client.peer);
  EXPECT_NEAR(client.peer->window_s.value(), 0.4, kSlack_s);
  EXPECT_GT(client.peer->bytes_received.value(), 0u);
  EXPECT_GE(client.peer->intervals.size(), 3u);
}

INSTANTIATE_TEST_SUITE_P(Iperf3, Iperf3ExternalTest, testing::Values(&iperf3_tcp(), &iperf3_udp()),
                         [](const auto& test) { return std::string(name(test.param->transport)); });

// The program `iperf3 -c`. The constructor waits for its end.
struct StockClient {
  int status = -1;
  Json result;

  StockClient(const Address& server, const std::vector<std::string>& more) {
    std::vector<std::string> argv = {
        "iperf3", "-c", server.host(), "-p", std::to_string(server.port()), "-J"};
    argv.insert(argv.end(), more.begin(), more.end());
    // Our server listens a short time after its port is known.
    for (const Nanoseconds limit = now_ns() + kPatience; now_ns() < limit;) {
      run(argv);
      if (result.value("error", "").find("refused") == std::string::npos) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }

  std::uint64_t bytes(const char* sum) const { return result.at("end").at(sum).at("bytes"); }

 private:
  void run(const std::vector<std::string>& argv) {
    Pipe out = make_pipe();
    Process process(argv, {{out.write.get(), STDOUT_FILENO}}, Lifetime::of_parent);
    out.write = Fd();
    std::string text;
    char buffer[4096];
    for (ssize_t n; (n = ::read(out.read.get(), buffer, sizeof buffer)) > 0;)
      text.append(buffer, static_cast<std::size_t>(n));
    status = process.wait_until(now_ns() + kPatience).value_or(-1);
    result = Json::parse(text);
  }
};

class Iperf3StockClientTest : public Iperf3ExternalTest {
 protected:
  // Returns the figures of our server for the program `iperf3 -c` as its client.
  Measurement serve(const Options& options, std::optional<StockClient>& client) const {
    EndpointConfig config = session_for(options, Address::resolve("127.0.0.1", 0));
    config.external = true;  // the client has no token
    End server(End::Side::server, engine(), config);
    std::vector<std::string> words = {"-t", "1", "-l", std::to_string(*options.message_size)};
    if (udp()) words.insert(words.end(), {"-u", "-b", "50M"});
    if (options.reverse.value_or(false)) words.push_back("-R");
    client.emplace(server.address(), words);
    return server.result();
  }
};

TEST_P(Iperf3StockClientTest, SendsToOurServer) {
  std::optional<StockClient> client;
  const Measurement server = serve(whole_second(), client);
  ASSERT_EQ(client->status, 0) << client->result;
  ASSERT_EQ(server.error, "");
  EXPECT_NEAR(server.window_s.value(), 1.0, kSlack_s);
  EXPECT_GT(server.bytes_received.value(), 0u);
  EXPECT_EQ(server.total_bytes_received, client->bytes("sum_received"));
  EXPECT_LE(*server.total_bytes_received, client->bytes("sum_sent"));
  EXPECT_FALSE(server.bytes_sent);
}

TEST_P(Iperf3StockClientTest, ReceivesFromOurServer) {
  Options options = whole_second();
  options.reverse = true;
  std::optional<StockClient> client;
  const Measurement server = serve(options, client);
  ASSERT_EQ(client->status, 0) << client->result;
  ASSERT_EQ(server.error, "");
  EXPECT_EQ(server.total_bytes_sent, client->bytes("sum_sent"));
  EXPECT_GT(client->bytes("sum_received"), 0u);
  EXPECT_LE(client->bytes("sum_received"), *server.total_bytes_sent);
  EXPECT_FALSE(server.bytes_received);
}

INSTANTIATE_TEST_SUITE_P(Iperf3, Iperf3StockClientTest,
                         testing::Values(&iperf3_tcp(), &iperf3_udp()),
                         [](const auto& test) { return std::string(name(test.param->transport)); });

// Binds `host`, and listens for TCP. Expects that a server on that port of 127.0.0.1 reports an
// error.
void expect_busy(const Engine& engine, const char* host, int type, bool reuse) {
  const Address any = Address::resolve(host, 0);
  const Fd other(check(::socket(any.family(), type | SOCK_CLOEXEC, 0), "socket"));
  set_option(other.get(), SOL_SOCKET, SO_REUSEADDR, reuse, "SO_REUSEADDR");
  if (any.family() == AF_INET6) set_option(other.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0, "V6ONLY");
  check(::bind(other.get(), any.data(), any.size()), "bind");
  if (type == SOCK_STREAM) check(::listen(other.get(), 1), "listen");
  const Address same = Address::resolve("127.0.0.1", Address::local_of(other.get()).port());
  End server(End::Side::server, engine, session_for(options_for(engine), same));
  EXPECT_THAT(server.result().error, HasSubstr("port busy: " + same.to_string()));
}

TEST(Iperf3Port, IsBusyWhenAnotherListensThere) {
  for (const Engine* engine : {&iperf3_tcp(), &iperf3_udp()})
    for (const bool reuse : {false, true}) {
      expect_busy(*engine, "127.0.0.1", SOCK_STREAM, reuse);
      expect_busy(*engine, "0.0.0.0", SOCK_STREAM, reuse);
    }
}

TEST(Iperf3Port, IsBusyWhenAnotherListensOnTheIpv6WildcardAsIperf3Does) {
  const Fd probe(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!probe) GTEST_SKIP() << "no IPv6 here";
  expect_busy(iperf3_tcp(), "::", SOCK_STREAM, true);
}

TEST(Iperf3Port, IsBusyWhenAnotherSocketHasTheUdpPort) {
  expect_busy(iperf3_udp(), "127.0.0.1", SOCK_DGRAM, false);
}

TEST(Iperf3Endpoint, StoppingOneEndsItsProcess) {
  const Options options = options_for(iperf3_tcp());
  const EndpointConfig config = session_for(options, Address::resolve("127.0.0.1", 0));
  EXPECT_EXIT(iperf3_tcp().listen(config)->stop(), testing::ExitedWithCode(1), "");
}

TEST(Iperf3Objection, IsRaisedToTwoBufferSizesAndToHalvesOfASecondBeforeALimit) {
  Options options = options_for(iperf3_tcp());
  EXPECT_FALSE(iperf3_tcp().validate(options));
  options.send_buffer = 1000;
  EXPECT_FALSE(iperf3_tcp().validate(options));
  options.receive_buffer = 2000;
  EXPECT_THAT(iperf3_tcp().validate(options).value_or(""), HasSubstr("same value"));
  options = options_for(iperf3_tcp());
  options.bytes = 1000;
  EXPECT_THAT(iperf3_tcp().validate(options).value_or(""), HasSubstr("set warmup to"));
}

TEST(Iperf3Objection, IsRaisedToWhatLibiperfHasNoRoomFor) {
  const auto error_of = [](auto Options::*field, auto value) {
    Options options = options_for(iperf3_tcp());
    options.*field = value;
    return iperf3_tcp().validate(options).value_or("");
  };
  EXPECT_THAT(error_of(&Options::duration, 99 * kMillisecond), HasSubstr("100ms"));
  EXPECT_THAT(error_of(&Options::streams, 129), HasSubstr("128 streams"));
  EXPECT_EQ(error_of(&Options::streams, 128), "");
}

// With fewer bytes, libiperf 3.12 writes its header beyond the message and counts no datagrams.
TEST(Iperf3Objection, IsRaisedToDatagramsThatDoNotHoldTheHeaderOrAreTooLong) {
  Options options = options_for(iperf3_udp());
  for (const std::uint64_t fits : {16, 65507}) {
    options.message_size = fits;
    EXPECT_FALSE(iperf3_udp().validate(options)) << fits;
  }
  for (const std::uint64_t wrong : {15, 65508}) {
    options.message_size = wrong;
    EXPECT_TRUE(iperf3_udp().validate(options)) << wrong;
  }
}

TEST(Iperf3Objection, IsRaisedToWhatLibiperfCountsWrongOrWouldIgnore) {
  const auto error_of = [](const Engine& engine, auto... change) {
    Options options = options_for(engine);
    options.ip = 4;
    options.warmup = 0;
    (change(options), ...);
    return engine.validate(options).value_or("");
  };
  const auto messages = [](Options& o) { o.messages = 10; };
  const auto bytes = [](Options& o) { o.bytes = 10; };
  const auto reverse = [](Options& o) { o.reverse = true; };
  const auto unpaced = [](Options& o) { o.rate_bps.reset(); };
  EXPECT_EQ(error_of(iperf3_tcp(), messages), "");
  EXPECT_THAT(error_of(iperf3_tcp(), messages, reverse), HasSubstr("set bytes or duration"));
  EXPECT_EQ(error_of(iperf3_tcp(), bytes, reverse), "");
  EXPECT_THAT(error_of(iperf3_udp(), bytes, reverse), HasSubstr("set duration"));
  EXPECT_EQ(error_of(iperf3_udp(), [](Options& o) { o.burst = 5; }), "");
  EXPECT_THAT(error_of(iperf3_udp(), unpaced, [](Options& o) { o.burst = 5; }),
              HasSubstr("set rate"));
  EXPECT_THAT(error_of(iperf3_tcp(), [](Options& o) { o.flow_label = 5; }), HasSubstr("ip: 6"));
  EXPECT_THAT(error_of(iperf3_udp(), reverse, [](Options& o) { o.dont_fragment = true; }),
              HasSubstr("leave ip: 6 and reverse out"));
}

TEST(Iperf3Options, AreCheckedByLibiperfItself) {
  const auto error_of = [](std::string words, bool reverse = false) {
    Options options = options_for(iperf3_tcp());
    options.iperf3_options = std::move(words);
    options.reverse = reverse;
    return iperf3_tcp().validate(options).value_or("");
  };
  EXPECT_EQ(error_of(""), "");
  EXPECT_EQ(error_of("--udp-counters-64bit --cport 5999 -B 127.0.0.1"), "");
  EXPECT_THAT(error_of("--no-such"), HasSubstr("unrecognized option '--no-such'"));
  EXPECT_THAT(error_of("--cport"), HasSubstr("port number"));  // the next argument is its value
  EXPECT_THAT(error_of("--extra-data"), HasSubstr("'--extra-data' needs a value"));
  EXPECT_THAT(error_of("lonely"), HasSubstr("'lonely' is no option"));
  EXPECT_THAT(error_of("--server-bitrate-limit 5M"), HasSubstr("server only"));
  EXPECT_THAT(error_of("--rcv-timeout 500"), HasSubstr("receiving mode"));
  EXPECT_EQ(error_of("--rcv-timeout 500", true), "");
}

// A later library to test with: PINGPERF_TEST_LIBIPERF=/opt/iperf-3.21/lib. Else the installed one,
// if it is as late.
class LaterIperf3 : public testing::Test {
 protected:
  static constexpr int kMinor = 21;

  void SetUp() override {
    if (const char* const path = std::getenv("PINGPERF_TEST_LIBIPERF"); path != nullptr)
      library_ = path;
    else if (!is_since(libiperf_version(), kMinor))
      GTEST_SKIP() << "libiperf is " << libiperf_version() << ", and this needs 3." << kMinor;
  }

  Ends run(const Engine& engine, Options options) const {
    options.libiperf = library_;
    return run_trial(engine, options);
  }

  std::optional<std::string> library_;
};

TEST_F(LaterIperf3, DiscardsWhatItReceives) {
  Options options = options_for(iperf3_tcp());
  options.receive = "discard";
  const Ends ends = run(iperf3_tcp(), options);
  expect_well(ends, 0.3);
  EXPECT_EQ(ends.client.sending_copies, 1u);
  EXPECT_FALSE(ends.client.receiving_copies);
  EXPECT_EQ(ends.server.receiving_copies, 0u);
  EXPECT_TRUE(is_since(ends.client.libiperf, kMinor)) << ends.client.libiperf;
}

TEST_F(LaterIperf3, ReportsIntervalsWhileItRuns) {
  Options options = options_for(iperf3_tcp());
  options.duration = kSecond;
  const Ends ends = run(iperf3_tcp(), options);
  expect_well(ends, 1);
  EXPECT_GE(ends.live.size(), 5u);  // of ten
  for (const Interval& interval : ends.live) {
    EXPECT_LT(interval.start_s, interval.end_s);
    EXPECT_GT(interval.bytes_sent.value_or(0), 0u);
  }
}

TEST_F(LaterIperf3, SendsAndReceivesDatagramsByTheBatch) {
  Options options = options_for(iperf3_udp());
  options.gso = options.gro = true;
  const Ends ends = run(iperf3_udp(), options);
  expect_well(ends, 0.3);
  expect_flow(ends.client, ends.server);
}

TEST_F(LaterIperf3, CarriesMptcp) {
  if (const auto reason = mptcp_unavailable()) GTEST_SKIP() << *reason;
  const Ends ends = run(iperf3_mptcp(), options_for(iperf3_mptcp()));
  expect_well(ends, 0.3);
  EXPECT_TRUE(ends.client.bytes_sent);  // 3.21 counts 0 in some intervals of an MPTCP sender
  EXPECT_GT(ends.server.bytes_received, 0u);
}

TEST_F(LaterIperf3, MeasuresManyStreamsForAMoment) {
  Options options = options_for(iperf3_tcp());
  options.streams = 128;
  const Ends ends = run(iperf3_tcp(), options);
  for (const Measurement* end : {&ends.client, &ends.server}) {
    EXPECT_EQ(end->error, "");
    EXPECT_GE(end->window_s.value_or(0), 0.15);
    EXPECT_DOUBLE_EQ(end->intervals.back().end_s, *end->window_s);
  }
}

TEST(Iperf3Objection, IsRaisedToWhatTheInstalledLibraryIsTooOldFor) {
  Options options = options_for(iperf3_tcp());
  options.receive = "discard";
  const auto error = iperf3_tcp().validate(options);
  EXPECT_EQ(error.has_value(), !is_since(libiperf_version(), 19)) << error.value_or("");
  EXPECT_EQ(iperf3_mptcp().unavailable().has_value(),
            !is_since(libiperf_version(), 19) || mptcp_unavailable());
  options.libiperf = "/nonexistent";  // its worker finds out
  EXPECT_FALSE(iperf3_tcp().validate(options));
}

TEST(Iperf3Objection, IsRaisedToHalfOfGsro) {
  Options options = options_for(iperf3_udp());
  options.gso = true;
  EXPECT_THAT(iperf3_udp().validate(options).value_or(""), HasSubstr("give both the same value"));
  options = options_for(iperf3_tcp());
  options.receive = "splice";
  EXPECT_THAT(iperf3_tcp().validate(options).value_or(""), HasSubstr("set copy or discard"));
}

TEST(Iperf3Library, ThatCannotBeLoadedIsAnErrorWithItsPath) {
  Options options = options_for(iperf3_tcp());
  const auto error = [&](const char* path) {
    options.libiperf = path;
    try {
      iperf3_tcp().connect(session_for(options, Address::resolve("127.0.0.1", 1)));
    } catch (const std::exception& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  EXPECT_THAT(error("/nonexistent"), testing::StartsWith("libiperf: /nonexistent: cannot open"));
  EXPECT_THAT(error("/tmp"), testing::StartsWith("libiperf: /tmp/libiperf.so.0: cannot open"));
  EXPECT_THAT(error("libm.so.6"), HasSubstr("iperf_new_test"));  // it is no libiperf
}

TEST(LibiperfVersion, IsANumberAlone) {
  EXPECT_THAT(libiperf_version(), testing::MatchesRegex("3\\.[0-9]+.*"));
}

}  // namespace
}  // namespace pingperf
