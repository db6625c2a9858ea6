// TLS connections over a pair of sockets, and engines whose peer breaks the handshake off.
#include "sockets/transport/tls.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <future>
#include <iterator>
#include <utility>

#include "sockets/core/error.h"
#include "sockets/core/fd.h"
#include "sockets/core/io.h"
#include "sockets/engines.h"
#include "sockets/transport/availability.h"
#include "sockets/transport/stream.h"

namespace pingperf {
namespace {

Options options_of(const char* cipher, bool resumption = false) {
  Options o;
  o.tls_cipher = cipher;
  o.tls_resumption = resumption;
  return o;
}

class Tls : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = tls_unavailable()) GTEST_SKIP() << *why;
    connect();
  }

  // Replaces the two sockets by new ones.
  void connect() {
    int fds[2];
    check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), "socketpair");
    client_fd = Fd(fds[0]);
    server_fd = Fd(fds[1]);
  }

  Fd client_fd, server_fd;
};

// Performs both handshakes. Returns the results of the client and of the server.
std::pair<bool, bool> shake_hands(TlsStream& client, TlsStream& server) {
  auto served = std::async(std::launch::async, [&] { return server.handshake(); });
  const bool connected = client.handshake();
  return {connected, served.get()};
}

constexpr std::pair<bool, bool> kBoth{true, true};

TEST_F(Tls, BothEndsHaveTheCipherOfTheOptions) {
  const std::pair<const char*, const char*> suites[] = {
      {"aes-128-gcm", "TLS_AES_128_GCM_SHA256"},
      {"aes-256-gcm", "TLS_AES_256_GCM_SHA384"},
      {"chacha20-poly1305", "TLS_CHACHA20_POLY1305_SHA256"}};
  for (const auto& [cipher, suite] : suites) {
    connect();
    const TlsContext clients(options_of(cipher), TlsRole::client);
    const TlsContext servers(options_of(cipher), TlsRole::server);
    TlsStream client(clients, client_fd.get()), server(servers, server_fd.get());
    ASSERT_EQ(shake_hands(client, server), kBoth) << client.reason();
    EXPECT_EQ(client.cipher(), suite);
    EXPECT_EQ(server.cipher(), suite);
  }
}

TEST_F(Tls, EndsWithoutACommonCipherFail) {
  const TlsContext clients(options_of("aes-128-gcm"), TlsRole::client);
  const TlsContext servers(options_of("aes-256-gcm"), TlsRole::server);
  TlsStream client(clients, client_fd.get()), server(servers, server_fd.get());
  EXPECT_EQ(shake_hands(client, server), std::pair(false, false));
  EXPECT_NE(client.reason().find("handshake failure"), std::string::npos) << client.reason();
  EXPECT_NE(server.reason().find("no shared cipher"), std::string::npos) << server.reason();
}

