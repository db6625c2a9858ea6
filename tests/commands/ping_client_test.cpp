#include "sockets/commands/ping_client.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cstring>
#include <fstream>
#include <functional>
#include <optional>
#include <thread>

#include "sockets/commands/pong_server.h"
#include "sockets/core/error.h"
#include "sockets/core/io.h"
#include "sockets/core/socket_options.h"
#include "sockets/transport/datagram.h"
#include "sockets/transport/stream.h"
#include "tests/own_network.h"

namespace pingperf {
namespace {

using testing::HasSubstr;

constexpr Nanoseconds kSoon = 50 * kMillisecond;
constexpr Nanoseconds kLong = 20 * kSecond;  // no test waits so long

EndpointConfig on_loopback(Transport transport) {
  EndpointConfig config;
  config.options.transport = transport;
  config.address = Address::resolve("127.0.0.1", 0);
  return config;
}

// A port that answers nobody and that no other program can get. A listener can have it, too.
class ReservedPort {
 public:
  explicit ReservedPort(Transport transport = Transport::tcp)
      : socket_(is_stream(transport) ? open_stream(on_loopback(transport))
                                     : bind_datagram(on_loopback(transport))) {
    if (is_stream(transport)) {  // bound, and does not listen
      set_option(socket_.get(), SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
      const Address any_port = on_loopback(transport).address;
      check(::bind(socket_.get(), any_port.data(), any_port.size()), "bind");
    } else {  // connected to itself, so that it gets no datagram of others
      const Address own = address();
      check(::connect(socket_.get(), own.data(), own.size()), "connect");
    }
  }
  Address address() const { return Address::local_of(socket_.get()); }

 private:
  Fd socket_;
};

PingClientConfig to(const std::vector<Address>& servers, Nanoseconds timeout = kLong) {
  return {.servers = servers, .timeout = timeout};
}

// A server whose thread ends with the test.
class Server {
 public:
  explicit Server(const std::function<void(int)>& serve, Transport transport = Transport::tcp)
      : Server(serve, on_loopback(transport)) {}
  Server(const std::function<void(int)>& serve, const EndpointConfig& config)
      : socket_(is_stream(config.options.transport) ? listen_stream(config)
                                                    : bind_datagram(config)),
        thread_(serve, socket_.get()) {}
  ~Server() {
    ::shutdown(socket_.get(), SHUT_RDWR);
    thread_.join();
  }
  Address address() const { return Address::local_of(socket_.get()); }

 private:
  Fd socket_;
  std::thread thread_;
};

void echo_one_at_a_time(int listener) {
  serve_streams(listener, false);
}

// Answers one client as a server of HTTP does: after an empty line.
void answer_as_http(int listener) {
  const Fd client(::accept(listener, nullptr, nullptr));
  std::string request;
  for (char byte = 0;
       request.find("\r\n\r\n") == request.npos && receive_all(client.get(), &byte, 1);)
    request += byte;
  constexpr std::string_view kAnswer = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
  send_all(client.get(), kAnswer.data(), kAnswer.size());
}

// A listener whose queue is full: the kernel drops further connects, as a firewall does.
class FullQueue {
 public:
  FullQueue() : listener_(listen_stream(on_loopback(Transport::tcp))) {
    ::listen(listener_.get(), 0);
    for (int i = 0; i < 4; ++i) {
      EndpointConfig config = on_loopback(Transport::tcp);
      config.address = address();
      waiting_.push_back(start_dial(config));
    }
  }
  Address address() const { return Address::local_of(listener_.get()); }

