#include "harness/engines/ports.h"

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "sockets/core/error.h"

namespace pingperf {
namespace {

// A port that no other process has at any address.
class Ports : public testing::Test {
 protected:
  // Returns a socket that is bound to the port at a host, and listens unless it is one of UDP.
  Fd socket_at(const std::string& host, int type = SOCK_STREAM) const {
    const Address address = at(host);
    Fd fd(check(::socket(address.family(), type, 0), "socket"));
    check(::bind(fd.get(), address.data(), address.size()), "bind");
    if (type == SOCK_STREAM) check(::listen(fd.get(), 1), "listen");
    return fd;
  }

  bool has_listener_at(const std::string& host) const { return has_listener(at(host)); }

  Address at(const std::string& host) const { return Address::resolve(host, port_.address.port()); }

 private:
  FreePort port_ = find_free_port(Address::resolve("0.0.0.0", 0));
};

TEST_F(Ports, AListenerIsAtItsAddressOnly) {
  const Fd server = socket_at("127.0.0.2");
  EXPECT_TRUE(has_listener_at("127.0.0.2"));
  EXPECT_FALSE(has_listener_at("127.0.0.1"));
  EXPECT_FALSE(has_listener_at("::1"));
}

TEST_F(Ports, AListenerAtAllAddressesIsAtEach) {
  const Fd server = socket_at("0.0.0.0");
  EXPECT_TRUE(has_listener_at("127.0.0.1"));
}

TEST_F(Ports, AnAddressOfAnotherHostOrOfAllHasEachListener) {
  EXPECT_FALSE(has_listener_at("0.0.0.0"));
  EXPECT_FALSE(has_listener_at("192.0.2.1"));
  const Fd server = socket_at("127.0.0.2");
  EXPECT_TRUE(has_listener_at("0.0.0.0"));
  EXPECT_TRUE(has_listener_at("192.0.2.1"));  // a router may forward it
}

TEST_F(Ports, AListenerOfIPv6) {
  if (!std::filesystem::exists("/proc/net/if_inet6")) GTEST_SKIP() << "this host has no IPv6";
  Fd server = socket_at("::1");
  EXPECT_TRUE(has_listener_at("::1"));
  EXPECT_FALSE(has_listener_at("127.0.0.1"));
  server = socket_at("::ffff:127.0.0.1");
  EXPECT_TRUE(has_listener_at("127.0.0.1"));
  EXPECT_FALSE(has_listener_at("127.0.0.2"));
  EXPECT_FALSE(has_listener_at("::1"));
  server = Fd();
  server = socket_at("::");
  EXPECT_TRUE(has_listener_at("::1"));
  EXPECT_TRUE(has_listener_at("127.0.0.1"));
}

TEST_F(Ports, ABoundSocketOfUdpReceives) {
  const Fd server = socket_at("127.0.0.1", SOCK_DGRAM);
  EXPECT_TRUE(has_listener_at("127.0.0.1"));
}

TEST_F(Ports, AConnectionIsNoListener) {
  Fd server = socket_at("127.0.0.1");
  const Address address = at("127.0.0.1");
  const Fd client(check(::socket(AF_INET, SOCK_STREAM, 0), "socket"));
  check(::connect(client.get(), address.data(), address.size()), "connect");
  const Fd accepted(check(::accept(server.get(), nullptr, nullptr), "accept"));
  server = Fd();
  EXPECT_FALSE(has_listener(address));
}

TEST(UnixListener, HasItsPath) {
  const Address address = Address::unix_path(fmt::format("@pingperf-ports-test-{}", ::getpid()));
  EXPECT_FALSE(has_listener(address));
  const Fd server(check(::socket(AF_UNIX, SOCK_STREAM, 0), "socket"));
  check(::bind(server.get(), address.data(), address.size()), "bind");
  EXPECT_TRUE(has_listener(address));
}

TEST(FreePorts, AreClaimedUntilTheyAreGivenUp) {
  FreePort port = find_free_port(Address::resolve("127.0.0.1", 0));
  EXPECT_EQ(port.address.host(), "127.0.0.1");
  EXPECT_EQ(port.address.port() % 2, 0);
  EXPECT_FALSE(has_listener(port.address));
  const Address claimed = Address::local_of(port.claim.get());
  const auto can_claim = [&] {
    const Fd fd(check(::socket(AF_UNIX, SOCK_DGRAM, 0), "socket"));
    return ::bind(fd.get(), claimed.data(), claimed.size()) == 0;
  };
  EXPECT_FALSE(can_claim());
  port.claim = Fd();
  EXPECT_TRUE(can_claim());
}

}  // namespace
}  // namespace pingperf
