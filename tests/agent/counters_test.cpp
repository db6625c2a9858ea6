// The counters of this host, changed by traffic of the test.
#include "harness/agent/counters.h"

#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>

#include <algorithm>

#include "sockets/core/error.h"

namespace pingperf {
namespace {

constexpr int kDatagrams = 200;

// Sends datagrams of 1 KiB over loopback to a socket with a small buffer, which does not read.
void overflow_a_socket() {
  const Fd receiver(check(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket"));
  const Fd sender(check(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket"));
  const int small = 1;  // the kernel takes its minimum
  check(::setsockopt(receiver.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small), "SO_RCVBUF");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  check(::bind(receiver.get(), any, size), "bind");
  check(::getsockname(receiver.get(), any, &size), "getsockname");
  const std::string datagram(1024, 'x');
  for (int i = 0; i < kDatagrams; ++i)
    ::sendto(sender.get(), datagram.data(), datagram.size(), 0, any, size);
}

double change_of(const std::vector<CounterChange>& changes, CounterSource source,
                 std::string_view name) {
  const auto found = std::ranges::find_if(
      changes, [&](const CounterChange& c) { return c.source == source && c.name == name; });
  return found == changes.end() ? 0 : found->difference;
}

TEST(HostCountersTest, DatagramsThatASocketHasNoRoomForAreCounted) {
  HostCounters counters;
  for (int round = 0; round < 2; ++round) {  // descriptors and memory are used again
    counters.begin({.begins = true, .network = true});
    overflow_a_socket();
    const std::vector<CounterChange> changes = counters.end();
    const double drops = change_of(changes, CounterSource::snmp, "Udp.RcvbufErrors");
    EXPECT_GE(drops, kDatagrams / 2);
    EXPECT_GE(change_of(changes, CounterSource::snmp, "Udp.OutDatagrams"), kDatagrams);
    for (const CounterChange& change : changes) {
      EXPECT_FALSE(is_kernel_wide(change.source)) << change.name;
      EXPECT_NE(change.difference, 0) << change.name;
    }
  }
}

TEST(HostCountersTest, TheTracepointNamesTheReason) {
  Tracepoints probe;
  probe.count(false);
  overflow_a_socket();
  if (probe.read().empty()) GTEST_SKIP() << "tracepoints need bpf(2): root, Linux 5.8";
  HostCounters counters;
  counters.begin({.begins = true, .kernel = true, .network = true});
  overflow_a_socket();
  const std::vector<CounterChange> changes = counters.end();
  EXPECT_GE(change_of(changes, CounterSource::tracepoint, "skb:kfree_skb SOCKET_RCVBUFF"),
            change_of(changes, CounterSource::snmp, "Udp.RcvbufErrors"));
}

TEST(HostCountersTest, FrequentTracepointsAreCountedOnlyOnRequest) {
  const auto polls = [](bool all) {
    HostCounters counters;
    counters.begin({.begins = true, .kernel = true, .all = all});
    overflow_a_socket();
    return change_of(counters.end(), CounterSource::tracepoint, "napi:napi_poll");
  };
  if (polls(true) == 0) GTEST_SKIP() << "tracepoints need bpf(2): root, Linux 5.8";
  EXPECT_EQ(polls(false), 0);
}

TEST(HostCountersTest, NothingIsReadThatIsNotRequestedOrNotBegun) {
  HostCounters counters;
  EXPECT_TRUE(counters.end().empty());
  counters.begin({.begins = true, .kernel = true});
  overflow_a_socket();
  for (const CounterChange& change : counters.end()) EXPECT_TRUE(is_kernel_wide(change.source));
  EXPECT_TRUE(counters.end().empty());
}

}  // namespace
}  // namespace pingperf
