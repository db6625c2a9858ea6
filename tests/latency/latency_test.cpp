// Latency engines with servers that stall, lose, repeat or corrupt pongs, or reset the connection.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <atomic>
#include <fstream>
#include <functional>
#include <optional>
#include <thread>

#include "sockets/core/error.h"
#include "sockets/core/io.h"
#include "sockets/core/socket_options.h"
#include "sockets/latency/pingpong.h"
#include "sockets/transport/datagram.h"
#include "sockets/transport/stream.h"
#include "tests/own_network.h"

namespace pingperf {
namespace {

const Engine& find(std::string_view name, Kind kind, Transport transport) {
  for (const Engine* engine : socket_engines())
    if (engine->name == name && engine->kind == kind && engine->transport == transport)
      return *engine;
  throw std::runtime_error("no such engine");
}

EndpointConfig config_for(Transport transport) {
  EndpointConfig config;
  config.options.kind = Kind::latency;
  config.options.transport = transport;
  config.options.message_size = 64;
  config.options.duration = 100 * kMillisecond;
  config.options.warmup = 0;
  config.token = mint_token();
  config.address = Address::resolve("127.0.0.1", 0);
  config.deadline = now_ns() + 5 * kSecond;
  return config;
}

// A server of the test, which admits the client and then calls `behave` with the flow.
class OddServer {
 public:
  OddServer(EndpointConfig config, const TransportOps& transport,
            std::function<void(int fd)> behave)
      : config_(std::move(config)) {
    Fd listener = transport.listen(config_);
    address_ = Address::local_of(listener.get());
    thread_ = std::thread([this, &transport, behave, l = std::move(listener)]() mutable {
      std::uint64_t rejected = 0;
      const std::vector<Fd> flows = transport.admit(std::move(l), config_, 1, rejected);
      behave(flows.front().get());
    });
  }
  ~OddServer() { thread_.join(); }

  Measurement measure(const Engine& engine, const std::function<void(Options&)>& change = {}) {
    EndpointConfig client = config_;
    client.address = address_;
    if (change) change(client.options);
    return engine.connect(client)->run({});
  }

 private:
  EndpointConfig config_;
  Address address_;
  std::thread thread_;
};

std::string_view family_of(const testing::TestParamInfo<const char*>& info) {
  return info.param;
}

std::string test_name(const testing::TestParamInfo<const char*>& info) {
  return std::string(family_of(info));
}

class OddPeerTest : public testing::TestWithParam<const char*> {
 protected:
  const Engine& tcp() const { return find(GetParam(), Kind::latency, Transport::tcp); }
  const Engine& udp() const { return find(GetParam(), Kind::latency, Transport::udp); }
  void SetUp() override {
    if (const auto why = tcp().unavailable()) GTEST_SKIP() << *why;
  }
};

TEST_P(OddPeerTest, PongsInPiecesOfOneByteAreAssembled) {
  OddServer server(config_for(Transport::tcp), kStreams, [](int fd) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof on);
    char ping[64];
    while (receive_all(fd, ping, sizeof ping))
      for (const char& byte : ping)
        if (!send_all(fd, &byte, 1)) return;
  });
  const Measurement m = server.measure(tcp(), [](Options& o) { o.verify = true; });
  EXPECT_EQ(m.error, "");
  EXPECT_GT(m.exchanges.value(), 0u);
}

TEST_P(OddPeerTest, ACorruptPongEndsTheTrialWithAnError) {
  OddServer server(config_for(Transport::tcp), kStreams, [](int fd) {
    char ping[64];
    for (int i = 0; receive_all(fd, ping, sizeof ping); ++i) {
      if (i == 10) ping[63] ^= 1;
      if (!send_all(fd, ping, sizeof ping)) return;
    }
  });
  const Measurement m = server.measure(tcp(), [](Options& o) { o.verify = true; });
  EXPECT_EQ(m.error, "payload of a pong: Bad message");
}

