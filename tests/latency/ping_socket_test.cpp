// ICMP without CAP_NET_RAW (ping sockets, icmp(7)).
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "sockets/engines.h"
#include "sockets/transport/availability.h"
#include "tests/own_network.h"

namespace pingperf {
namespace {

// Moves this thread to a network namespace in which `groups` may open ping sockets. Then takes
// CAP_NET_RAW from the thread. Returns false without root.
bool become_an_unprivileged_pinger(const char* groups) {
  if (!enter_own_network()) return false;
  std::ofstream("/proc/sys/net/ipv4/ping_group_range") << groups;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2]{};
  if (::syscall(SYS_capget, &header, sets) != 0) return false;
  sets[0].effective &= ~(1u << CAP_NET_RAW);
  return ::syscall(SYS_capset, &header, sets) == 0;
}

TEST(PingSocket, AGroupInTheRangeMeasuresIcmp) {
  bool possible = false;
  std::thread([&] {
    possible = become_an_unprivileged_pinger("0 2147483647");
    if (!possible) return;
    ASSERT_NE(raw_unavailable(), std::nullopt);
    for (const Engine* const engine : socket_engines()) {
      if (engine->transport != Transport::icmp) continue;
      SCOPED_TRACE(engine->name);
      EXPECT_EQ(engine->unavailable(), std::nullopt);
      for (const char* const host : {"127.0.0.1", "::1"}) {
        EndpointConfig config;
        config.options = {.kind = Kind::latency, .transport = Transport::icmp};
        config.options.message_size = 64;
        config.options.warmup = 0;
        config.options.messages = 20;
        config.options.verify = true;
        config.token = mint_token();
        config.address = Address::resolve(host, 0);
        config.deadline = now_ns() + 5 * kSecond;
        const Measurement m = engine->connect(config)->run({});
        EXPECT_EQ(m.error, "") << host;
        EXPECT_EQ(m.exchanges.value_or(0) + m.lost.value_or(0), 20u) << host;
      }
    }
  }).join();
  if (!possible) GTEST_SKIP() << "requires root, for a network namespace";
}

TEST(PingSocket, NobodyElseMay) {
  bool possible = false;
  std::thread([&] {
    possible = become_an_unprivileged_pinger("1 0");
    if (possible) {
      EXPECT_THAT(icmp_unavailable().value_or(""), testing::HasSubstr("net.ipv4.ping_group_range"));
    }
  }).join();
  if (!possible) GTEST_SKIP() << "requires root, for a network namespace";
}

}  // namespace
}  // namespace pingperf
