#include "sockets/transport/stream.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>

#include "sockets/core/io.h"
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

// Returns the ends of an admitted connection over unix-seqpacket: client and server.
std::array<Fd, 2> seqpacket_ends(Options options) {
  EndpointConfig config;
  config.options = std::move(options);
  config.options.transport = Transport::unix_seqpacket;
  config.deadline = now_ns() + 20 * kSecond;
  config.address = Address::unix_path("@pingperf-stream-test-" + std::to_string(::getpid()));
  Fd listener = listen_stream(config);
  auto client = std::async(std::launch::async,
                           [&] { return std::move(kStreams.connect(config, 1).front()); });
  std::uint64_t rejected = 0;
  Fd server = std::move(kStreams.admit(std::move(listener), config, 1, rejected).front());
  return {client.get(), std::move(server)};
}

TEST(Stream, BothEndsOfAUnixConnectionHaveTheSendBuffer) {
  Options options;
  options.send_buffer = 8192;
  for (const Fd& end : seqpacket_ends(options)) {
    int bytes = 0;
    socklen_t size = sizeof bytes;
    ::getsockopt(end.get(), SOL_SOCKET, SO_SNDBUF, &bytes, &size);
    EXPECT_EQ(bytes, 2 * 8192);
  }
}

TEST(Stream, ASocketWithoutRoomForAMessageIsNotOpened) {
  EndpointConfig config;
  config.options.transport = Transport::unix_seqpacket;
  config.options.message_size = 20000;
  config.options.send_buffer = 8192;
  config.address = Address::unix_path("@pingperf-stream-test");
  try {
    open_stream(config);
    FAIL();
  } catch (const std::runtime_error& e) {
    EXPECT_THAT(e.what(), testing::StartsWith("message_size: a message over unix-seqpacket must "
                                              "fit into the send buffer, which holds 16352 bytes"));
  }
}

// Returns the error of three connections to a listener that admits none.
std::string error_of_three(const Fd& listener, Nanoseconds limit = 200 * kMillisecond) {
  EndpointConfig config;
  config.address = Address::local_of(listener.get());
  config.deadline = now_ns() + limit;
  try {
    kStreams.connect(config, 3);
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "";
}

Fd listener_on_loopback() {
  EndpointConfig config;
  config.address = Address::resolve("127.0.0.1", 0);
  return listen_stream(config);
}

TEST(Stream, TheTimeLimitEndsConnectsAndTheErrorSaysHowManyStood) {
  const Fd listener = listener_on_loopback();
  const std::string where = Address::local_of(listener.get()).to_string();
  ::listen(listener.get(), 0);  // the queue has room for one connection
  EXPECT_EQ(error_of_three(listener),
            "1 of 3 connections to " + where + " stood by the end of the time limit");
}

TEST(Stream, TheErrorSaysHowManyConnectionsWereAdmitted) {
  const Fd listener = listener_on_loopback();
  const std::string where = Address::local_of(listener.get()).to_string();
  EXPECT_EQ(error_of_three(listener),
            where +
                " did not admit this session by the end of the time limit: "
                "0 of 3 connections were admitted");
}

TEST(Stream, AServerThatClosesDidNotAdmitTheSessionAlsoWhileOthersConnect) {
  const Fd listener = listener_on_loopback();
  const std::string where = Address::local_of(listener.get()).to_string();
  ::listen(listener.get(), 0);  // the second connection waits for room in the queue
  std::thread server([&] {
    const Fd client(::accept(listener.get(), nullptr, nullptr));
    const linger reset{1, 0};
    ::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    char token[16];
    receive_all(client.get(), token, sizeof token);
  });
  EXPECT_EQ(error_of_three(listener, 20 * kSecond),
            where +
                " did not admit this session: Connection reset by peer: "
                "0 of 3 connections were admitted");
  server.join();
}

TEST(Stream, WithoutDescriptorsTheErrorSaysWhichConnectionOfHowMany) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the check of casts requires descriptors";
#endif
  const auto connect_with_few_descriptors = [] {
    const Fd listener = listener_on_loopback();
    EndpointConfig config;
    config.external = true;
    config.address = Address::local_of(listener.get());
    config.deadline = now_ns() + 20 * kSecond;
    const rlimit limit{16, 16};
    ::setrlimit(RLIMIT_NOFILE, &limit);
    try {
      kStreams.connect(config, 50);
    } catch (const std::runtime_error& e) {
      std::fputs(e.what(), stderr);
    }
    std::exit(0);
  };
  EXPECT_EXIT(connect_with_few_descriptors(), testing::ExitedWithCode(0),
              "connection [0-9]+ of 50: socket: Too many open files \\(ulimit -n: 16\\)");
}

TEST(Stream, AdmittedConnectionsBlock) {
  EndpointConfig config;
  config.token = mint_token();
  config.deadline = now_ns() + 20 * kSecond;
  config.address = Address::resolve("127.0.0.1", 0);
  Fd listener = listen_stream(config);
  config.address = Address::local_of(listener.get());
  std::vector<Fd> admitted;
  std::thread server([&, l = std::move(listener)]() mutable {
    std::uint64_t rejected = 0;
    admitted = kStreams.admit(std::move(l), config, 300, rejected);
  });
  const std::vector<Fd> flows = kStreams.connect(config, 300);  // more than are pending at once
  server.join();
  EXPECT_EQ(admitted.size(), 300u);
  for (const Fd& flow : flows) EXPECT_EQ(::fcntl(flow.get(), F_GETFL) & O_NONBLOCK, 0);
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