TEST_P(OddPeerTest, AServerThatClosesInsideAPongEndsTheTrialWithAnError) {
  OddServer server(config_for(Transport::tcp), kStreams, [](int fd) {
    char ping[64];
    for (int i = 0; i < 3 && receive_all(fd, ping, sizeof ping); ++i)
      send_all(fd, ping, i == 2 ? 10 : sizeof ping);
  });
  const Measurement m = server.measure(tcp());
  EXPECT_EQ(m.error, "receive of a pong: Connection reset by peer");
}

TEST_P(OddPeerTest, AResetConnectionEndsTheTrialWithAnError) {
  OddServer server(config_for(Transport::tcp), kStreams, [](int fd) {
    char ping[64];
    receive_all(fd, ping, sizeof ping);
    const linger abort{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
  });
  const Measurement m = server.measure(tcp());
  EXPECT_NE(m.error.find("Connection reset by peer"), std::string::npos) << m.error;
}

// Numbers of the pings that come, from the header.
void serve_oddly(int fd,
                 const std::function<void(std::uint64_t, const char*, std::size_t)>& serve) {
  char ping[256];
  for (ssize_t n; (n = ::recv(fd, ping, sizeof ping, 0)) >= 0;) {
    const std::uint64_t number = header_of(ping).number;
    if (number == kEnd) return;
    serve(number, ping, static_cast<std::size_t>(n));
  }
}

TEST_P(OddPeerTest, LostPongsAreCounted) {
  OddServer server(config_for(Transport::udp), kDatagrams, [](int fd) {
    serve_oddly(fd, [&](std::uint64_t number, const char* ping, std::size_t size) {
      if (number % 10 != 3) ::send(fd, ping, size, 0);
    });
  });
  const Measurement m = server.measure(udp(), [](Options& o) {
    o.ping_timeout = 2 * kMillisecond;
    o.samples = "all";
    o.duration.reset();
    o.messages = 50;
  });
  EXPECT_EQ(m.error, "");
  EXPECT_EQ(m.exchanges.value() + m.lost.value(), 50u);
  EXPECT_GE(m.lost.value(), 5u);  // on a busy machine more pings time out
  EXPECT_EQ(m.duplicates.value(), 0u);
  EXPECT_EQ(
      std::count_if(m.samples.begin(), m.samples.end(), [](const Sample& s) { return s.rtt < 0; }),
      static_cast<long>(m.lost.value()));
}

TEST_P(OddPeerTest, DuplicatePongsAreCountedAndNotMeasured) {
  OddServer server(config_for(Transport::udp), kDatagrams, [](int fd) {
    serve_oddly(fd, [&](std::uint64_t, const char* ping, std::size_t size) {
      ::send(fd, ping, size, 0);
      ::send(fd, ping, size, 0);
    });
  });
  const Measurement m = server.measure(udp(), [](Options& o) {
    o.duration.reset();
    o.messages = 20;
  });
  EXPECT_EQ(m.error, "");
  EXPECT_EQ(m.exchanges.value(), 20u);
  EXPECT_EQ(m.rtt->count(), 20u);
  EXPECT_GE(m.duplicates.value(), 15u);  // the last ones can arrive after the end
  EXPECT_EQ(m.lost.value(), 0u);
}

TEST_P(OddPeerTest, LatePongsAreNotDuplicates) {
  OddServer server(config_for(Transport::udp), kDatagrams, [](int fd) {
    std::string held;
    serve_oddly(fd, [&](std::uint64_t number, const char* ping, std::size_t size) {
      if (number == 5) {
        held.assign(ping, size);
        return;
      }
      ::send(fd, ping, size, 0);
      if (number == 10) ::send(fd, held.data(), held.size(), 0);  // after its timeout
    });
  });
  const Measurement m = server.measure(udp(), [](Options& o) {
    o.ping_timeout = 500 * kMillisecond;
    o.duration.reset();
    o.messages = 30;
  });
  EXPECT_EQ(m.error, "");
  EXPECT_EQ(m.late.value(), 1u);
  EXPECT_EQ(m.out_of_order.value(), 1u);
  EXPECT_EQ(m.duplicates.value(), 0u);
  EXPECT_EQ(m.exchanges.value() + m.lost.value(), 30u);
}

INSTANTIATE_TEST_SUITE_P(Latency, OddPeerTest,
                         testing::Values("blocking", "spin", "hybrid", "epoll", "io_uring"),
                         test_name);

// Several pings in flight on one flow.
class PipelineTest : public OddPeerTest {};

TEST_P(PipelineTest, SoManyPingsAreUnderWayAndNoMore) {
  std::atomic<int> too_many = 0;
  OddServer server(config_for(Transport::tcp), kStreams, [&](int fd) {
    std::vector<char> pings(8 * 64);
    for (int round = 0; round < 5 && receive_all(fd, pings.data(), pings.size()); ++round) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      char more;
      if (::recv(fd, &more, 1, MSG_DONTWAIT | MSG_PEEK) > 0) ++too_many;
      if (!send_all(fd, pings.data(), pings.size())) return;  // all pongs at once
    }
    while (receive_all(fd, pings.data(), 64) && send_all(fd, pings.data(), 64)) {
    }
  });
  const Measurement m = server.measure(tcp(), [](Options& o) {
    o.in_flight = 8;
    o.verify = true;
    o.duration.reset();
    o.messages = 80;
  });
  EXPECT_EQ(m.error, "");
  EXPECT_EQ(m.exchanges.value(), 80u);
  EXPECT_EQ(too_many, 0);
}

