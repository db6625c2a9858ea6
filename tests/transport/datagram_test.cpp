#include "sockets/transport/datagram.h"

#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <stdexcept>
#include <thread>

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
  std::thread answering([&] {
    char query[100];
    sockaddr_storage peer;
    socklen_t size = sizeof peer;
    auto* const from = reinterpret_cast<sockaddr*>(&peer);
    if (::recvfrom(server.get(), query, sizeof query, 0, from, &size) > 0)
      ::sendto(server.get(), "no such name", 12, 0, from, size);
  });
  try {
    kDatagrams.connect(config, 1);
    ADD_FAILURE();
  } catch (const std::runtime_error& e) {
    EXPECT_EQ(e.what(), config.address.to_string() + " " + kOtherBytes);
  }
  answering.join();
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
