// The requirements for every engine of sockets/. A new engine is tested when it is registered.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <future>
#include <map>
#include <thread>

#include "sockets/core/error.h"
#include "sockets/core/fd.h"
#include "sockets/core/size_mix.h"
#include "sockets/ethernet/ethernet.h"
#include "sockets/transport/datagram.h"
#include "tests/own_network.h"

namespace pingperf {

// Names the engine in test listings; gtest finds it in the namespace of its argument.
static void PrintTo(const Engine* engine, std::ostream* out) {
  *out << engine->name << ' ' << name(engine->kind) << ' ' << name(engine->transport);
}

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kSlowdown = 2;
#else
constexpr int kSlowdown = 1;
#endif
constexpr Nanoseconds kPatience = 5 * kSecond;
constexpr const char* kClientInterface = "conf0";
constexpr const char* kServerInterface = "conf1";

bool is_ethernet(const Engine& engine) {
  return engine.transport == Transport::ethernet;
}

Options options_for(const Engine& engine) {
  Options o;
  o.kind = engine.kind;
  o.transport = engine.transport;
  o.engine = engine.name;
  o.message_size = engine.kind != Kind::throughput ? 64
                   : is_ethernet(engine)           ? 1500
                   : is_stream(engine.transport)   ? 131072
                                                   : 1400;
  o.streams = 1;
  // Two spinning ends can share a CPU. Then they alternate in time slices of the scheduler.
  // A TLS handshake takes milliseconds, and more on a busy machine.
  o.duration = (engine.name == "spin" || engine.name == "tls" ? 40 : 25) * kSlowdown * kMillisecond;
  if (engine.transport == Transport::mptcp && engine.kind == Kind::throughput)
    o.duration = 300 * kMillisecond;  // a stream can pause for 200 ms at its start
  o.warmup = 5 * kSlowdown * kMillisecond;
  if (engine.honours("threads")) o.threads = 1;
  if (is_ethernet(engine)) {
    o.client_interface = kClientInterface;
    o.server_interface = kServerInterface;
  }
  if (engine.honours("nodelay") && engine.kind != Kind::throughput) o.nodelay = true;
  return o;
}

bool is_datagram(const Engine& engine) {
  return !is_stream(engine.transport);
}

// Returns false for flows whose filter drops packets of other senders in the kernel.
bool counts_rejected_peers(const Engine& engine) {
  return engine.transport != Transport::raw && !is_ethernet(engine);
}

Address free_address(const Engine& engine, const char* host = "127.0.0.1") {
  if (is_unix(engine.transport))
    return Address::unix_path("@pingperf-test-" + to_hex(mint_token()));
  if (engine.transport == Transport::vsock)
    return Address::vsock(VMADDR_CID_LOCAL, VMADDR_PORT_ANY);
  if (is_ethernet(engine)) return Address::ethernet({});  // that of the interface
  return Address::resolve(host, 0);
}

// Returns `most`, or the number of flows that spinning ends can serve in their time slices.
std::uint64_t flows_for(const Engine& engine, std::uint64_t most) {
  if (!engine.honours("streams")) return 1;
  return engine.name == "spin" ? 2 : most;
}

struct Ends {
  Measurement client, server;
};

// A server that runs accept() on a thread, for tests that use it before the client connects.
struct Server {
  explicit Server(const Engine& engine, const Options& options, const char* host = "127.0.0.1") {
    config.options = options;
    config.token = mint_token();
    config.address = free_address(engine, host);
    config.deadline = now_ns() + kPatience;
    if (!engine.listen) return;  // the kernel answers
    endpoint = engine.listen(config);
    accepted = std::async(std::launch::async, [this] { endpoint->accept(); });
  }

  EndpointConfig client_config() const {
    EndpointConfig client = config;
    if (endpoint) client.address = endpoint->address();
    return client;
  }

  EndpointConfig config;
  std::unique_ptr<Endpoint> endpoint;
  std::future<void> accepted;
};

Ends run_against(Server& server, const Engine& engine, const IntervalSink& progress = {}) {
  const std::unique_ptr<Endpoint> client = engine.connect(server.client_config());
  Ends ends;
  if (!server.endpoint) {
    ends.client = client->run(progress);
    return ends;
  }
  server.accepted.get();
  auto served = std::async(std::launch::async, [&] { return server.endpoint->run({}); });
  ends.client = client->run(progress);
  // Datagrams do not show that a client has failed.
  const auto patience = std::chrono::milliseconds(ends.client.error.empty() ? 2000 : 50);
  if (served.wait_for(patience) != std::future_status::ready) server.endpoint->stop();
  ends.server = served.get();
  return ends;
}

// Returns true if an end did not get its CPU during the whole window of a trial, as on a busy
// machine. Streams of MPTCP pause as long by themselves (docs/throughput.md).
bool missed_its_window(const Ends& ends) {
  for (const Measurement* end : {&ends.client, &ends.server}) {
    if (end->error.find("answered in the window") != std::string::npos) return true;
    if (end->error.find("before the warmup was over") != std::string::npos) return true;
    if (end->bytes_received == 0u || end->bytes_sent == 0u) return true;
  }
  return false;
}

constexpr int kAttempts = 10;

// Repeats a trial that missed its window. An engine with a defect misses each.
Ends in_window(const std::function<Ends()>& trial) {
  for (int attempt = 1;; ++attempt) {
    Ends ends = trial();
    if (attempt == kAttempts || !missed_its_window(ends)) return ends;
  }
}

// For trials that fail, or whose window is empty on purpose.
Ends run_once(const Engine& engine, const Options& options, const char* host = "127.0.0.1") {
  Server server(engine, options, host);
  return run_against(server, engine);
}

Ends run_trial(const Engine& engine, const Options& options, const char* host = "127.0.0.1") {
  return in_window([&] { return run_once(engine, options, host); });
}

// Returns the trial of the engine's usual options, which tests of its figures share.
const Ends& usual_trial(const Engine& engine) {
  static std::map<const Engine*, Ends> trials;
  const auto found = trials.find(&engine);
  if (found != trials.end()) return found->second;
  return trials.emplace(&engine, run_trial(engine, options_for(engine))).first->second;
}

// Throws if an end failed, because the figures of such a trial are empty.
void expect_well(const Ends& ends) {
  EXPECT_EQ(ends.client.error, "");
  EXPECT_EQ(ends.server.error, "");
  if (!ends.client.error.empty() || !ends.server.error.empty())
    throw std::runtime_error("the trial failed");
}

// Returns the first success of `attempt`, or its last failure. For bounds on time: a busy machine
// misses them now and then, a defect each time.
testing::AssertionResult in_some_attempt(const std::function<testing::AssertionResult()>& attempt) {
  testing::AssertionResult result = attempt();
  for (int i = 1; i < kAttempts && !result; ++i) result = attempt();
  return result;
}

// Succeeds if `value` is between the bounds.
testing::AssertionResult is_between(double low, double value, double high) {
  if (low <= value && value <= high) return testing::AssertionSuccess();
  return testing::AssertionFailure() << value << " is not in [" << low << ", " << high << "]";
}

// Every byte of a stream arrives. Datagrams can be lost.
void expect_all_arrived(const Engine& engine, const Measurement& sender,
                        const Measurement& receiver) {
  const std::uint64_t sent = sender.total_bytes_sent.value();
  const std::uint64_t received = receiver.total_bytes_received.value();
  if (is_datagram(engine)) {
    EXPECT_GT(received, 0u);
    EXPECT_LE(received, sent);
  } else {
    EXPECT_EQ(received, sent);
  }
}

// A network namespace with a veth pair. The process is in it during the tests of Ethernet engines.
class EthernetNamespace {
 public:
  EthernetNamespace() : home_(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) {
    if (::unshare(CLONE_NEWNET) != 0) return;
    const std::string client = kClientInterface, server = kServerInterface;
    const std::string commands = "ip link add " + client + " type veth peer name " + server +
                                 " && ip link set " + client + " up && ip link set " + server +
                                 " up";
    is_made_ = std::system(commands.c_str()) == 0;
    inside_ = Fd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    leave();
  }
  bool is_made() const { return is_made_; }
  void enter() const { check(::setns(inside_.get(), CLONE_NEWNET), "setns"); }
  void leave() const { check(::setns(home_.get(), CLONE_NEWNET), "setns"); }