TEST_P(PipelineTest, PongsInPiecesAreAssembled) {
  OddServer server(config_for(Transport::tcp), kStreams, [](int fd) {
    char ping[64];
    while (receive_all(fd, ping, sizeof ping))
      if (!send_all(fd, ping, 5) || !send_all(fd, ping + 5, sizeof ping - 5)) return;
  });
  const Measurement m = server.measure(tcp(), [](Options& o) {
    o.in_flight = 8;
    o.verify = true;
    o.duration.reset();
    o.messages = 200;
  });
  EXPECT_EQ(m.error, "");
  EXPECT_EQ(m.exchanges.value(), 200u);
}

TEST_P(PipelineTest, PongsInTheWrongOrderOfAStreamAreAnError) {
  OddServer server(config_for(Transport::tcp), kStreams, [](int fd) {
    char pings[2][64];
    while (receive_all(fd, pings[0], sizeof pings))
      if (!send_all(fd, pings[1], 64) || !send_all(fd, pings[0], 64)) return;
  });
  const Measurement m = server.measure(tcp(), [](Options& o) {
    o.in_flight = 2;
    o.verify = true;
  });
  EXPECT_EQ(m.error, "payload of a pong: Bad message");
}

TEST_P(PipelineTest, LostPongsAreCountedAndTheOthersGoOn) {
  OddServer server(config_for(Transport::udp), kDatagrams, [](int fd) {
    serve_oddly(fd, [&, i = 0](std::uint64_t, const char* ping, std::size_t size) mutable {
      if (i++ % 10 != 3) ::send(fd, ping, size, 0);
    });
  });
  const Measurement m = server.measure(udp(), [](Options& o) {
    o.in_flight = 4;
    o.ping_timeout = 20 * kMillisecond;
    o.samples = "all";
    o.duration.reset();
    o.messages = 50;
  });
  EXPECT_EQ(m.error, "");
  EXPECT_EQ(m.exchanges.value() + m.lost.value(), 50u);
  EXPECT_GE(m.lost.value(), 5u);  // on a busy machine more pings time out
  EXPECT_EQ(m.samples.size(), 50u);
}

