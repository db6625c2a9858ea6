#include "harness/engines/ports.h"

#include <gtest/gtest.h>

#include "sockets/core/error.h"

namespace pingperf {
namespace {

// Returns a socket that is bound to the address, and listens unless it is one of UDP.
Fd socket_at(const Address& address, int type = SOCK_STREAM) {
  Fd fd(check(::socket(address.family(), type, 0), "socket"));
  check(::bind(fd.get(), address.data(), address.size()), "bind");
  if (type == SOCK_STREAM) check(::listen(fd.get(), 1), "listen");
  return fd;
}

bool has_listener_at(const std::string& host, const Fd& server) {
  return has_listener(Address::resolve(host, Address::local_of(server.get()).port()));
}

TEST(Ports, AListenerIsAtItsAddressOnly) {
  const Fd server = socket_at(Address::resolve("127.0.0.2", 0));
  EXPECT_TRUE(has_listener_at("127.0.0.2", server));
  EXPECT_FALSE(has_listener_at("127.0.0.1", server));
  EXPECT_FALSE(has_listener_at("::1", server));
}

TEST(Ports, AListenerAtAllAddressesIsAtEach) {
  const Fd server = socket_at(Address::resolve("0.0.0.0", 0));
  EXPECT_TRUE(has_listener_at("127.0.0.1", server));
  EXPECT_FALSE(has_listener_at("::1", server));
}

TEST(Ports, AListenerOfIPv6) {
  Fd server;
  try {
    server = socket_at(Address::resolve("::1", 0));
  } catch (const std::system_error& e) {
    GTEST_SKIP() << "no IPv6 here: " << e.what();
  }
  EXPECT_TRUE(has_listener_at("::1", server));
  EXPECT_FALSE(has_listener_at("::2", server));
  EXPECT_FALSE(has_listener_at("127.0.0.1", server));
  const Fd all = socket_at(Address::resolve("::", 0));
  EXPECT_TRUE(has_listener_at("::1", all));
  EXPECT_TRUE(has_listener_at("127.0.0.1", all));
  const Fd mapped = socket_at(Address::resolve("::ffff:127.0.0.1", 0));
  EXPECT_TRUE(has_listener_at("127.0.0.1", mapped));
  EXPECT_FALSE(has_listener_at("127.0.0.2", mapped));
}

TEST(Ports, ABoundSocketOfUdpReceives) {
  const Fd server = socket_at(Address::resolve("127.0.0.1", 0), SOCK_DGRAM);
  EXPECT_TRUE(has_listener_at("127.0.0.1", server));
}

TEST(Ports, AConnectionIsNoListener) {
  Fd server = socket_at(Address::resolve("127.0.0.1", 0));
  const Address address = Address::local_of(server.get());
  const Fd client(check(::socket(AF_INET, SOCK_STREAM, 0), "socket"));
  check(::connect(client.get(), address.data(), address.size()), "connect");
  const Fd accepted(check(::accept(server.get(), nullptr, nullptr), "accept"));
  EXPECT_FALSE(has_listener(Address::local_of(client.get())));
  server = Fd();
  EXPECT_FALSE(has_listener(address));
}

TEST(Ports, AUnixSocketHasItsPath) {
  const Address address = Address::unix_path("@pingperf-ports-test");
  EXPECT_FALSE(has_listener(address));
  const Fd server = socket_at(address);
  EXPECT_TRUE(has_listener(address));
}

TEST(Ports, AFreePortIsClaimedUntilItIsGivenUp) {
  FreePort port = find_free_port(Address::resolve("127.0.0.1", 0));
  EXPECT_EQ(port.address.host(), "127.0.0.1");
  EXPECT_EQ(port.address.port() % 2, 0);
  EXPECT_FALSE(has_listener(port.address));
  const Address claimed = Address::local_of(port.claim.get());
  EXPECT_THROW(socket_at(claimed, SOCK_DGRAM), std::system_error);
  port.claim = Fd();
  EXPECT_NO_THROW(socket_at(claimed, SOCK_DGRAM));
}

}  // namespace
}  // namespace pingperf
