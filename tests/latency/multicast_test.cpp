#include "sockets/transport/multicast.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <future>
#include <thread>

#include "sockets/engines.h"
#include "sockets/transport/datagram.h"

namespace pingperf {
namespace {

using testing::HasSubstr;

Options three_receivers(Kind kind) {
  Options o;
  o.kind = kind;
  o.transport = Transport::multicast;
  o.message_size = kind == Kind::latency ? 64 : 1400;
  o.warmup = 0;
  o.receivers = 3;
  return o;
}

struct MulticastEnds {
  Measurement client, server;
};

// Runs a trial over loopback. `meanwhile` gets the address of the server, after its receivers have
// joined.
MulticastEnds run_multicast(const Engine& engine, const Options& of_client,
                            const Options& of_server,
                            const std::function<void(const Address&)>& meanwhile = {}) {
  EndpointConfig config;
  config.options = of_server;
  config.token = mint_token();
  config.address = Address::resolve("127.0.0.1", 0);
  config.deadline = now_ns() + 5 * kSecond;
  const auto server = engine.listen(config);
  auto accepted = std::async(std::launch::async, [&] { server->accept(); });
  config.options = of_client;
  config.address = server->address();
  const auto client = engine.connect(config);
  accepted.get();
  std::jthread other([&] {
    if (meanwhile) meanwhile(config.address);
  });
  auto served = std::async(std::launch::async, [&] { return server->run({}); });
  MulticastEnds ends;
  ends.client = client->run({});
  if (served.wait_for(std::chrono::seconds(2)) != std::future_status::ready) server->stop();
  ends.server = served.get();
  return ends;
}

TEST(Multicast, EveryReceiverAnswersEveryPing) {
  Options o = three_receivers(Kind::latency);
  o.messages = 50;
  o.verify = true;
  o.ping_timeout = 2 * kSecond;
  const MulticastEnds ends = run_multicast(multicast_latency(), o, o);
  EXPECT_EQ(ends.client.error + ends.server.error, "");
  EXPECT_EQ(ends.client.exchanges.value(), 150u);
  EXPECT_EQ(ends.client.lost.value(), 0u);
  ASSERT_EQ(ends.client.receivers.size(), 3u);
  for (const ReceiverFigures& receiver : ends.client.receivers) {
    EXPECT_EQ(receiver.received, 50u);
    EXPECT_EQ(receiver.lost, 0u);
    EXPECT_GT(receiver.rtt_p50_ns.value_or(0), 0);
  }
}

TEST(Multicast, AReceiverThatDoesNotAnswerLosesItsPingsAlone) {
  Options o = three_receivers(Kind::latency);
  o.messages = 5;
  o.ping_timeout = 300 * kMillisecond;
  Options two = o;
  two.receivers = 2;
  const MulticastEnds ends = run_multicast(multicast_latency(), o, two);
  EXPECT_EQ(ends.client.error, "");
  EXPECT_EQ(ends.client.exchanges.value(), 10u);
  EXPECT_EQ(ends.client.lost.value(), 5u);
  ASSERT_EQ(ends.client.receivers.size(), 3u);
  EXPECT_EQ(ends.client.receivers[1].lost, 0u);
  EXPECT_EQ(ends.client.receivers[2].lost, 5u);
  EXPECT_EQ(ends.client.receivers[2].rtt_p50_ns, std::nullopt);
}

TEST(Multicast, EveryReceiverGetsTheTransferAndNobodyElsesDatagrams) {
  Options o = three_receivers(Kind::throughput);
  o.messages = 500;
  o.rate_bps = 20'000'000;
  std::atomic<int> strays = 0;
  const MulticastEnds ends =
      run_multicast(multicast_throughput(), o, o, [&](const Address& server) {
        const Fd unauthenticated_peer(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        const Address own = Address::resolve("127.0.0.1", 0);
        ::bind(unauthenticated_peer.get(), own.data(), own.size());
        ::connect(unauthenticated_peer.get(), server.data(), server.size());
        const Address group = group_of(unauthenticated_peer.get(), o);
        std::vector<char> datagram(1400);
        set_header(datagram.data(), {1'000'000, 0});  // counted, it would be a loss of 999 500
        for (int i = 0; i < 20; ++i)
          strays += ::sendto(unauthenticated_peer.get(), datagram.data(), datagram.size(), 0,
                             group.data(), group.size()) == 1400;
      });
  EXPECT_EQ(ends.client.error + ends.server.error, "");
  EXPECT_EQ(strays, 20);
  EXPECT_EQ(ends.client.datagrams_sent.value(), 500u);
  ASSERT_EQ(ends.server.receivers.size(), 3u);
  for (const ReceiverFigures& receiver : ends.server.receivers) {
    EXPECT_GT(receiver.received, 0u);
    EXPECT_EQ(receiver.received + receiver.lost, 500u);
  }
}

TEST(Multicast, TheGroupIsAnIpv4MulticastAddress) {
  Options o = three_receivers(Kind::latency);
  for (const char* const group : {"192.0.2.1", "ff02::1", "everyone"}) {
    o.multicast_group = group;
    EXPECT_THAT(validate_multicast(o).value_or(""), HasSubstr("is not an IPv4 multicast address"));
  }
  o.multicast_group = "239.1.2.3";
  EXPECT_EQ(validate_multicast(o), std::nullopt);
}

}  // namespace
}  // namespace pingperf