TEST_P(PipelineTest, PongsInAnotherOrderAreCounted) {
  OddServer server(config_for(Transport::udp), kDatagrams, [](int fd) {
    std::string held;
    serve_oddly(fd, [&, i = 0](std::uint64_t, const char* ping, std::size_t size) mutable {
      const bool straight = i < 2 || i >= 22;
      ++i;
      if (straight) {
        ::send(fd, ping, size, 0);
        return;
      }
      if (held.empty()) {
        held.assign(ping, size);
        return;
      }
      ::send(fd, ping, size, 0);
      ::send(fd, held.data(), held.size(), 0);
      held.clear();
    });
  });
  const Measurement m = server.measure(udp(), [](Options& o) {
    o.in_flight = 2;
    o.verify = true;
    o.ping_timeout = 2 * kSecond;
    o.duration.reset();
    o.messages = 40;
  });
  EXPECT_EQ(m.error, "");
  EXPECT_EQ(m.exchanges.value(), 40u);
  EXPECT_EQ(m.out_of_order.value(), 10u);
  EXPECT_EQ(m.late.value() + m.lost.value() + m.duplicates.value(), 0u);
}

TEST_P(PipelineTest, ARepeatedPongIsADuplicate) {
  OddServer server(config_for(Transport::udp), kDatagrams, [](int fd) {
    serve_oddly(fd, [&](std::uint64_t, const char* ping, std::size_t size) {
      ::send(fd, ping, size, 0);
      ::send(fd, ping, size, 0);
    });
  });
  const Measurement m = server.measure(udp(), [](Options& o) {
    o.in_flight = 4;
    o.duration.reset();
    o.messages = 40;
  });
  EXPECT_EQ(m.error, "");
  EXPECT_EQ(m.exchanges.value(), 40u);
  EXPECT_EQ(m.rtt->count(), 40u);
  EXPECT_GE(m.duplicates.value(), 30u);  // the last ones can arrive after the end
}

INSTANTIATE_TEST_SUITE_P(Latency, PipelineTest,
                         testing::Values("blocking", "spin", "hybrid", "epoll", "io_uring"),
                         test_name);

class OpenLoopTest : public testing::TestWithParam<const char*> {};

// 5 000 pings per second to a server that stalls for 50 ms of each second.
TEST_P(OpenLoopTest, AStallShowsInTheTailAndNotInTheNaiveFigure) {
  OddServer server(config_for(Transport::tcp), kStreams, [](int fd) {
    char ping[64];
    Nanoseconds next_stall = now_ns() + 200 * kMillisecond;
    while (receive_all(fd, ping, sizeof ping)) {
      if (now_ns() >= next_stall) {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        next_stall += kSecond;
      }
      if (!send_all(fd, ping, sizeof ping)) return;
    }
  });
  const Engine& engine = find(GetParam(), Kind::latency, Transport::tcp);
  const Measurement m = server.measure(engine, [](Options& o) {
    o.frequency_hz = 5000;
    o.duration = kSecond;
  });
  EXPECT_EQ(m.error, "");
  EXPECT_GE(m.rtt->quantile(0.99), 20 * kMillisecond);
  const Histogram& naive = m.spans.at(Span::naive);
  EXPECT_LT(naive.quantile(0.99), 20 * kMillisecond);
  EXPECT_GE(naive.max(), 45 * kMillisecond);  // one ping waited
}

TEST_P(OpenLoopTest, UnansweredPingsAreLost) {
  OddServer server(config_for(Transport::udp), kDatagrams, [](int fd) {
    serve_oddly(fd, [&](std::uint64_t number, const char* ping, std::size_t size) {
      if (number % 4 != 0) ::send(fd, ping, size, 0);
    });
  });
  const Engine& engine = find(GetParam(), Kind::latency, Transport::udp);
  const Measurement m = server.measure(engine, [](Options& o) {
    o.frequency_hz = 1000;
    o.duration.reset();
    o.messages = 100;
    o.ping_timeout = 500 * kMillisecond;
  });
  EXPECT_EQ(m.error, "");
  EXPECT_EQ(m.exchanges.value(), 75u);
  EXPECT_EQ(m.lost.value(), 25u);
}