TEST_F(Tls, CarriesMessagesOfSeveralRecords) {
  const TlsContext clients(options_of("aes-256-gcm"), TlsRole::client);
  const TlsContext servers(options_of("aes-256-gcm"), TlsRole::server);
  TlsStream client(clients, client_fd.get()), server(servers, server_fd.get());
  ASSERT_EQ(shake_hands(client, server), kBoth);
  std::vector<char> sent(100'000), received(sent.size());
  fill_pattern(sent, mint_token());
  auto arrived = std::async(std::launch::async,
                            [&] { return server.receive_all(received.data(), received.size()); });
  EXPECT_TRUE(client.send_all(sent.data(), sent.size()));
  EXPECT_TRUE(arrived.get());
  EXPECT_EQ(received, sent);
}

// The bytes on the wire, which a third party relays.
TEST_F(Tls, ThePayloadIsEncrypted) {
  const TlsContext clients(options_of("aes-128-gcm"), TlsRole::client);
  const TlsContext servers(options_of("aes-128-gcm"), TlsRole::server);
  TlsStream client(clients, client_fd.get()), server(servers, server_fd.get());
  ASSERT_EQ(shake_hands(client, server), kBoth);
  const std::string text(100, 'x');
  ASSERT_TRUE(client.send_all(text.data(), text.size()));
  std::string wire(200, '\0');
  const ssize_t n = ::recv(server_fd.get(), wire.data(), wire.size(), 0);
  EXPECT_EQ(n, 5 + 100 + 1 + 16);  // header, data, type and tag of a record (RFC 8446 §5.2)
  EXPECT_EQ(wire.find("xxxx"), std::string::npos);
}

TEST_F(Tls, ASessionIsResumedIfTheServerPermitsIt) {
  for (const bool resumption : {false, true}) {
    const Options options = options_of("aes-256-gcm", resumption);
    const TlsContext clients(options, TlsRole::client), servers(options, TlsRole::server);
    TlsSession session;
    for (int connection = 0; connection < 4; ++connection) {
      connect();
      TlsStream client(clients, client_fd.get(), session), server(servers, server_fd.get());
      ASSERT_EQ(shake_hands(client, server), kBoth);
      EXPECT_EQ(client.resumed(), resumption && connection > 0);
      EXPECT_EQ(server.resumed(), client.resumed());
      char byte = 'x';
      ASSERT_TRUE(server.send_all(&byte, 1));
      ASSERT_TRUE(client.receive_all(&byte, 1));
      session = client.session();
      EXPECT_EQ(static_cast<bool>(session), resumption);
      client.finish();
    }
  }
}

TEST_F(Tls, AServerWithAnotherKeyDoesNotResume) {
  const Options options = options_of("aes-256-gcm", true);
  const TlsContext clients(options, TlsRole::client);
  TlsSession session;
  for (int connection = 0; connection < 2; ++connection) {
    connect();
    const TlsContext servers(options, TlsRole::server);
    TlsStream client(clients, client_fd.get(), session), server(servers, server_fd.get());
    ASSERT_EQ(shake_hands(client, server), kBoth);
    EXPECT_FALSE(client.resumed());
    char byte = 'x';
    ASSERT_TRUE(server.send_all(&byte, 1));
    ASSERT_TRUE(client.receive_all(&byte, 1));
    session = client.session();
    ASSERT_TRUE(session);
    client.finish();
  }
}

TEST_F(Tls, OnlyAnAnnouncedEndIsAnEnd) {
  for (const bool announced : {true, false}) {
    connect();
    const TlsContext clients(options_of("aes-128-gcm"), TlsRole::client);
    const TlsContext servers(options_of("aes-128-gcm"), TlsRole::server);
    TlsStream client(clients, client_fd.get()), server(servers, server_fd.get());
    ASSERT_EQ(shake_hands(client, server), kBoth);
    if (announced) client.finish();
    client_fd = Fd();
    char byte;
    const ssize_t n = server.read(&byte, 1);
    EXPECT_EQ(n, announced ? 0 : -1);
    if (!announced) {
      EXPECT_EQ(errno, ECONNRESET);
    }
  }
}

TEST_F(Tls, AWriteToAClosedConnectionRaisesNoSignal) {
  const TlsContext clients(options_of("aes-128-gcm"), TlsRole::client);
  const TlsContext servers(options_of("aes-128-gcm"), TlsRole::server);
  TlsStream client(clients, client_fd.get()), server(servers, server_fd.get());
  ASSERT_EQ(shake_hands(client, server), kBoth);
  server_fd = Fd();
  EXPECT_FALSE(client.send_all("x", 1));
  EXPECT_EQ(errno, EPIPE);
}

TEST_F(Tls, APeerWithoutTlsIsAProtocolError) {
  const TlsContext servers(options_of("aes-128-gcm"), TlsRole::server);
  TlsStream server(servers, server_fd.get());
  ASSERT_TRUE(send_all(client_fd.get(), "GET / HTTP/1.0\r\n\r\n", 18));
  EXPECT_FALSE(server.handshake());
  EXPECT_EQ(errno, EPROTO);
  EXPECT_NE(server.reason().find("http request"), std::string::npos) << server.reason();
}

TEST_F(Tls, AHandshakeContinuesAfterATimeout) {
  const TlsContext clients(options_of("aes-128-gcm"), TlsRole::client);
  const TlsContext servers(options_of("aes-128-gcm"), TlsRole::server);
  TlsStream client(clients, client_fd.get()), server(servers, server_fd.get());
  set_receive_timeout(client_fd.get(), kMillisecond);
  EXPECT_FALSE(client.handshake());
  EXPECT_EQ(errno, EAGAIN);
  auto served = std::async(std::launch::async, [&] { return server.handshake(); });
  while (!client.handshake()) ASSERT_EQ(errno, EAGAIN);
  EXPECT_TRUE(served.get());
}

TEST(Ktls, IsRefusedWhereTheKernelHasNone) {
  Options options;
  EXPECT_NO_THROW(require_ktls(options));
  options.ktls = true;
  bool refused = false;
  try {
    require_ktls(options);
  } catch (const Unavailable& e) {
    refused = true;
    EXPECT_NE(std::string(e.what()).find("CONFIG_TLS"), std::string::npos) << e.what();
  }
  // Has the module after the attempt, which loads it.
  std::ifstream file("/proc/sys/net/ipv4/tcp_available_ulp");
  if (!file) GTEST_SKIP() << "the kernel has no list of its ULPs";
  const std::vector<std::string> words{std::istream_iterator<std::string>(file), {}};
  EXPECT_EQ(refused, std::ranges::find(words, "tls") == words.end());
}

// Engines whose connection lasts for the whole trial.
class TlsEngine : public testing::TestWithParam<const Engine* (*)()> {
 protected:
  void SetUp() override {
    if (const auto why = engine().unavailable()) GTEST_SKIP() << *why;
    config.options.kind = engine().kind;
    config.options.message_size = 64;
    config.options.streams = 1;
    config.options.duration = kSecond;
    config.options.warmup = 0;
    config.token = mint_token();
    config.address = Address::resolve("127.0.0.1", 0);
    config.deadline = now_ns() + 5 * kSecond;
  }

  const Engine& engine() const { return *GetParam()(); }
  EndpointConfig config;
};

TEST_P(TlsEngine, AClientThatLeavesTheHandshakeFailsTheServer) {
  const std::unique_ptr<Endpoint> server = engine().listen(config);
  auto accepted = std::async(std::launch::async, [&] { server->accept(); });
  config.address = server->address();
  std::vector<Fd> client = kStreams.connect(config, 1);
  accepted.get();
  auto served = std::async(std::launch::async, [&] { return server->run({}).error; });
  constexpr char kPartOfHello[] = "\x16\x03\x01\x02";
  ASSERT_TRUE(send_all(client.front().get(), kPartOfHello, 4));
  client.clear();
  EXPECT_EQ(served.get(), "TLS handshake: unexpected eof while reading");
}

TEST_P(TlsEngine, AServerThatLeavesTheHandshakeFailsTheClient) {
  Fd listener = kStreams.listen(config);
  config.address = Address::local_of(listener.get());
  auto admitted = std::async(std::launch::async, [&] {
    std::uint64_t rejected = 0;
    return kStreams.admit(std::move(listener), config, 1, rejected);
  });
  const std::unique_ptr<Endpoint> client = engine().connect(config);
  std::vector<Fd> server = admitted.get();
  ASSERT_EQ(::shutdown(server.front().get(), SHUT_WR), 0);
  EXPECT_EQ(client->run({}).error, "TLS handshake: unexpected eof while reading");
}

INSTANTIATE_TEST_SUITE_P(
    , TlsEngine, testing::Values([] { return &tls_throughput(); }, [] { return &tls_latency(); }),
    [](const auto& tested) { return std::string(name(tested.param()->kind)); });

}  // namespace
}  // namespace pingperf
