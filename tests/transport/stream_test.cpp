#include "sockets/transport/stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <stdexcept>

#include "sockets/transport/availability.h"

namespace pingperf {
namespace {

TEST(Stream, AConnectionThatFellBackFromMptcpToTcpIsAnError) {
  if (const auto why = mptcp_unavailable()) GTEST_SKIP() << *why;
  EndpointConfig config;
  config.external = true;
  config.deadline = now_ns() + 5 * kSecond;
  config.address = Address::resolve("127.0.0.1", 0);
  for (const Transport of_server : {Transport::tcp, Transport::mptcp}) {
    config.options.transport = of_server;
    config.address = Address::resolve("127.0.0.1", 0);
    const Fd listener = listen_stream(config);
    config.address = Address::local_of(listener.get());
    config.options.transport = Transport::mptcp;
    try {
      kStreams.connect(config, 1);
      EXPECT_EQ(of_server, Transport::mptcp);
    } catch (const std::runtime_error& e) {
      EXPECT_EQ(of_server, Transport::tcp);
      EXPECT_THAT(e.what(), testing::HasSubstr("fell back from MPTCP to TCP"));
    }
  }
}

TEST(Stream, AddressesOfVsockAreText) {
  for (const char* const text : {"vsock:1:5201", "vsock:4294967295:4294967295"})
    EXPECT_EQ(Address::parse(text).to_string(), text);
  EXPECT_EQ(Address::parse("vsock:3").to_string(), "vsock:3:4294967295");
  for (const char* const wrong : {"vsock:", "vsock:x:1", "vsock:1:", "vsock:1:2:3", "vsock:-1:2"})
    EXPECT_THROW(Address::parse(wrong), std::runtime_error) << wrong;
}

}  // namespace
}  // namespace pingperf