TEST_P(OpenLoopTest, UnsentPingsAreCountedAndTheTrialEndsInTime) {
  for (const Transport transport : {Transport::udp, Transport::tcp}) {
    const bool stream = is_stream(transport);
    OddServer server(config_for(transport), stream ? kStreams : kDatagrams, [&](int fd) {
      char ping[64];
      if (!stream)
        serve_oddly(fd, [&](std::uint64_t, const char* p, std::size_t n) { ::send(fd, p, n, 0); });
      else
        while (receive_all(fd, ping, sizeof ping) && send_all(fd, ping, sizeof ping)) {
        }
    });
    const Nanoseconds began = now_ns();
    const Measurement m =
        server.measure(find(GetParam(), Kind::latency, transport), [](Options& o) {
          o.frequency_hz = 20e6;
          o.ping_timeout = 100 * kMillisecond;
        });
    EXPECT_EQ(m.error, "");
    EXPECT_GT(m.unsent.value(), 0u);
    EXPECT_GT(m.exchanges.value(), 0u);
    EXPECT_LT(now_ns() - began, 8 * kSecond);
  }
}

INSTANTIATE_TEST_SUITE_P(Latency, OpenLoopTest,
                         testing::Values("blocking", "spin", "hybrid", "epoll"), test_name);

class ConnectTest : public testing::TestWithParam<const char*> {
 protected:
  const Engine& engine() const { return find(GetParam(), Kind::connect, Transport::tcp); }
  void SetUp() override {
    if (const auto why = engine().unavailable()) GTEST_SKIP() << *why;
  }
};

EndpointConfig connect_config() {
  EndpointConfig config = config_for(Transport::tcp);
  config.options.kind = Kind::connect;
  return config;
}

// Returns the client's figures in a network with 20 local ports; nothing without root.
std::optional<Measurement> connect_with_twenty_ports(const Engine& engine, std::uint64_t streams) {
  std::optional<Measurement> m;
  std::thread([&] {
    if (!enter_own_network()) return;
    std::ofstream("/proc/sys/net/ipv4/ip_local_port_range") << "40000 40019\n";
    std::ofstream("/proc/sys/net/ipv4/tcp_tw_reuse") << "0\n";
    EndpointConfig config = connect_config();
    config.options.streams = streams;
    config.options.duration = 500 * kMillisecond;
    config.address = Address::resolve("127.0.0.1", 5207);
    const auto server = engine.listen(config);
    std::thread serving([&] {
      server->accept();
      server->run({});
    });
    m = engine.connect(config)->run({});
    server->stop();
    serving.join();
  }).join();
  return m;
}

TEST_P(ConnectTest, WaitsForFreePortsAndCountsTheWaits) {
  for (const std::uint64_t streams : {1, 8}) {
    SCOPED_TRACE(streams);
    const std::optional<Measurement> m = connect_with_twenty_ports(engine(), streams);
    if (!m) GTEST_SKIP() << "requires a network namespace (root)";
    EXPECT_EQ(m->error, "");
    EXPECT_LE(m->exchanges.value(), 20u);
    EXPECT_GT(m->exchanges.value(), 0u);
    EXPECT_GT(m->port_waits.value(), 0u);
    EXPECT_GE(m->time_waits.value(), m->exchanges.value());
    EXPECT_EQ(m->bytes_sent.value(), 64 * m->exchanges.value());
  }
}

TEST(TlsConnect, AnExchangeThatFoundNoPortDoesNotCount) {
  const Engine& tls = find("tls", Kind::connect, Transport::tcp);
  if (const auto why = tls.unavailable()) GTEST_SKIP() << *why;
  const std::optional<Measurement> m = connect_with_twenty_ports(tls, 8);
  if (!m) GTEST_SKIP() << "requires a network namespace (root)";
  EXPECT_EQ(m->error, "");
  EXPECT_GT(m->port_waits.value(), 0u);
  EXPECT_EQ(m->bytes_sent.value(), 64 * m->exchanges.value());
}