 private:
  Fd listener_;
  std::vector<Fd> waiting_;
};

TEST(PingClient, TriesEachAddressOfTheHost) {
  const Server server(echo_one_at_a_time);
  const ReservedPort closed;
  PingClient client(to({closed.address(), server.address()}));
  EXPECT_EQ(client.ping(0).outcome, PingOutcome::pong);
  EXPECT_EQ(client.server().to_string(), server.address().to_string());
}

TEST(PingClient, TriesEachAddressOverUdp) {
  const Server server(serve_datagrams, Transport::udp);
  const ReservedPort closed(Transport::udp);
  PingClientConfig config = to({closed.address(), server.address()});
  config.transport = Transport::udp;
  PingClient client(config);
  EXPECT_EQ(client.ping(0).outcome, PingOutcome::pong);
  EXPECT_EQ(client.ping(1).outcome, PingOutcome::pong);
}

TEST(PingClient, NamesEachAddressThatFailed) {
  for (const Transport transport : {Transport::tcp, Transport::udp}) {
    const ReservedPort one(transport), two(transport);
    PingClientConfig config = to({one.address(), two.address()});
    config.transport = transport;
    const PingResult result = PingClient(config).ping(0);
    EXPECT_EQ(result.outcome, PingOutcome::lost);
    for (const Address& address : {one.address(), two.address()})
      EXPECT_THAT(result.reason, HasSubstr(address.to_string()));
    EXPECT_THAT(result.reason, HasSubstr("Connection refused"));
  }
}

TEST(PingClient, AConnectThatIsDroppedEndsAtTheTimeout) {
  const FullQueue host;
  const PingResult result = PingClient(to({host.address()}, kSoon)).ping(0);
  EXPECT_EQ(result.outcome, PingOutcome::lost);
  EXPECT_EQ(result.reason, "connect to " + host.address().to_string() + ": Connection timed out");
}

// Moves the calling thread to a new network namespace with one local port.
bool enter_network_of_one_port() {
  if (!enter_own_network()) return false;
  std::ofstream range("/proc/sys/net/ipv4/ip_local_port_range");
  range << "40000 40000" << std::flush;
  return range.good();
}

TEST(PingClient, NamesTheRangeOfPortsIfNoneIsFreeForUdp) {
  std::optional<PingResult> result;
  std::thread([&] {
    if (!enter_network_of_one_port()) return;
    const Fd holder(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const Address port = Address::resolve("127.0.0.1", 40000);
    check(::bind(holder.get(), port.data(), port.size()), "bind");
    PingClientConfig config = to({Address::resolve("127.0.0.1", 9)});
    config.transport = Transport::udp;
    result = PingClient(config).ping(0);
  }).join();
  if (!result) GTEST_SKIP() << "requires root, for a network namespace";
  EXPECT_THAT(result->reason, HasSubstr("connect to 127.0.0.1:9: Cannot assign requested address "
                                        "(net.ipv4.ip_local_port_range: 40000 to 40000)"));
}

TEST(PingClient, AnInterruptEndsEachWait) {
  const Fd interrupt(check(::eventfd(1, EFD_CLOEXEC), "eventfd"));
  const FullQueue dropping;
  const Server silent([](int listener) { const Fd client(::accept(listener, nullptr, nullptr)); });
  for (const Address& server : {dropping.address(), silent.address()}) {
    PingClientConfig config = to({server});
    config.interrupt = interrupt.get();
    EXPECT_EQ(PingClient(config).ping(0).outcome, PingOutcome::interrupted);
  }
}

TEST(PingClient, WaitsForItsTurnWithoutLosingAPing) {
  const Fd listener = listen_stream(on_loopback(Transport::tcp));
  std::optional<PingClient> client(to({Address::local_of(listener.get())}, kSoon));
  EXPECT_EQ(client->ping(0).outcome, PingOutcome::waiting);
  EXPECT_EQ(client->ping(0).outcome, PingOutcome::waiting);
  const Fd copy(check(::fcntl(listener.get(), F_DUPFD_CLOEXEC, 0), "dup"));
  std::thread server(echo_one_at_a_time, copy.get());
  PingResult result;
  for (int i = 0; i < 200 && (result = client->ping(0)).outcome == PingOutcome::waiting;) ++i;
  EXPECT_EQ(result.outcome, PingOutcome::served);
  EXPECT_GE(result.rtt, 2 * kSoon);
  for (int i = 0; i < 200 && (result = client->ping(1)).outcome == PingOutcome::lost;) ++i;
  EXPECT_EQ(result.outcome, PingOutcome::pong);
  client.reset();  // the server serves others only after this client
  ::shutdown(listener.get(), SHUT_RDWR);
  server.join();
}

TEST(PingClient, DialsAgainAfterAnOutage) {
  const ReservedPort port;
  EndpointConfig of_server = on_loopback(Transport::tcp);
  of_server.address = port.address();
  std::optional<PingClient> client(to({port.address()}));
  {
    const Server server(
        [](int listener) {
          const Fd connection(::accept(listener, nullptr, nullptr));
          char ping[64];
          if (receive_all(connection.get(), ping, sizeof ping))
            send_all(connection.get(), ping, sizeof ping);
        },
        of_server);
    EXPECT_EQ(client->ping(0).outcome, PingOutcome::pong);
  }
  const PingResult closed = client->ping(1);
  EXPECT_EQ(closed.outcome, PingOutcome::lost);
  EXPECT_THAT(client->ping(2).reason, HasSubstr("Connection refused"));
  const Server again(echo_one_at_a_time, of_server);
  EXPECT_EQ(client->ping(3).outcome, PingOutcome::pong);
  client.reset();  // before the server, which serves it until it leaves
}

TEST(PingClient, AServerOfHttpIsNoEchoServer) {
  const Server server(answer_as_http);
  EXPECT_EQ(PingClient(to({server.address()})).ping(0).reason, kOtherBytes);
}

TEST(PingClient, AServerThatTalksFirstIsNoEchoServer) {
  const Server server([](int listener) {
    const Fd client(::accept(listener, nullptr, nullptr));
    constexpr std::string_view kBanner = "SSH-2.0-OpenSSH_9.2p1\r\n";
    send_all(client.get(), kBanner.data(), kBanner.size());
    char end;
    while (::recv(client.get(), &end, 1, 0) > 0) {
    }
  });
  EXPECT_EQ(PingClient(to({server.address()})).ping(0).reason, kOtherBytes);
}

TEST(PingClient, AnAnswerOfAnotherUdpServiceIsNoPong) {
  const Server server(
      [](int socket) {
        char query[100];
        sockaddr_storage peer;
        socklen_t size = sizeof peer;
        auto* const from = reinterpret_cast<sockaddr*>(&peer);
        if (::recvfrom(socket, query, sizeof query, 0, from, &size) > 0)
          ::sendto(socket, "no such name", 12, 0, from, size);
      },
      Transport::udp);
  PingClientConfig config = to({server.address()});
  config.transport = Transport::udp;
  EXPECT_EQ(PingClient(config).ping(0).reason, kOtherBytes);
}

}  // namespace
}  // namespace pingperf
