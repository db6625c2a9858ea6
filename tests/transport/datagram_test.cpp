#include "sockets/transport/datagram.h"

#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>

#include "sockets/core/io.h"
#include "sockets/core/socket_options.h"

namespace pingperf {
namespace {

EndpointConfig udp_on_loopback() {
  EndpointConfig config;
  config.options.transport = Transport::udp;
  config.address = Address::resolve("127.0.0.1", 0);
  config.deadline = now_ns() + 10 * kSecond;
  return config;
}

TEST(Datagram, AnExternalServerThatAnswersOtherBytesIsNamed) {
  EndpointConfig config = udp_on_loopback();
  const Fd server = bind_datagram(config);
  config.address = Address::local_of(server.get());
  config.external = true;
  auto answering = std::async(std::launch::async, [&] {
    char query[100];
    sockaddr_storage peer;
    socklen_t size = sizeof peer;
    auto* const from = reinterpret_cast<sockaddr*>(&peer);
    if (wait_readable(server.get(), config.deadline) &&
        ::recvfrom(server.get(), query, sizeof query, 0, from, &size) > 0)
      ::sendto(server.get(), "no such name", 12, 0, from, size);
  });
  try {
    kDatagrams.connect(config, 1);
    ADD_FAILURE();
  } catch (const std::runtime_error& e) {
    EXPECT_EQ(e.what(), config.address.to_string() + " " + kOtherBytes);
  }
  answering.get();
}

TEST(Datagram, TheErrorSaysHowManyFlowsWereAdmitted) {
  EndpointConfig config = udp_on_loopback();
  const Fd server = bind_datagram(config);
  config.address = Address::local_of(server.get());
  config.deadline = now_ns() + 100 * kMillisecond;
  try {
    kDatagrams.connect(config, 3);
    ADD_FAILURE();
  } catch (const std::runtime_error& e) {
    EXPECT_EQ(e.what(), config.address.to_string() +
                            " did not admit this session: 0 of 3 flows were admitted");
  }
}

TEST(Datagram, AHelloForAFullQueueDoesNotBlock) {
  EndpointConfig config;
  config.options.transport = Transport::unix_datagram;
  config.address = Address::unix_path("@pingperf-datagram-test-" + std::to_string(::getpid()));
  const Fd server = bind_datagram(config);  // reads nothing
  config.deadline = now_ns() + kSecond;
  EXPECT_THROW(kDatagrams.connect(config, 200), std::runtime_error);
}

// The address of a peer, as the key of a map.
std::string peer_of(int fd) {
  return Address::peer_of(fd).to_string();
}

TEST(Datagram, FlowsAreOpenedTogether) {
  constexpr std::size_t kFlows = 100;
  EndpointConfig config = udp_on_loopback();
  const Fd server = bind_datagram(config);
  config.address = Address::local_of(server.get());
  auto answering = std::async(std::launch::async, [&] {  // answers nobody before all have asked
    std::map<std::string, Address> peers;
    char hello[sizeof(Hello)];
    while (peers.size() < kFlows && wait_readable(server.get(), config.deadline)) {
      sockaddr_storage peer;
      socklen_t size = sizeof peer;
      auto* const from = reinterpret_cast<sockaddr*>(&peer);
      if (::recvfrom(server.get(), hello, sizeof hello, 0, from, &size) < 0) continue;
      const Address address = Address::from(from, size);
      peers.emplace(address.to_string(), address);
    }
    for (const auto& [text, peer] : peers)
      ::sendto(server.get(), hello, sizeof hello, 0, peer.data(), peer.size());
  });
  EXPECT_EQ(kDatagrams.connect(config, kFlows).size(), kFlows);
  answering.get();
}

TEST(Datagram, EachOfManyFlowsHasItsOwnPeer) {
  constexpr std::size_t kFlows = 300;  // more than are pending at once
  EndpointConfig config = udp_on_loopback();
  config.token = mint_token();
  Fd server = bind_datagram(config);
  config.address = Address::local_of(server.get());
  std::uint64_t rejected = 0;
  auto admitting = std::async(std::launch::async, [&] {
    return kDatagrams.admit(std::move(server), config, kFlows, rejected);
  });
  const std::vector<Fd> flows = kDatagrams.connect(config, kFlows);
  const std::vector<Fd> admitted = admitting.get();
  std::set<std::string> clients, peers;
  for (const Fd& flow : flows) clients.insert(Address::local_of(flow.get()).to_string());
  for (const Fd& flow : admitted) peers.insert(peer_of(flow.get()));
  EXPECT_EQ(clients.size(), kFlows);
  EXPECT_EQ(peers, clients);
  EXPECT_EQ(rejected, 0u);
}

// Forwards datagrams between clients and a server, and drops the first two answers to each client.
class LossyRelay {
 public:
  explicit LossyRelay(const Address& server)
      : server_(server), front_(bind_datagram(udp_on_loopback())) {
    thread_ = std::thread([this] { run(); });
  }
  ~LossyRelay() {
    stops_ = true;
    thread_.join();
  }
  Address address() const { return Address::local_of(front_.get()); }