TEST(LocalPorts, AFlowThatGetsNoneNamesTheirRange) {
  for (const Transport transport : {Transport::tcp, Transport::udp}) {
    bool possible = false;
    std::string error;
    std::thread([&] {
      possible = enter_own_network();
      if (!possible) return;
      std::ofstream("/proc/sys/net/ipv4/ip_local_port_range") << "40000 40000\n";
      EndpointConfig config = config_for(transport);
      const auto& engine = find("blocking", Kind::latency, transport);
      config.address = Address::resolve("127.0.0.1", 40000);
      const auto server = engine.listen(config);  // has the only port
      try {
        engine.connect(config);
      } catch (const std::runtime_error& e) {
        error = e.what();
      }
    }).join();
    if (!possible) GTEST_SKIP() << "requires a network namespace (root)";
    EXPECT_NE(error.find("Cannot assign requested address (net.ipv4.ip_local_port_range: 40000 "),
              std::string::npos)
        << error;
  }
}

// A server of the test, which admits the client and then calls `behave` with one connection, from
// which it has read the token and the ping.
Measurement measure_against(const Engine& engine, const std::function<void(int fd)>& behave) {
  EndpointConfig config = connect_config();
  config.options.verify = true;
  Fd listener = listen_stream(config);
  config.address = Address::local_of(listener.get());
  std::thread serving([&] {
    std::uint64_t rejected = 0;
    kStreams.admit(Fd(::dup(listener.get())), config, 1, rejected);
    const Fd connection(::accept(listener.get(), nullptr, nullptr));
    char ping[sizeof(Token) + 64];
    receive_all(connection.get(), ping, sizeof ping);
    behave(connection.get());
  });
  const Measurement m = engine.connect(config)->run({});
  serving.join();
  return m;
}

TEST_P(ConnectTest, AServerThatClosesInsideAPongEndsTheTrialWithAnError) {
  const Measurement m = measure_against(engine(), [](int fd) { send_all(fd, "0123456789", 10); });
  EXPECT_NE(m.error.find("pong"), std::string::npos) << m.error;
}

TEST_P(ConnectTest, ACorruptPongEndsTheTrialWithAnError) {
  const Measurement m = measure_against(engine(), [](int fd) {
    const char wrong[64] = {};
    send_all(fd, wrong, sizeof wrong);
  });
  EXPECT_EQ(m.error, "payload of a pong: Bad message");
}

TEST_P(ConnectTest, AServerThatHasEndedIsAnError) {
  EndpointConfig config = connect_config();
  std::unique_ptr<Endpoint> client;
  {
    Fd listener = listen_stream(config);
    config.address = Address::local_of(listener.get());
    std::uint64_t rejected = 0;
    std::thread serving([&] { kStreams.admit(std::move(listener), config, 1, rejected); });
    client = engine().connect(config);
    serving.join();
  }
  EXPECT_EQ(client->run({}).error, "connect: Connection refused");
}

// Sends the token, and then a ping in two pieces whose last byte is wrong.
TEST_P(ConnectTest, ACorruptPingEndsTheServerWithAnError) {
  EndpointConfig config = connect_config();
  config.options.verify = true;
  const auto server = engine().listen(config);
  config.address = server->address();
  Measurement served;
  std::thread serving([&] {
    server->accept();
    served = server->run({});
  });
  kStreams.connect(config, 1);
  const Fd fd = dial_stream(config);
  std::vector<char> ping(64);
  fill_pattern(ping, config.token);
  ping.back() ^= 1;
  send_all(fd.get(), reinterpret_cast<const char*>(config.token.data()), sizeof(Token));
  send_all(fd.get(), ping.data(), 32);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  send_all(fd.get(), ping.data() + 32, 32);
  char byte;
  EXPECT_LE(::recv(fd.get(), &byte, 1, 0), 0);
  serving.join();
  EXPECT_EQ(served.error, "payload of a ping: Bad message");
}