 private:
  Fd home_, inside_;
  bool is_made_ = false;
};

const EthernetNamespace& ethernet_namespace() {
  static const EthernetNamespace the_namespace;
  return the_namespace;
}

class EngineTest : public testing::TestWithParam<const Engine*> {
 protected:
  void SetUp() override {
    if (const auto why = engine().unavailable()) GTEST_SKIP() << *why;
    if (!is_ethernet(engine())) return;
    if (!ethernet_namespace().is_made())
      GTEST_SKIP() << "requires root and ip(8), for a veth pair in a network namespace";
    ethernet_namespace().enter();
  }
  void TearDown() override {
    if (is_ethernet(engine()) && ethernet_namespace().is_made()) ethernet_namespace().leave();
  }
  const Engine& engine() const { return *GetParam(); }
};
class SocketTest : public EngineTest {};    // engines whose server opens sockets
class TransferTest : public EngineTest {};  // engines that move bulk data
class PingTest : public EngineTest {};      // engines that measure round trips

// Engines with a feature, for the tests of that feature.
class BidirectionalTransferTest : public TransferTest {};
class BytesTransferTest : public TransferTest {};
class ConnectPingTest : public PingTest {};
class ConnectSocketTest : public SocketTest {};
class EthernetSocketTest : public SocketTest {};
class FrameTransferTest : public TransferTest {};
class FqRateTransferTest : public TransferTest {};
class FrequencyPingTest : public PingTest {};
class GsoTransferTest : public TransferTest {};
class InFlightPingTest : public PingTest {};
class IpSocketTest : public SocketTest {};
class LowWatermarkTransferTest : public TransferTest {};
class MapTransferTest : public TransferTest {};
class MessagesPingTest : public PingTest {};
class OnOffTransferTest : public TransferTest {};
class PacingTimerTransferTest : public TransferTest {};
class PortSocketTest : public SocketTest {};
class RateTransferTest : public TransferTest {};
class ReceiveTransferTest : public TransferTest {};
class ResetPingTest : public PingTest {};
class ReverseTransferTest : public TransferTest {};
class ResponseSizePingTest : public PingTest {};
class SamplesPingTest : public PingTest {};
class ServerEngineTest : public EngineTest {};
class SizeMixPingTest : public PingTest {};
class SizeMixTransferTest : public TransferTest {};
class StreamsPingTest : public PingTest {};
class StreamsTransferTest : public TransferTest {};
class TcpTransferTest : public TransferTest {};
class ThinkTimePingTest : public PingTest {};
class ThreadsTransferTest : public TransferTest {};
class TimestampsPingTest : public PingTest {};
class UdpTransferTest : public TransferTest {};
class VerifyPingTest : public PingTest {};
class VerifyTransferTest : public TransferTest {};
class ZeroCopyTransferTest : public TransferTest {};

TEST_P(EngineTest, DescribesItselfInOneLineAndNamesRealParameters) {
  EXPECT_FALSE(engine().summary.empty());
  EXPECT_EQ(engine().summary.find('\n'), std::string_view::npos);
  for (std::string_view parameter : engine().parameters)
    EXPECT_NE(find_parameter(parameter), nullptr) << parameter;
}

TEST_P(EngineTest, MeasuresForTheTimeAskedFor) {
  const Ends& ends = usual_trial(engine());
  expect_well(ends);
  const Nanoseconds duration = options_for(engine()).duration.value();
  EXPECT_GE(ends.client.window_s.value(), 0.59 * to_seconds(duration));
}

TEST_P(TransferTest, ServerCountsEveryByteTheClientSent) {
  const Ends& ends = usual_trial(engine());
  expect_well(ends);
  EXPECT_GT(ends.client.bytes_sent.value(), 0u);
  EXPECT_GT(ends.server.bytes_received.value(), 0u);
  if (is_datagram(engine())) {
    EXPECT_LE(ends.server.total_bytes_received.value(), ends.client.total_bytes_sent.value());
  } else {
    EXPECT_EQ(ends.client.total_bytes_sent.value(), ends.server.total_bytes_received.value());
  }
  EXPECT_FALSE(ends.client.bytes_received);
  EXPECT_FALSE(ends.server.bytes_sent);
}

TEST_P(ReverseTransferTest, ReverseMakesTheServerSend) {
  Options options = options_for(engine());
  options.reverse = true;
  const Ends ends = run_trial(engine(), options);
  expect_well(ends);
  EXPECT_GT(ends.client.bytes_received.value(), 0u);
  EXPECT_GT(ends.server.bytes_sent.value(), 0u);
  EXPECT_FALSE(ends.client.bytes_sent);
}

TEST_P(BidirectionalTransferTest, BidirectionalMakesBothEndsSendAndReceive) {
  Options options = options_for(engine());
  options.bidirectional = true;
  options.duration = std::max(*options.duration, 100 * kMillisecond);
  const Ends ends = run_trial(engine(), options);
  expect_well(ends);
  for (const Measurement* end : {&ends.client, &ends.server}) {
    EXPECT_GT(end->bytes_sent.value(), 0u);
    EXPECT_GT(end->bytes_received.value(), 0u);
  }
}

TEST_P(StreamsTransferTest, EveryStreamCarriesData) {
  Options options = options_for(engine());
  options.streams = 3;
  // Long enough for the start of every stream.
  options.duration = std::max(*options.duration, 150 * kMillisecond);
  const Ends ends = run_trial(engine(), options);
  expect_well(ends);
  ASSERT_TRUE(ends.server.fairness_index);
  EXPECT_GT(*ends.server.fairness_index, 0.34);  // 1/3: one stream has all data
  EXPECT_LE(*ends.server.fairness_index, 1.0);
}

TEST_P(BytesTransferTest, ALimitOfBytesIsKept) {
  Options options = options_for(engine());
  options.duration.reset();
  options.warmup = 0;
  options.bytes = 10 * *options.message_size;
  const Ends ends = run_trial(engine(), options);
  expect_well(ends);
  EXPECT_GE(ends.client.total_bytes_sent.value(), *options.bytes);
}

// The watermark is larger than the transfer, so only the end of the stream wakes the receiver.
TEST_P(LowWatermarkTransferTest, TheEndOfAStreamDoesNotWaitForMore) {
  Options options = options_for(engine());
  options.duration.reset();
  options.warmup = 0;
  options.message_size = 1500;
  options.bytes = 4500;
  options.receive_low_watermark = 1 << 20;
  const Nanoseconds begin = now_ns();
  const Ends ends = run_trial(engine(), options);
  expect_well(ends);
  EXPECT_EQ(ends.server.total_bytes_received.value(), 4500u);
  EXPECT_LT(now_ns() - begin, kPatience);
  EXPECT_GT(ends.server.low_watermark_bytes.value(), 4500u);
}

// Returns the options of a paced trial of three streams, or one if the engine has only one. Each
// stream sends 100 messages in 200 ms.
Options paced_options(const Engine& engine, std::uint64_t message_size = 1000) {
  Options options = options_for(engine);
  options.duration = 200 * kMillisecond;
  options.streams = engine.honours("streams") ? 3 : 1;
  options.message_size = message_size;
  options.rate_bps = *options.streams * 500 * 8 * message_size;
  return options;
}

TEST_P(RateTransferTest, APacedSenderKeepsItsRate) {
  for (const std::uint64_t message_size : {16, 1000, 60000}) {
    if (is_ethernet(engine()) && message_size != 1000) continue;
    SCOPED_TRACE(message_size);
    const Options options = paced_options(engine(), message_size);
    EXPECT_TRUE(in_some_attempt([&] {
      const Ends ends = run_trial(engine(), options);
      expect_well(ends);
      const double due = static_cast<double>(*options.rate_bps) * *ends.client.window_s / 8;
      // Some messages of each stream can be before or after the window.
      const double slack = 0.01 * due + static_cast<double>(4 * *options.streams * message_size);
      const auto sent = static_cast<double>(ends.client.bytes_sent.value());
      if (const auto kept = is_between(due - slack, sent, due + slack); !kept) return kept;
      return is_between(0.99, ends.server.fairness_index.value_or(1), 1.01);
    }));
  }
}

TEST_P(RateTransferTest, APacedSenderSleepsBetweenItsMessages) {
  EXPECT_TRUE(in_some_attempt([&] {
    const Ends ends = run_trial(engine(), paced_options(engine()));
    expect_well(ends);
    return is_between(0, *ends.client.cpu_user_s + *ends.client.cpu_system_s,
                      0.5 * *ends.client.window_s);
  }));
}

TEST_P(PacingTimerTransferTest, ThePacingTimerDeterminesTheSizeOfABurst) {
  for (const Nanoseconds timer : {0 * kMillisecond, 10 * kMillisecond}) {
    SCOPED_TRACE(timer);
    Options options = paced_options(engine());
    options.rate_bps = *options.streams * 200 * 8 * *options.message_size;
    options.pacing_timer = timer;
    EXPECT_TRUE(in_some_attempt([&] {
      const Ends ends = run_trial(engine(), options);
      expect_well(ends);
      const auto gap = static_cast<double>(ends.client.spans.at(Span::send_gap).quantile(0.5));
      const auto expected = static_cast<double>(std::max(timer, 5 * kMillisecond));
      if (const auto kept = is_between(0.8 * expected, gap, 1.2 * expected); !kept) return kept;
      const double due = 40'000.0 * static_cast<double>(*options.streams);
      return is_between(0.9 * due, static_cast<double>(ends.client.bytes_sent.value()), 1.1 * due);
    }));
  }
}

// Sends 10 cycles of 4246 bytes per flow.
TEST_P(SizeMixTransferTest, EveryMessageHasTheSizeOfItsTurn) {
  for (const std::uint64_t batch : {0, 5}) {
    if (batch > 0 && !engine().honours("batch")) continue;
    SCOPED_TRACE(batch);
    Options options = options_for(engine());
    options.message_size.reset();
    options.size_mix = "64:7 570:4 1518:1";
    options.duration.reset();
    options.warmup = 0;
    options.messages = 240;
    options.streams = 2;
    options.rate_bps = 50'000'000;
    options.receive_buffer = 4 << 20;
    if (batch > 0) options.batch = batch;
    if (engine().honours("verify")) options.verify = true;
    ASSERT_EQ(engine().validate(options), std::nullopt);
    const Ends ends = run_trial(engine(), options);
    expect_well(ends);
    EXPECT_EQ(ends.client.total_bytes_sent.value(), 2 * 42460u);
    expect_all_arrived(engine(), ends.client, ends.server);
    if (!is_datagram(engine())) continue;
    EXPECT_EQ(ends.client.datagrams_sent.value(), 240u);
    EXPECT_EQ(*ends.server.datagrams_received + *ends.server.datagrams_lost, 240u);
    if (*ends.server.datagrams_lost == 0) {
      EXPECT_EQ(ends.server.total_bytes_received.value(), 2 * 42460u);
    }
  }
}

TEST_P(SizeMixTransferTest, AMixThatDoesNotFitIsAnError) {
  Options options = options_for(engine());
  options.size_mix = "64:1 1400:1";
  EXPECT_NE(engine().validate(options).value_or("").find("message_size"), std::string::npos);
  options.message_size.reset();
  options.size_mix = "15:1 1400:1";
  EXPECT_EQ(engine().validate(options).has_value(), is_datagram(engine()));
}

// The pause is longer than the trial, so nothing is due after the first phase. A thread that loses
// its CPU before send(2) can still send one message.
TEST_P(OnOffTransferTest, APausingSenderSendsNothing) {
  Options options = options_for(engine());
  options.warmup = 0;
  options.duration = 300 * kMillisecond;  // three intervals
  options.on_time = 20 * kMillisecond;
  options.off_time = 10 * kSecond;
  for (const bool has_rate : {false, true}) {
    SCOPED_TRACE(has_rate);
    if (has_rate) options.rate_bps = 1'000'000'000;
    EXPECT_TRUE(in_some_attempt([&] {
      const Ends ends = run_trial(engine(), options);
      expect_well(ends);
      EXPECT_GT(ends.client.bytes_sent.value(), 0u);
      const auto message = static_cast<double>(*options.message_size);
      const std::vector<Interval>& intervals = ends.client.intervals;
      if (has_rate)
        return is_between(1, static_cast<double>(*ends.client.bytes_sent), 2.5e6 + 2 * message);
      if (intervals.size() < 2) return testing::AssertionSuccess();
      return is_between(0, static_cast<double>(intervals.back().bytes_sent.value()), message);
    }));
  }
}

TEST_P(OnOffTransferTest, BothPhasesAreRequired) {
  Options options = options_for(engine());
  options.on_time = kMillisecond;
  EXPECT_NE(engine().validate(options).value_or("").find("on_off.off"), std::string::npos);
  options.on_time.reset();
  options.off_time = kMillisecond;
  EXPECT_NE(engine().validate(options).value_or("").find("on_off.on"), std::string::npos);
}

Options frame_options(const Engine& engine) {
  Options options = options_for(engine);
  options.message_size = 1000;
  options.frame_every = 5 * kMillisecond;
  options.frame_bytes = 10'500;
  options.frame_deadline = 60 * kSecond;
  options.warmup = 20 * kMillisecond;
  options.duration = 200 * kMillisecond;
  options.streams = 2;
  return options;
}

TEST_P(FrameTransferTest, EveryFrameArrivesOrIsDropped) {
  for (const bool reverse : {false, true}) {
    SCOPED_TRACE(reverse);
    Options options = frame_options(engine());
    options.reverse = reverse;
    ASSERT_EQ(engine().validate(options), std::nullopt);
    const Ends ends = run_trial(engine(), options);
    expect_well(ends);
    const Measurement& sender = reverse ? ends.server : ends.client;
    const Measurement& receiver = reverse ? ends.client : ends.server;
    EXPECT_EQ(sender.frames.value(), 2 * 40u);
    EXPECT_EQ(sender.frames_dropped.value(), 0u);  // with that deadline
    EXPECT_EQ(receiver.frames_late.value(), 0u);
    EXPECT_EQ(sender.total_bytes_sent.value() % 10'500, 0u);
    const std::uint64_t whole = receiver.spans.at(Span::frame).count();
    EXPECT_GT(whole, 0u);
    EXPECT_LE(whole * 10'500, receiver.total_bytes_received.value());
    if (!is_datagram(engine())) {
      EXPECT_EQ(receiver.frames_dropped.value(), 0u);
    }
    expect_all_arrived(engine(), sender, receiver);
  }
}

TEST_P(FrameTransferTest, FramesExcludeOtherShapes) {
  const Options good = frame_options(engine());
  const auto error = [&](auto change) {
    Options options = good;
    change(options);
    return engine().validate(options).value_or("");
  };
  EXPECT_EQ(engine().validate(good), std::nullopt);
  EXPECT_NE(error([](Options& o) { o.rate_bps = 1'000'000'000; }).find("frame.every:"),
            std::string::npos);
  EXPECT_NE(error([](Options& o) { o.on_time = o.off_time = kMillisecond; }).find("on_off"),
            std::string::npos);
  EXPECT_NE(error([](Options& o) { o.bidirectional = true; }).find("bidirectional"),
            std::string::npos);
  EXPECT_NE(error([](Options& o) { o.frame_bytes.reset(); }).find("frame.bytes"),
            std::string::npos);
  EXPECT_NE(error([](Options& o) { o.frame_every.reset(); }).find("frame.every"),
            std::string::npos);
  EXPECT_NE(error([](Options& o) { o.frame_bytes = 7; }).find("frame.bytes: "), std::string::npos);
}

TEST_P(FqRateTransferTest, TheKernelKeepsFqRate) {
  Options options = options_for(engine());
  options.fq_rate_bps = 80'000'000;
  options.congestion_control = "cubic";
  options.message_size = 16 * 1024;
  options.send_buffer = options.receive_buffer = 100'000;  // buffered bytes count as sent
  options.duration = 200 * kMillisecond;
  for (const bool reverse : {false, true}) {
    SCOPED_TRACE(reverse);
    options.reverse = reverse;
    EXPECT_TRUE(in_some_attempt([&] {
      const Ends ends = run_trial(engine(), options);
      expect_well(ends);
      const Measurement& receiver = reverse ? ends.client : ends.server;
      const auto bytes = static_cast<double>(receiver.bytes_received.value());
      return is_between(50e6, bytes * 8 / *receiver.window_s, 90e6);
    }));
  }
}

TEST_P(RateTransferTest, PacingParametersThatCannotBeCombinedAreErrors) {
  Options options = options_for(engine());
  options.pacing_timer = kMillisecond;
  EXPECT_NE(engine().validate(options).value_or("").find("requires rate"), std::string::npos);
  options.rate_bps = 1000;
  EXPECT_NE(engine().validate(options).value_or("").find("less than one message"),
            std::string::npos);
  options.rate_bps = 1'000'000'000;
  EXPECT_EQ(engine().validate(options), std::nullopt);
}

TEST_P(VerifyTransferTest, EveryReceivedByteIsCorrect) {
  Options options = options_for(engine());
  options.verify = true;
  options.warmup = 0;
  for (const bool reverse : {false, true}) {
    options.reverse = reverse;
    expect_well(run_trial(engine(), options));
  }
}

TEST_P(ReceiveTransferTest, DiscardedDataIsCounted) {
  for (const char* how : {"discard", "splice"}) {
    Options options = options_for(engine());
    options.receive = how;
    if (engine().validate && engine().validate(options)) continue;
    SCOPED_TRACE(how);
    const Ends ends = run_trial(engine(), options);
    expect_well(ends);
    EXPECT_GT(ends.server.bytes_received.value(), 0u);
    EXPECT_EQ(ends.server.receiving_copies.value(), 0u);
    if (engine().transport == Transport::tcp) {
      EXPECT_EQ(ends.client.total_bytes_sent.value(), ends.server.total_bytes_received.value());
    }
  }
}

TEST_P(ResetPingTest, OnlyConnectionsWithoutAResetLeaveATimeWait) {
  for (const bool reset : {false, true}) {
    SCOPED_TRACE(reset);
    Options options = options_for(engine());
    options.messages = 50;
    options.duration.reset();
    options.warmup = 0;
    options.streams = 4;
    options.reset_on_close = reset;
    bool entered = false;
    Ends ends;
    std::thread([&] {
      entered = enter_own_network();  // where no other connections are
      if (entered) ends = run_trial(engine(), options);
    }).join();
    if (!entered) GTEST_SKIP() << "requires root, for a network namespace";
    expect_well(ends);
    EXPECT_EQ(ends.client.exchanges.value(), 50u);
    // Each thread's last connection, and that of the admission, are closed without a reset.
    // The kernel closes the subflows of MPTCP some time after close().
    if (reset) {
      EXPECT_LE(ends.client.time_waits.value(), 10u);
    } else if (engine().transport == Transport::tcp) {
      EXPECT_GE(ends.client.time_waits.value(),
                50u - 4u);  // the server may not have closed the last
    }
  }
}

TEST_P(MapTransferTest, PagesAreMappedIfTheMtuFitsThem) {
  Options options = options_for(engine());
  options.receive = "map";
  options.zero_copy = true;
  bool entered = false;
  Ends ends;
  std::thread([&] {
    entered = enter_own_network(61512);  // 15 pages and the headers
    if (entered) ends = run_trial(engine(), options);
  }).join();
  if (!entered) GTEST_SKIP() << "requires root, for a network namespace";
  expect_well(ends);
  EXPECT_EQ(ends.client.total_bytes_sent.value(), ends.server.total_bytes_received.value());
  EXPECT_GT(ends.server.mapped_ratio.value(), 0.5);
  EXPECT_EQ(ends.server.receiving_copies.value(), 0u);
}

TEST_P(MapTransferTest, WhatCannotBeMappedIsCopied) {
  Options options = options_for(engine());
  options.receive = "map";
  options.message_size = 1000;
  const Ends ends = run_trial(engine(), options);
  expect_well(ends);
  EXPECT_EQ(ends.client.total_bytes_sent.value(), ends.server.total_bytes_received.value());
  EXPECT_LE(ends.server.mapped_ratio.value(), 1.0);
  EXPECT_EQ(ends.server.receiving_copies.value(),
            ends.server.mapped_ratio.value() >= 0.5 ? 0u : 1u);
}

TEST_P(ZeroCopyTransferTest, ZeroCopySendsReportWhatTheKernelCopied) {
  Options options = options_for(engine());
  options.zero_copy = true;
  options.duration = std::max(*options.duration, 100 * kMillisecond);
  const Ends ends = run_trial(engine(), options);
  expect_well(ends);
  EXPECT_EQ(ends.client.total_bytes_sent.value(), ends.server.total_bytes_received.value());
  ASSERT_TRUE(ends.client.zero_copied_ratio);
  EXPECT_LE(*ends.client.zero_copied_ratio, 1.0);
  EXPECT_GE(*ends.client.zero_copied_ratio, 0.0);
}

TEST_P(ThreadsTransferTest, ThreadsShareTheStreams) {
  Options options = options_for(engine());
  options.streams = 7;
  options.threads = 2;
  options.bidirectional = true;
  const Ends ends = run_trial(engine(), options);
  expect_well(ends);
  EXPECT_GT(ends.server.fairness_index.value(), 1.0 / 7);
  expect_all_arrived(engine(), ends.client, ends.server);
  expect_all_arrived(engine(), ends.server, ends.client);
}

TEST_P(ThreadsTransferTest, HundredsOfStreamsShareTwoThreads) {
  constexpr rlim_t kBothEnds = 2 * 512 + 100;
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur < kBothEnds) GTEST_SKIP() << "ulimit -n is " << files.rlim_cur;
  Options options = options_for(engine());
  options.message_size = 16 * 1024;
  options.streams = 512;
  options.threads = 2;
  options.duration = 300 * kMillisecond;
  const Ends ends = run_trial(engine(), options);
  expect_well(ends);
  EXPECT_GT(ends.server.fairness_index.value(), 0.1);
  expect_all_arrived(engine(), ends.client, ends.server);
}

TEST_P(TcpTransferTest, TheKernelHasTheRequestedOptions) {
  Options options = options_for(engine());
  options.congestion_control = "reno";
  options.mss = 1000;
  options.send_buffer = 100'000;
  const Ends ends = run_trial(engine(), options);
  expect_well(ends);
  EXPECT_EQ(ends.client.congestion_control, "reno");
  EXPECT_LE(ends.client.mss_bytes.value(), 1000u);
  EXPECT_EQ(ends.client.send_buffer_bytes.value(), 200'000u);  // socket(7): doubled
}

TEST_P(TcpTransferTest, EveryIntervalHasTheStateOfTcp) {
  const Ends& ends = usual_trial(engine());
  expect_well(ends);
  for (const Interval& i : ends.client.intervals) {
    EXPECT_GT(i.rtt_ns.value(), 0);
    EXPECT_GT(i.min_rtt_ns.value(), 0);
    EXPECT_GT(i.delivery_rate_bps.value(), 0);
    for (const auto& share : {i.busy_ratio, i.rwnd_limited_ratio, i.sndbuf_limited_ratio}) {
      EXPECT_GE(share.value(), 0);
      EXPECT_LE(share.value(), 1);
    }
  }
  EXPECT_FALSE(ends.server.intervals.empty());
  EXPECT_TRUE(ends.server.intervals.front().rtt_ns.has_value());
}

TEST_P(GsoTransferTest, EveryDatagramOfABurstIsCounted) {
  for (const bool gso : {false, true})
    for (const bool gro : {false, true})
      for (const char* receive : {"copy", "discard"}) {
        SCOPED_TRACE(testing::Message() << "gso " << gso << " gro " << gro << " " << receive);
        Options options = options_for(engine());
        options.batch = 3;
        options.gso = gso;
        options.gro = gro;
        options.receive = receive;
        options.verify = std::string_view(receive) == "copy";
        options.receive_buffer = 4 << 20;
        options.duration.reset();
        options.warmup = 0;
        options.messages = 500;  // not a multiple of a burst, so the last burst is smaller
        options.rate_bps = 100'000'000;
        const Ends ends = run_trial(engine(), options);
        expect_well(ends);
        EXPECT_EQ(ends.client.datagrams_sent.value(), 500u);
        EXPECT_EQ(ends.server.datagrams_received.value() + ends.server.datagrams_lost.value(),
                  500u);
        EXPECT_GT(ends.server.datagrams_received.value(), 250u);
        EXPECT_EQ(ends.server.total_bytes_received.value(),
                  1400 * ends.server.datagrams_received.value());
      }
}

TEST_P(GsoTransferTest, ADatagramLongerThanTheMtuIsNamedAsTheError) {
  Options options = options_for(engine());
  options.gso = true;
  bool entered = false;
  Ends ends;
  std::thread([&] {
    entered = enter_own_network(1280);
    if (entered) ends = run_once(engine(), options);
  }).join();
  if (!entered) GTEST_SKIP() << "requires root, for a network namespace";
  EXPECT_EQ(ends.client.error,
            "the transfer failed: Message too long: a datagram exceeds the path's MTU, lower "
            "message_size");
}

TEST_P(UdpTransferTest, EveryDatagramIsReceivedOrLost) {
  Options options = options_for(engine());
  options.warmup = 0;
  const Ends ends = run_trial(engine(), options);
  expect_well(ends);
  ASSERT_TRUE(ends.server.datagrams_received && ends.server.datagrams_lost);
  EXPECT_GT(*ends.server.datagrams_received, 0u);
  EXPECT_TRUE(ends.server.jitter_ns && ends.server.out_of_order && ends.server.duplicates);
}

TEST_P(PingTest, PercentilesOfTheRoundTripsAreInOrder) {
  const Ends& ends = usual_trial(engine());
  expect_well(ends);
  const Histogram& rtt = ends.client.rtt.value();
  EXPECT_GT(rtt.count(), 0u);
  EXPECT_EQ(rtt.count(), ends.client.exchanges.value());
  EXPECT_GT(rtt.min(), 0);
  EXPECT_LE(rtt.min(), rtt.quantile(0.5));
  EXPECT_LE(rtt.quantile(0.5), rtt.quantile(0.99));
  EXPECT_LE(rtt.quantile(0.99), rtt.max());
}

TEST_P(MessagesPingTest, ALimitOfMessagesIsExactForPings) {
  Options options = options_for(engine());
  options.duration.reset();
  options.warmup = 0;
  options.messages = 25;
  const Ends ends = run_trial(engine(), options);
  expect_well(ends);
  EXPECT_EQ(ends.client.exchanges.value(), 25u);
}

TEST_P(ConnectPingTest, ConnectTimeIsPartOfTheExchange) {
  const Ends& ends = usual_trial(engine());
  expect_well(ends);
  for (const Span span : {Span::connect, Span::first_byte, Span::close})
    EXPECT_EQ(ends.client.spans.at(span).count(), ends.client.rtt->count()) << name(span);
  const double parts =
      ends.client.spans.at(Span::connect).mean() + ends.client.spans.at(Span::first_byte).mean();
  EXPECT_LE(parts, ends.client.rtt->mean() + 1);  // the sum of doubles is rounded
  EXPECT_EQ(ends.client.port_waits.value(), 0u);
}

TEST_P(ConnectPingTest, PongsCanBeLargerOrSmallerThanPings) {
  constexpr std::pair<std::uint64_t, std::uint64_t> kSizes[] = {{1, 300'000}, {300'000, 1}};
  for (const auto& [ping, pong] : kSizes) {
    SCOPED_TRACE(ping);
    Options options = options_for(engine());
    options.message_size = ping;
    options.response_size = pong;
    options.streams = 8;  // several large messages in flight must not block each other
    options.verify = true;
    options.messages = 24;
    options.duration.reset();
    options.warmup = 0;
    const Ends ends = run_trial(engine(), options);
    expect_well(ends);
    EXPECT_EQ(ends.client.exchanges.value(), 24u);
  }
}

TEST_P(ConnectPingTest, AFlowPausesForItsThinkTime) {
  Options options = options_for(engine());
  options.think_time = 20 * kMillisecond;
  options.streams = 3;
  options.messages = 9;
  options.duration.reset();
  options.warmup = 0;
  const Ends ends = run_trial(engine(), options);
  expect_well(ends);
  EXPECT_EQ(ends.client.exchanges.value(), 9u);
  EXPECT_GE(ends.client.window_s.value(), 0.04);  // a flow with three of the pings pauses twice
}

TEST_P(PingTest, TheServerSentEveryPongThatTheClientGot) {
  Options options = options_for(engine());
  if (engine().honours("ping_timeout")) options.ping_timeout = kSecond;  // a busy machine is slow
  const Ends ends = run_trial(engine(), options);
  expect_well(ends);
  if (engine().listen) {
    EXPECT_GE(ends.server.total_exchanges.value(), ends.client.total_exchanges.value());
  }
  EXPECT_GE(ends.client.total_exchanges.value(), ends.client.exchanges.value());
  EXPECT_EQ(ends.client.lost.value(), 0u);
  EXPECT_FALSE(ends.client.clock.empty());
  EXPECT_FALSE(ends.client.cpus.empty());
}

TEST_P(VerifyPingTest, EveryPayloadIsCorrect) {
  for (const std::uint64_t size : {64, 1400, 9000}) {
    if (is_ethernet(engine()) && size > 1514) continue;
    Options options = options_for(engine());
    options.verify = true;
    options.message_size = size;
    SCOPED_TRACE(size);
    expect_well(run_trial(engine(), options));
  }
}

TEST_P(PingTest, TheSmallestMessagesWork) {
  Options options = options_for(engine());
  options.message_size = is_stream(engine().transport) ? 1 : 16;
  if (engine().transport == Transport::raw || engine().transport == Transport::icmp)
    options.message_size = 24;
  if (is_ethernet(engine())) options.message_size = kMinFrame;
  options.verify = true;
  if (engine().validate) {
    ASSERT_EQ(engine().validate(options), std::nullopt);
  }
  expect_well(run_trial(engine(), options));
}

// Two cycles of a mix per flow.
TEST_P(SizeMixPingTest, EveryPingHasTheSizeOfItsTurn) {
  for (const std::uint64_t response : {0, 300})
    for (const std::uint64_t streams : {1, 3}) {
      if (response > 0 && !engine().honours("response_size")) continue;
      if (streams > 1 && (flows_for(engine(), streams) < streams)) continue;
      SCOPED_TRACE(testing::Message() << "response " << response << " streams " << streams);
      Options options = options_for(engine());
      options.message_size.reset();
      options.size_mix = "64:7 570:4 1400:1";
      options.duration.reset();
      options.warmup = 0;
      options.messages = 24 * streams;
      options.streams = streams;
      options.verify = true;
      if (response > 0) options.response_size = response;
      if (engine().honours("threads")) options.threads = 1;
      if (engine().honours("ping_timeout")) options.ping_timeout = kSecond;
      ASSERT_EQ(engine().validate(options), std::nullopt);
      const Ends ends = run_trial(engine(), options);
      expect_well(ends);
      EXPECT_EQ(ends.client.exchanges.value(), 24 * streams);
      ASSERT_EQ(ends.client.rtt_of_sizes.size(), 3u);
      std::uint64_t counted = 0;
      for (const Histogram& rtt : ends.client.rtt_of_sizes) counted += rtt.count();
      EXPECT_EQ(counted, 24 * streams);
      if (streams > 1) continue;  // a fast flow has more turns
      EXPECT_EQ(ends.client.rtt_of_sizes[0].count(), 14u);
      EXPECT_EQ(ends.client.rtt_of_sizes[2].count(), 2u);
      EXPECT_EQ(ends.client.bytes_sent.value(), 2 * 4128u);
      EXPECT_EQ(ends.client.bytes_received.value(), response > 0 ? 24 * response : 2 * 4128);
    }
}

TEST_P(SizeMixPingTest, AMixThatDoesNotFitIsAnError) {
  Options options = options_for(engine());
  const auto error = [&] { return engine().validate(options).value_or(""); };
  options.size_mix = "64:1 1400:1";
  EXPECT_NE(error().find("message_size"), std::string::npos);
  options.message_size.reset();
  EXPECT_EQ(error(), "");
  options.in_flight = 2;
  EXPECT_NE(error().find("in_flight"), std::string::npos);
  options.in_flight.reset();
  options.size_mix = "15:1 1400:1";
  EXPECT_EQ(error().starts_with("size_mix: "), is_datagram(engine()));
}

TEST_P(ResponseSizePingTest, PingsAndPongsHaveSizesOfTheirOwn) {
  constexpr std::pair<std::uint64_t, std::uint64_t> kSizes[] = {{64, 16384}, {16384, 64}, {24, 32}};
  for (const auto& [ping, pong] : kSizes) {
    SCOPED_TRACE(testing::Message() << ping << " to " << pong);
    Options options = options_for(engine());
    options.warmup = 0;
    options.message_size = ping;
    options.response_size = pong;
    options.verify = true;
    options.streams = flows_for(engine(), 3);
    if (engine().honours("ping_timeout")) options.ping_timeout = kSecond;
    if (engine().validate) {
      ASSERT_EQ(engine().validate(options), std::nullopt);
    }
    const Ends ends = run_trial(engine(), options);
    expect_well(ends);
    EXPECT_EQ(ends.client.bytes_sent.value(), ping * (*ends.client.exchanges + *ends.client.lost));
    EXPECT_EQ(ends.client.bytes_received.value(), pong * *ends.client.exchanges);
  }
}

TEST_P(ResponseSizePingTest, EveryLoopHasThem) {
  for (const char* loop : {"frequency", "timestamps"}) {
    if (!engine().honours(loop)) continue;
    SCOPED_TRACE(loop);
    Options options = options_for(engine());
    options.warmup = 0;
    options.response_size = 3000;
    if (std::string_view(loop) == "timestamps") options.timestamps = "kernel";
    if (std::string_view(loop) == "frequency") options.frequency_hz = 1000;
    options.verify = !options.timestamps;
    const Ends ends = run_trial(engine(), options);
    expect_well(ends);
    EXPECT_EQ(ends.client.bytes_received.value(), 3000 * *ends.client.exchanges);
  }
}

TEST_P(SamplesPingTest, SamplesHaveEveryRoundTripInTheOrderOfSending) {
  Options options = options_for(engine());
  options.samples = "all";
  const Ends ends = run_trial(engine(), options);
  expect_well(ends);
  const std::vector<Sample>& samples = ends.client.samples;
  ASSERT_EQ(samples.size(), ends.client.exchanges.value() + ends.client.lost.value());
  Histogram again;
  for (const Sample& sample : samples)
    if (sample.rtt >= 0) again.record(sample.rtt);
  EXPECT_EQ(again.quantile(0.5), ends.client.rtt->quantile(0.5));
  EXPECT_TRUE(std::is_sorted(samples.begin(), samples.end(),
                             [](const Sample& a, const Sample& b) { return a.sent < b.sent; }));
}

TEST_P(StreamsPingTest, ManyFlowsShareTheThreads) {
  Options options = options_for(engine());
  options.streams = flows_for(engine(), 20);
  if (engine().honours("threads")) options.threads = 3;
  if (engine().kind == Kind::connect) options.duration = kSecond;  // a connection can wait for long
  options.verify = true;
  const Ends ends = run_trial(engine(), options);
  expect_well(ends);
  ASSERT_TRUE(ends.client.rtt);
  EXPECT_GE(ends.client.exchanges.value(), *options.streams);
  EXPECT_EQ(ends.client.rtt->count(), ends.client.exchanges.value());
  ASSERT_TRUE(ends.client.fairness_index);
  EXPECT_GT(*ends.client.fairness_index, 0.05);
}

TEST_P(InFlightPingTest, EveryPingUnderWayIsAnsweredOnce) {
  Options options = options_for(engine());
  options.warmup = 0;
  options.in_flight = 16;
  options.verify = true;
  options.streams = flows_for(engine(), 3);
  if (engine().honours("response_size")) options.response_size = 200;
  if (engine().honours("ping_timeout")) options.ping_timeout = kSecond;
  for (const bool limited : {false, true}) {
    SCOPED_TRACE(limited);
    if (limited) {
      options.duration.reset();
      options.messages = 500;
    }
    ASSERT_EQ(engine().validate(options), std::nullopt);
    const Ends ends = run_trial(engine(), options);
    expect_well(ends);
    EXPECT_EQ(ends.client.rtt->count(), ends.client.exchanges.value());
    EXPECT_EQ(ends.client.lost.value(), 0u);
    EXPECT_EQ(ends.client.out_of_order.value_or(0), 0u);
    EXPECT_EQ(ends.client.duplicates.value_or(0), 0u);
    if (limited) {
      EXPECT_EQ(ends.client.exchanges.value(), 500u);
    }
  }
}

// A client and a server that both blocked in send(2) would not end.
TEST_P(InFlightPingTest, MoreBytesThanTheBuffersHoldDoNotBlockBothEnds) {
  if (is_datagram(engine()) || engine().transport == Transport::unix_seqpacket)
    GTEST_SKIP() << "a message without space is lost, fits, or is an error";
  Options options = options_for(engine());
  options.in_flight = 8;
  options.message_size = 64 * 1024;
  options.send_buffer = options.receive_buffer = 32 * 1024;
  options.duration.reset();
  options.warmup = 0;
  options.messages = 16;
  options.verify = true;
  const Ends ends = run_trial(engine(), options);
  expect_well(ends);
  EXPECT_EQ(ends.client.exchanges.value(), 16u);
}

TEST_P(InFlightPingTest, OtherLoopsAreErrors) {
  Options options = options_for(engine());
  options.in_flight = 2;
  options.frequency_hz = 1000;
  EXPECT_EQ(engine().validate(options), "in_flight: cannot be combined with frequency");
  options.frequency_hz.reset();
  options.timestamps = "kernel";
  EXPECT_EQ(engine().validate(options), "in_flight: cannot be combined with timestamps");
  options.in_flight = 1;
  EXPECT_EQ(engine().validate(options), std::nullopt);
}

TEST_P(ThinkTimePingTest, AFlowPausesBeforeItsNextPing) {
  Options options = options_for(engine());
  options.warmup = 0;
  options.think_time = 2 * kMillisecond;
  options.streams = flows_for(engine(), 3);
  options.verify = true;
  const Ends ends = run_trial(engine(), options);
  expect_well(ends);
  const double pauses = *ends.client.window_s * kSecond / static_cast<double>(*options.think_time);
  EXPECT_LE(static_cast<double>(ends.client.exchanges.value()),
            static_cast<double>(*options.streams) * (pauses + 2));
}

TEST_P(ThinkTimePingTest, APauseEndsWithTheWindow) {
  Options options = options_for(engine());
  options.think_time = 60 * kSecond;
  options.streams = flows_for(engine(), 3);
  const Nanoseconds begin = now_ns();
  const Ends ends = run_once(engine(), options);
  EXPECT_EQ(ends.client.total_exchanges.value(), *options.streams);
  EXPECT_LT(now_ns() - begin, *options.think_time);
}

TEST_P(FrequencyPingTest, AnOpenLoopKeepsItsFrequency) {
  for (const char* arrivals : {"uniform", "poisson"}) {
    Options options = options_for(engine());
    options.frequency_hz = 2000;
    options.arrivals = arrivals;
    options.duration = 100 * kMillisecond;
    options.verify = true;
    SCOPED_TRACE(arrivals);
    const Ends ends = run_trial(engine(), options);
    expect_well(ends);
    // 200 pings are due on average. The gaps of Poisson arrivals are random.
    EXPECT_NEAR(static_cast<double>(*ends.client.exchanges + *ends.client.lost +
                                    ends.client.unsent.value()),
                200, 50);
    EXPECT_GT(*ends.client.exchanges, 0u);
    // A naive round trip starts after the intended time and before send(), so it has four system
    // calls.
    const Histogram& naive = ends.client.spans.at(Span::naive);
    EXPECT_GT(naive.count(), 0u);
    EXPECT_GT(naive.min(), kMicrosecond);
    EXPECT_LE(naive.max(), ends.client.rtt->max());
  }
}

TEST_P(TimestampsPingTest, KernelTimestampsSplitTheRoundTrip) {
  Options options = options_for(engine());
  options.timestamps = "kernel";
  options.warmup = 40 * kMillisecond;  // the kernel begins to stamp some time after it is asked to
  const Ends ends = run_trial(engine(), options);
  expect_well(ends);
  const auto& spans = ends.client.spans;
  const std::uint64_t pings = ends.client.exchanges.value();
  const std::uint64_t stamped = spans.at(Span::turnaround).count();
  EXPECT_GE(stamped + 4 + pings / 10, pings);  // the last stamp of the last pong never arrives
  double sum = 0;
  for (const Span span :
       {Span::app_to_kernel, Span::kernel_to_kernel, Span::kernel_to_app, Span::turnaround}) {
    ASSERT_TRUE(spans.contains(span)) << name(span);
    EXPECT_EQ(spans.at(span).count(), stamped) << name(span);
    EXPECT_GT(spans.at(span).max(), 0) << name(span);
    sum += spans.at(span).sum();
  }
  // The sum of the four parts of a ping is its round trip, except for the readings of two clocks.
  const double unstamped =
      static_cast<double>(pings - stamped) * static_cast<double>(ends.client.rtt->max());
  EXPECT_NEAR(sum, ends.client.rtt->sum(), unstamped + 200.0 * static_cast<double>(pings));
  EXPECT_NEAR(spans.at(Span::oneway_forward).sum() + spans.at(Span::oneway_reverse).sum(),
              spans.at(Span::kernel_to_kernel).sum(), 200.0 * static_cast<double>(pings));
}

TEST_P(IpSocketTest, WorksOverIpv6) {
  const Fd probe(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const Address any = Address::resolve("::1", 0);
  if (!probe || ::bind(probe.get(), any.data(), any.size()) != 0)
    GTEST_SKIP() << "the host has no IPv6 loopback";
  expect_well(run_trial(engine(), options_for(engine()), "::1"));
}

TEST_P(TransferTest, IntervalsCoverTheWindow) {
  Options options = options_for(engine());
  options.duration = 200 * kMillisecond;
  std::size_t reported = 0;
  const Ends ends = in_window([&] {
    Server server(engine(), options);
    reported = 0;
    return run_against(server, engine(), [&](const Interval&) { ++reported; });
  });
  expect_well(ends);
  const auto& intervals = ends.client.intervals;
  ASSERT_EQ(reported, intervals.size());
  ASSERT_GE(intervals.size(), 2u);
  EXPECT_EQ(intervals.front().start_s, 0);
  EXPECT_NEAR(intervals.back().end_s, ends.client.window_s.value(), 1e-9);
  std::uint64_t sum = 0;
  for (const Interval& i : intervals) sum += i.bytes_sent.value();
  EXPECT_EQ(sum, ends.client.bytes_sent.value());
}

// Sends frames without the token and with a part of it, which no trial has.
void send_foreign_frames() {
  const Fd fd(check(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket"));
  sockaddr_ll link{};
  link.sll_family = AF_PACKET;
  link.sll_protocol = htons(kEtherType);
  link.sll_ifindex = static_cast<int>(::if_nametoindex(kClientInterface));
  link.sll_halen = 6;
  std::memset(link.sll_addr, 0xff, 6);
  for (const char* noise : {"GET / HTTP/1.0", "pp\1\1noise", ""})
    for (const std::size_t size : {4, 46, 1500}) {
      std::string frame = noise;
      frame.resize(size, 'x');
      check(static_cast<int>(::sendto(fd.get(), frame.data(), size, 0,
                                      reinterpret_cast<const sockaddr*>(&link), sizeof link)),
            "sendto");
    }
}

// Sends bytes other than the token to the server's address.
void send_without_token(const Address& address, const Engine& engine) {
  if (is_ethernet(engine)) return send_foreign_frames();
  if (!counts_rejected_peers(engine)) return;
  const int type = is_datagram(engine)                             ? SOCK_DGRAM
                   : engine.transport == Transport::unix_seqpacket ? SOCK_SEQPACKET
                                                                   : SOCK_STREAM;
  const Fd fd(check(::socket(address.family(), type | SOCK_CLOEXEC, 0), "socket"));
  check(::connect(fd.get(), address.data(), address.size()), "connect");
  const char noise[24] = "GET / HTTP/1.0";
  ::send(fd.get(), noise, sizeof noise, MSG_NOSIGNAL);
}

TEST_P(SocketTest, AnUnauthenticatedPeerIsRejectedAndCounted) {
  const Ends ends = in_window([&] {
    Server server(engine(), options_for(engine()));
    send_without_token(server.endpoint->address(), engine());
    send_without_token(server.endpoint->address(), engine());
    return run_against(server, engine());
  });
  expect_well(ends);
  EXPECT_EQ(ends.server.rejected_peers.value(), counts_rejected_peers(engine()) ? 2u : 0u);
}

TEST_P(SocketTest, AWrongTokenIsNotAdmitted) {
  const Ends ends = in_window([&] {
    Server server(engine(), options_for(engine()));
    EndpointConfig wrong = server.client_config();
    wrong.token[9] ^= 1;
    wrong.deadline = now_ns() + 300 * kMillisecond;
    auto wrong_client = std::async(std::launch::async, [&]() -> std::string {
      try {
        return engine().connect(wrong)->run({}).error;
      } catch (const std::exception& e) {
        return e.what();
      }
    });
    EXPECT_NE(wrong_client.get(), "");
    return run_against(server, engine());
  });
  expect_well(ends);
  EXPECT_GE(ends.server.rejected_peers.value(), 1u);
}

TEST_P(EthernetSocketTest, ForeignFramesDuringATrialAreIgnored) {
  const Ends ends = in_window([&] {
    Options options = options_for(engine());
    options.verify = true;
    Server server(engine(), options);
    std::atomic<bool> over{false};
    auto foreign = std::async(std::launch::async, [&] {
      while (!over) {
        send_foreign_frames();
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    });
    Ends measured = run_against(server, engine());
    over = true;
    foreign.get();
    return measured;
  });
  expect_well(ends);
  EXPECT_EQ(ends.server.duplicates.value_or(0), 0u);
}

// A packet socket of another EtherType receives its frames while a trial runs.
TEST_P(EthernetSocketTest, FramesOfOthersPassDuringATrial) {
  constexpr std::uint16_t kOther = 0x88b6;
  const Fd other(check(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(kOther)), "socket"));
  constexpr int kRoom = 16 << 20;  // for the frames of a minute
  check(::setsockopt(other.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kRoom, sizeof kRoom), "setsockopt");
  std::atomic<bool> over{false};
  auto sender = std::async(std::launch::async, [&] {
    sockaddr_ll link{};
    link.sll_family = AF_PACKET;
    link.sll_protocol = htons(kOther);
    link.sll_ifindex = static_cast<int>(::if_nametoindex(kClientInterface));
    link.sll_halen = 6;
    std::memset(link.sll_addr, 0xff, 6);
    const char frame[46] = "of another program";
    int sent = 0;
    for (; !over; ++sent) {
      ::sendto(other.get(), frame, sizeof frame, 0, reinterpret_cast<const sockaddr*>(&link),
               sizeof link);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return sent;
  });
  const Ends ends = in_window([&] {
    Server server(engine(), options_for(engine()));
    return run_against(server, engine());
  });
  over = true;
  const int sent = sender.get();
  int received = 0;
  char frame[64];
  while (::recv(other.get(), frame, sizeof frame, MSG_DONTWAIT) > 0) ++received;
  expect_well(ends);
  EXPECT_GT(sent, 0);
  EXPECT_EQ(received, sent);
}

// Each way to wait and to reach the kernel.
TEST_P(EthernetSocketTest, EveryPortCarriesFrames) {
  for (const char* parameter : {"none", "mapped_ring", "qdisc_bypass", "need_wakeup", "busy_poll"})
    for (const char* wait : {"sleep", "spin"}) {
      if (parameter != std::string_view("none") && !engine().honours(parameter)) continue;
      SCOPED_TRACE(testing::Message() << parameter << " " << wait);
      Options options = options_for(engine());
      const std::string_view set = parameter;
      if (set == "mapped_ring") options.mapped_ring = true;
      if (set == "qdisc_bypass") options.qdisc_bypass = true;
      if (set == "need_wakeup") options.need_wakeup = false;
      if (set == "busy_poll") options.busy_poll = 20 * kMicrosecond;
      options.wait = wait;
      options.verify = true;
      options.duration = 100 * kMillisecond;  // two spinning ends can share a CPU
      expect_well(run_trial(engine(), options));
    }
}

TEST_P(EthernetSocketTest, UnusableInterfacesAreNamed) {
  const auto error = [&](Options options) -> std::string {
    try {
      run_trial(engine(), options);
    } catch (const std::runtime_error& e) {
      return e.what();
    }
    return "";
  };
  Options options = options_for(engine());
  options.server_interface = "nowhere";
  EXPECT_NE(error(options).find("'nowhere' does not exist"), std::string::npos) << error(options);
  options.server_interface = "lo";
  EXPECT_NE(error(options).find("'lo' is down"), std::string::npos) << error(options);
  options.server_interface = kServerInterface;
  options.message_size = 1515;
  EXPECT_NE(error(options).find("at most 1514 bytes"), std::string::npos) << error(options);
  options = options_for(engine());
  options.duration = 300 * kMillisecond;
  Server server(engine(), options);
  EndpointConfig same = server.client_config();
  same.options.client_interface = kServerInterface;
  try {
    engine().connect(same);
    FAIL() << "the server's interface was the client's";
  } catch (const std::runtime_error& e) {
    EXPECT_NE(std::string(e.what()).find("both ends"), std::string::npos) << e.what();
  }
  expect_well(run_against(server, engine()));
}

TEST_P(EthernetSocketTest, WithoutAnInterfaceTheOptionsAreAnError) {
  Options options = options_for(engine());
  options.server_interface.reset();
  EXPECT_NE(engine().validate(options).value_or("").find("add interface"), std::string::npos);
}

TEST_P(ConnectSocketTest, SilentPeersDoNotDelayAConnectTrial) {
  Options options = options_for(engine());
  options.messages = 50;
  options.duration.reset();
  options.warmup = 0;
  Server server(engine(), options);
  const std::unique_ptr<Endpoint> client = engine().connect(server.client_config());
  server.accepted.get();
  auto served = std::async(std::launch::async, [&] { return server.endpoint->run({}); });
  std::vector<Fd> silent;
  for (int i = 0; i < 20; ++i) {
    silent.emplace_back(check(
        ::socket(server.endpoint->address().family(), SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    const Address address = server.endpoint->address();
    check(::connect(silent.back().get(), address.data(), address.size()), "connect");
    ::send(silent.back().get(), "x", 1, MSG_NOSIGNAL);
  }
  const Measurement pinged = client->run({});
  EXPECT_EQ(pinged.error, "");
  EXPECT_EQ(pinged.exchanges.value(), 50u);
  EXPECT_LT(pinged.rtt->max(),
            20 * 100 * kMillisecond);  // without pending connections each costs 100 ms
  EXPECT_EQ(served.get().rejected_peers.value(), 20u);
}

TEST_P(ConnectSocketTest, TheOldestOfTooManySilentPeersIsRejected) {
  Options options = options_for(engine());
  options.messages = 50;
  options.duration.reset();
  options.warmup = 0;
  Server server(engine(), options);
  const std::unique_ptr<Endpoint> client = engine().connect(server.client_config());
  server.accepted.get();
  auto served = std::async(std::launch::async, [&] { return server.endpoint->run({}); });
  const Address address = server.endpoint->address();
  std::vector<Fd> silent;
  for (int i = 0; i < 300; ++i) {
    silent.emplace_back(check(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    check(::connect(silent.back().get(), address.data(), address.size()), "connect");
  }
  const Measurement pinged = client->run({});
  EXPECT_EQ(pinged.error, "");
  EXPECT_EQ(pinged.exchanges.value(), 50u);
  const Measurement m = served.get();
  EXPECT_EQ(m.error, "");
  EXPECT_EQ(m.rejected_peers.value(), 300u);
  char byte;
  errno = 0;
  EXPECT_LE(::recv(silent.front().get(), &byte, 1, MSG_DONTWAIT), 0);
  EXPECT_NE(errno, EAGAIN) << "the oldest is still open";
}

TEST_P(PortSocketTest, ABusyPortIsReported) {
  const Ends ends = in_window([&] {
    Server first(engine(), options_for(engine()));
    EndpointConfig second = first.config;
    second.address = first.endpoint->address();
    try {
      engine().listen(second);
      ADD_FAILURE() << "bound a port that is in use";
    } catch (const std::system_error& e) {
      EXPECT_EQ(e.code().value(), EADDRINUSE);
      EXPECT_NE(std::string(e.what()).find("port busy"), std::string::npos) << e.what();
    }
    return run_against(first, engine());
  });
  expect_well(ends);
}

TEST_P(SocketTest, WithoutAClientAcceptThrowsAtTheDeadline) {
  EndpointConfig config;
  config.options = options_for(engine());
  config.address = free_address(engine());
  config.deadline = now_ns() + 50 * kMillisecond;
  EXPECT_THROW(engine().listen(config)->accept(), std::runtime_error);
}

TEST_P(ServerEngineTest, StopEndsAServerWhoseClientIsSilent) {
  Server server(engine(), options_for(engine()));
  const std::unique_ptr<Endpoint> client = engine().connect(server.client_config());
  server.accepted.get();
  auto served = std::async(std::launch::async, [&] { return server.endpoint->run({}); });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  server.endpoint->stop();
  ASSERT_EQ(served.wait_for(std::chrono::seconds(2)), std::future_status::ready);
  EXPECT_NE(served.get().error, "");
}

TEST_P(SocketTest, AClientThatVanishesEndsTheServer) {
  if (is_datagram(engine()) || engine().kind == Kind::connect)
    GTEST_SKIP() << "the engine has no connection that can break";
  Server server(engine(), options_for(engine()));
  std::unique_ptr<Endpoint> client = engine().connect(server.client_config());
  server.accepted.get();
  auto served = std::async(std::launch::async, [&] { return server.endpoint->run({}); });
  client.reset();
  ASSERT_EQ(served.wait_for(std::chrono::seconds(2)), std::future_status::ready);
  served.get();
}

std::string test_name(const testing::TestParamInfo<const Engine*>& info) {
  std::string text = std::string(info.param->name) + "_" + std::string(name(info.param->kind)) +
                     "_" + std::string(name(info.param->transport));
  for (char& c : text)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return text;
}

// Returns the engines that meet all conditions and honour the parameter, if one is given.
auto engines_that(std::initializer_list<bool (*)(const Engine&)> conditions,
                  std::string_view parameter = {}) {
  std::vector<const Engine*> engines;
  for (const Engine* engine : socket_engines())
    if (std::ranges::all_of(conditions, [&](auto holds) { return holds(*engine); }) &&
        (parameter.empty() || engine->honours(parameter)))
      engines.push_back(engine);
  return testing::ValuesIn(engines);
}

bool listens(const Engine& engine) {
  return engine.listen != nullptr;
}

bool opens_sockets(const Engine& engine) {
  return engine.name != "noop";
}

bool has_server(const Engine& engine) {
  return opens_sockets(engine) && engine.listen;
}

bool moves_bulk_data(const Engine& engine) {
  return opens_sockets(engine) && engine.kind == Kind::throughput;
}

bool measures_round_trips(const Engine& engine) {
  return opens_sockets(engine) && engine.kind != Kind::throughput;
}

template <Kind kind>
bool is_kind(const Engine& engine) {
  return engine.kind == kind;
}

template <Transport transport>
bool is_over(const Engine& engine) {
  return engine.transport == transport;
}

bool is_over_stream(const Engine& engine) {
  return is_stream(engine.transport);
}

bool can_map(const Engine& engine) {
  Options options = options_for(engine);
  options.receive = "map";
  return !engine.validate || !engine.validate(options);
}

INSTANTIATE_TEST_SUITE_P(Every, EngineTest, engines_that({}), test_name);
INSTANTIATE_TEST_SUITE_P(Every, SocketTest, engines_that({has_server}), test_name);
INSTANTIATE_TEST_SUITE_P(Every, TransferTest, engines_that({moves_bulk_data}), test_name);
INSTANTIATE_TEST_SUITE_P(Every, PingTest, engines_that({measures_round_trips}), test_name);
INSTANTIATE_TEST_SUITE_P(Every, BidirectionalTransferTest,
                         engines_that({moves_bulk_data}, "bidirectional"), test_name);
INSTANTIATE_TEST_SUITE_P(Every, BytesTransferTest, engines_that({moves_bulk_data}, "bytes"),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Every, ConnectPingTest,
                         engines_that({measures_round_trips, is_kind<Kind::connect>}), test_name);
INSTANTIATE_TEST_SUITE_P(Every, ConnectSocketTest,
                         engines_that({has_server, is_kind<Kind::connect>}), test_name);
INSTANTIATE_TEST_SUITE_P(Every, EthernetSocketTest, engines_that({has_server, is_ethernet}),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Every, FqRateTransferTest, engines_that({moves_bulk_data}, "fq_rate"),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Every, FrameTransferTest, engines_that({moves_bulk_data}, "frame.every"),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Every, FrequencyPingTest,
                         engines_that({measures_round_trips}, "frequency"), test_name);
INSTANTIATE_TEST_SUITE_P(Every, GsoTransferTest, engines_that({moves_bulk_data}, "gso"), test_name);
INSTANTIATE_TEST_SUITE_P(Every, InFlightPingTest, engines_that({measures_round_trips}, "in_flight"),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Every, IpSocketTest, engines_that({has_server}, "ip"), test_name);
INSTANTIATE_TEST_SUITE_P(Every, LowWatermarkTransferTest,
                         engines_that({moves_bulk_data}, "receive_low_watermark"), test_name);
INSTANTIATE_TEST_SUITE_P(Every, MapTransferTest,
                         engines_that({moves_bulk_data, can_map}, "receive"), test_name);
INSTANTIATE_TEST_SUITE_P(Every, MessagesPingTest, engines_that({measures_round_trips}, "messages"),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Every, OnOffTransferTest, engines_that({moves_bulk_data}, "on_off.on"),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Every, PacingTimerTransferTest,
                         engines_that({moves_bulk_data}, "pacing_timer"), test_name);
INSTANTIATE_TEST_SUITE_P(Every, PortSocketTest, engines_that({has_server, counts_rejected_peers}),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Every, RateTransferTest, engines_that({moves_bulk_data}, "rate"),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Every, ReceiveTransferTest, engines_that({moves_bulk_data}, "receive"),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Every, ResetPingTest,
                         engines_that({measures_round_trips}, "reset_on_close"), test_name);
INSTANTIATE_TEST_SUITE_P(Every, ReverseTransferTest, engines_that({moves_bulk_data}, "reverse"),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Every, ResponseSizePingTest,
                         engines_that({measures_round_trips}, "response_size"), test_name);
INSTANTIATE_TEST_SUITE_P(Every, SamplesPingTest, engines_that({measures_round_trips}, "samples"),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Every, ServerEngineTest, engines_that({listens}), test_name);
INSTANTIATE_TEST_SUITE_P(Every, SizeMixPingTest, engines_that({measures_round_trips}, "size_mix"),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Every, SizeMixTransferTest, engines_that({moves_bulk_data}, "size_mix"),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Every, StreamsPingTest, engines_that({measures_round_trips}, "streams"),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Every, StreamsTransferTest, engines_that({moves_bulk_data}, "streams"),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Every, TcpTransferTest,
                         engines_that({moves_bulk_data, is_over<Transport::tcp>}), test_name);
INSTANTIATE_TEST_SUITE_P(Every, ThinkTimePingTest,
                         engines_that({measures_round_trips, is_kind<Kind::latency>}, "think_time"),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Every, ThreadsTransferTest, engines_that({moves_bulk_data}, "threads"),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Every, TimestampsPingTest,
                         engines_that({measures_round_trips}, "timestamps"), test_name);
INSTANTIATE_TEST_SUITE_P(Every, UdpTransferTest,
                         engines_that({moves_bulk_data, is_over<Transport::udp>}), test_name);
INSTANTIATE_TEST_SUITE_P(Every, VerifyPingTest, engines_that({measures_round_trips}, "verify"),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Every, VerifyTransferTest, engines_that({moves_bulk_data}, "verify"),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Every, ZeroCopyTransferTest,
                         engines_that({moves_bulk_data, is_over_stream}, "zero_copy"), test_name);

}  // namespace
}  // namespace pingperf