 private:
  struct Client {
    Address address;
    Fd back;  // to the server
    int dropped = 0;
  };

  void run() {
    while (!stops_) {
      std::vector<pollfd> set{{front_.get(), POLLIN, 0}};
      for (const auto& [text, client] : clients_) set.push_back({client.back.get(), POLLIN, 0});
      ::poll(set.data(), set.size(), 10);
      forward();
      for (auto& [text, client] : clients_) answer(client);
    }
  }
  void forward() {
    char datagram[100];
    sockaddr_storage peer;
    socklen_t size = sizeof peer;
    auto* const from = reinterpret_cast<sockaddr*>(&peer);
    ssize_t n;
    while ((n = ::recvfrom(front_.get(), datagram, sizeof datagram, MSG_DONTWAIT, from, &size)) >=
           0) {
      const Address address = Address::from(from, size);
      Client& client = clients_[address.to_string()];
      if (!client.back) {
        client.address = address;
        client.back = Fd(::socket(AF_INET, SOCK_DGRAM, 0));
        ::connect(client.back.get(), server_.data(), server_.size());
      }
      ::send(client.back.get(), datagram, static_cast<std::size_t>(n), 0);
    }
  }
  void answer(Client& client) {
    char datagram[100];
    ssize_t n;
    while ((n = ::recv(client.back.get(), datagram, sizeof datagram, MSG_DONTWAIT)) >= 0)
      if (client.dropped++ >= 2)
        ::sendto(front_.get(), datagram, static_cast<std::size_t>(n), 0, client.address.data(),
                 client.address.size());
  }

  const Address server_;
  const Fd front_;
  std::map<std::string, Client> clients_;
  std::atomic<bool> stops_ = false;
  std::thread thread_;
};

TEST(Datagram, AClientWhoseAnswersAreLostIsAdmittedAllTheSame) {
  EndpointConfig config = udp_on_loopback();
  config.token = mint_token();
  Fd server = bind_datagram(config);
  const LossyRelay relay(Address::local_of(server.get()));
  std::uint64_t rejected = 0;
  std::vector<Fd> admitted;
  std::optional<HelloAnswers> answers;
  auto admitting = std::async(std::launch::async, [&, serving = config] {
    admitted = kDatagrams.admit(std::move(server), serving, 3, rejected);
    std::vector<int> descriptors;
    for (const Fd& flow : admitted) descriptors.push_back(flow.get());
    answers.emplace(descriptors, serving);
  });
  config.address = relay.address();
  EXPECT_EQ(kDatagrams.connect(config, 3).size(), 3u);
  admitting.get();
  EXPECT_EQ(admitted.size(), 3u);
  EXPECT_EQ(rejected, 0u);
}

TEST(Datagram, AnswersToRepeatedHellosLeaveThePayload) {
  EndpointConfig config = udp_on_loopback();
  config.token = mint_token();
  const Fd server = bind_datagram(config), client = bind_datagram(config);
  const Address server_address = Address::local_of(server.get());
  const Address client_address = Address::local_of(client.get());
  ASSERT_EQ(::connect(server.get(), client_address.data(), client_address.size()), 0);
  ASSERT_EQ(::connect(client.get(), server_address.data(), server_address.size()), 0);
  const Hello hello{kHello, config.token};
  char received[100];
  {
    const HelloAnswers answers({server.get()}, config);
    ::send(client.get(), &hello, sizeof hello, 0);
    ASSERT_TRUE(wait_readable(client.get(), config.deadline));
    EXPECT_TRUE(is_answer(
        received, static_cast<std::size_t>(::recv(client.get(), received, 100, 0)), config.token));
    ::send(client.get(), "payload", 7, 0);
  }
  EXPECT_EQ(::recv(server.get(), received, sizeof received, MSG_DONTWAIT), 7);
}

TEST(Datagram, DontFragmentIsSetAndThePathHasAnMtu) {
  EndpointConfig config = udp_on_loopback();
  config.options.dont_fragment = true;
  const Fd socket = bind_datagram(config);
  int discovery = 0;
  socklen_t size = sizeof discovery;
  ::getsockopt(socket.get(), IPPROTO_IP, IP_MTU_DISCOVER, &discovery, &size);
  EXPECT_EQ(discovery, IP_PMTUDISC_DO);
  EXPECT_FALSE(path_mtu(socket.get()));  // not connected
  const Address peer = Address::local_of(socket.get());
  ASSERT_EQ(::connect(socket.get(), peer.data(), peer.size()), 0);
  EXPECT_GE(path_mtu(socket.get()).value(), 1280u);
}

}  // namespace
}  // namespace pingperf