INSTANTIATE_TEST_SUITE_P(Latency, ConnectTest, testing::Values("blocking", "epoll", "io_uring"),
                         test_name);

class ManyFlowsTest : public testing::TestWithParam<const char*> {};

TEST_P(ManyFlowsTest, TwoThousandConnectionsAreAllServed) {
  const Engine& engine = find(GetParam(), Kind::latency, Transport::tcp);
  if (const auto why = engine.unavailable()) GTEST_SKIP() << *why;
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_max < 4200) GTEST_SKIP() << "requires 4200 file descriptors (ulimit -Hn)";
  EndpointConfig config = config_for(Transport::tcp);
  config.options.streams = 2000;
  config.options.threads = 1;
  config.options.duration = 500 * kMillisecond;
  config.deadline = now_ns() + 30 * kSecond;
  const auto server = engine.listen(config);
  std::thread serving([&] {
    server->accept();
    EXPECT_EQ(server->run({}).error, "");
  });
  config.address = server->address();
  const Measurement m = engine.connect(config)->run({});
  serving.join();
  EXPECT_EQ(m.error, "");
  EXPECT_GT(m.fairness_index.value(), 0.0);
}

INSTANTIATE_TEST_SUITE_P(Latency, ManyFlowsTest, testing::Values("epoll", "io_uring"), test_name);

TEST(ExternalServer, IsTriedWithTheLongestMessageOfAMix) {
  EndpointConfig config = config_for(Transport::tcp);
  config.external = true;
  config.options.message_size.reset();
  config.options.size_mix = "64:9 1400:1";
  const Fd listener = listen_stream(config);
  config.address = Address::local_of(listener.get());
  std::string first(1400, '\0');
  Measurement m;
  {
    const std::jthread server([&] {
      const Fd client(::accept(listener.get(), nullptr, nullptr));
      if (!receive_all(client.get(), first.data(), first.size())) return;
      send_all(client.get(), first.data(), first.size());
      char bytes[2000];
      for (ssize_t n; (n = ::recv(client.get(), bytes, sizeof bytes, 0)) > 0;)
        if (!send_all(client.get(), bytes, static_cast<std::size_t>(n))) return;
    });
    m = find("blocking", Kind::latency, Transport::tcp).connect(config)->run({});
  }
  EXPECT_TRUE(first.ends_with("\r\n\r\n"));
  EXPECT_EQ(m.error, "");
  EXPECT_GT(m.exchanges.value(), 0u);
}

TEST(SocketOptions, TheKernelHasTheRequestedBusyPoll) {
  const Fd fd(check(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket"));
  Options options;
  options.busy_poll = 40 * kMicrosecond;
  try {
    apply_options(fd.get(), options, AF_INET);
  } catch (const std::system_error& e) {
    GTEST_SKIP() << e.what();
  }
  int value = 0;
  socklen_t size = sizeof value;
  ASSERT_EQ(::getsockopt(fd.get(), SOL_SOCKET, SO_BUSY_POLL, &value, &size), 0);
  EXPECT_EQ(value, 40);
}

TEST(FastClock, KeepsTheTimeOfTheMonotonicClock) {
  calibrate_clock();
  EXPECT_GT(fast_clock.cost_ns, 0);
  const Nanoseconds begin = now_ns();
  Nanoseconds last = fast_now_ns();
  while (now_ns() - begin < 50 * kMillisecond) {
    const Nanoseconds now = fast_now_ns();
    ASSERT_GE(now, last);
    last = now;
  }
  // The thread can lose its CPU between the readings of the two clocks, so the minimum counts.
  Nanoseconds closest = kSecond;
  for (int i = 0; i < 100; ++i) closest = std::min(closest, std::abs(fast_now_ns() - now_ns()));
  EXPECT_LT(closest, 20 * kMicrosecond);
}

}  // namespace
}  // namespace pingperf
