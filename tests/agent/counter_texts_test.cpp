// The counters in texts as those of /proc, and their changes.
#include "harness/agent/counter_texts.h"

#include <gmock/gmock.h>

#include "harness/agent/tracepoints.h"

namespace pingperf {
namespace {

using enum CounterSource;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

TEST(CounterTexts, SnmpHasPairsOfLinesAndLeavesOutSettings) {
  EXPECT_THAT(
      parse_counters(snmp,
                     "Ip: Forwarding DefaultTTL InReceives\nIp: 2 64 11\n"
                     "Tcp: MaxConn CurrEstab RetransSegs NewColumn\nTcp: -1 3 7 5\n"),
      ElementsAre(Pair("Ip.InReceives", 11), Pair("Tcp.NewColumn", 5), Pair("Tcp.RetransSegs", 7)));
}

TEST(CounterTexts, ADamagedPairOfLinesGivesWhatItHas) {
  EXPECT_THAT(parse_counters(netstat, "TcpExt: A B\nIpExt: 1 2\n"), IsEmpty());
  EXPECT_THAT(parse_counters(netstat, "TcpExt: A B C\nTcpExt: 1 x\n"),
              ElementsAre(Pair("TcpExt.A", 1)));
  EXPECT_THAT(parse_counters(netstat, "TcpExt: A B"), IsEmpty());
  EXPECT_THAT(parse_counters(netstat, ""), IsEmpty());
}

TEST(CounterTexts, Snmp6HasOneNamePerLine) {
  EXPECT_THAT(parse_counters(snmp6, "Ip6InReceives                   \t17\nUdp6InErrors \t0\n"),
              ElementsAre(Pair("Ip6InReceives", 17), Pair("Udp6InErrors", 0)));
}

TEST(CounterTexts, SoftnetStatIsHexadecimalAndNamesItsCpu) {
  const std::string zeros = " 00000000 00000000 00000000 00000000 00000000 00000000";
  EXPECT_THAT(parse_counters(softnet_stat, "0000000a 00000001 00000002" + zeros +
                                               " 00000003 00000004 00000000 00000005 00000000\n"),
              ElementsAre(Pair("dropped cpu5", 1), Pair("flow_limit_count cpu5", 4),
                          Pair("processed cpu5", 10), Pair("received_rps cpu5", 3),
                          Pair("time_squeeze cpu5", 2)));
  // Older kernels have fewer columns: the line is the CPU.
  EXPECT_THAT(parse_counters(softnet_stat, "00000001 00000002\n00000003 00000004\n"),
              ElementsAre(Pair("dropped cpu0", 2), Pair("dropped cpu1", 4),
                          Pair("processed cpu0", 1), Pair("processed cpu1", 3)));
}

constexpr std::string_view kInterrupts =
    "           CPU0       CPU2\n"
    " 24:          1          2  IO-APIC   5-edge      ACPI:Ged\n"
    " 41:          3          4 PCI-MSIX-0000:00:04.0   1-edge      virtio3-rx\n"
    " 42:          5          6 PCI-MSIX-0000:00:04.0   2-edge      virtio3-rx\n"
    " 43:          7          8 PCI-MSIX-0000:00:04.0\n"
    "LOC:         10         20   Local timer interrupts\n"
    "ERR:         30\n";

TEST(CounterTexts, InterruptsAreNamedByTheirDevicesAndAddedUp) {
  EXPECT_THAT(parse_counters(interrupts, kInterrupts),
              ElementsAre(Pair("43", 15), Pair("ACPI:Ged", 3), Pair("ERR", 30), Pair("LOC", 30),
                          Pair("virtio3-rx", 18)));
}

TEST(CounterTexts, AllCountersAreThoseOfEachCpu) {
  EXPECT_THAT(
      parse_counters(interrupts, "  CPU0 CPU2\nLOC: 10 20   Local timer interrupts\n", true),
      ElementsAre(Pair("LOC cpu0", 10), Pair("LOC cpu2", 20)));
}

TEST(CounterTexts, SoftirqsOfTheNetworkAreThoseOfEachCpu) {
  EXPECT_THAT(parse_counters(softirqs, "  CPU0  CPU1\n  TIMER: 1 2\n NET_RX: 3 4\n"),
              ElementsAre(Pair("NET_RX cpu0", 3), Pair("NET_RX cpu1", 4), Pair("TIMER", 3)));
}

TEST(CounterTexts, StatHasTheTimesOfEachCpuAndTwoCounts) {
  EXPECT_THAT(parse_counters(stat,
                             "cpu  9 9 9 9\ncpu1 1 2 3 4 5 6 7 8 0 0\nintr 5 1 2\nctxt 70\n"
                             "btime 5\nprocesses 6\nprocs_running 2\n"),
              ElementsAre(Pair("ctxt", 70), Pair("idle cpu1", 4), Pair("iowait cpu1", 5),
                          Pair("irq cpu1", 6), Pair("nice cpu1", 2), Pair("processes", 6),
                          Pair("softirq cpu1", 7), Pair("steal cpu1", 8), Pair("system cpu1", 3),
                          Pair("user cpu1", 1)));
}

TEST(CounterTexts, PressureIsATimeInSeconds) {
  const auto at = [](int us) {
    return parse_counters(pressure,
                          "some avg10=0.00 avg60=0.00 avg300=0.00 total=" + std::to_string(us) +
                              "\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
                          false, "cpu ");
  };
  const std::vector<CounterChange> changes = changes_between(pressure, at(1000), at(251'000));
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].name, "cpu some");
  EXPECT_DOUBLE_EQ(changes[0].difference, 0.25);
}

TEST(CounterTexts, OnlyChangesAreReturnedAndANewCounterWasZero) {
  const std::vector<CounterChange> changes =
      changes_between(snmp, {{"A", 5}, {"B", 5}, {"Gone", 1}}, {{"A", 5}, {"B", 7}, {"New", 3}});
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes[0].name, "B");
  EXPECT_EQ(changes[0].difference, 2);
  EXPECT_EQ(changes[1].name, "New");
  EXPECT_EQ(changes[1].difference, 3);
}

TEST(CounterTexts, CountersOf32BitsWrap) {
  constexpr std::uint64_t kWrap = 1ull << 32;
  EXPECT_EQ(difference(snmp, kWrap - 2, 3), 5);
  EXPECT_EQ(difference(softnet_stat, kWrap - 2, 3), 5);
  EXPECT_EQ(difference(interrupts, 3 * kWrap - 2, 2 * kWrap + 3), 5);  // a sum, of which one wraps
  EXPECT_EQ(difference(ethtool, 5 * kWrap, 5 * kWrap + 7), 7);
  EXPECT_EQ(difference(ethtool, 10, 4), -6);  // a value that is no counter
  EXPECT_EQ(difference(snmp, ~0ull, 1), 2);   // 64 bits wrap, too
}

TEST(DropReasons, AreReadFromTheFormatOfTheTracepoint) {
  const std::vector<std::string> reasons = drop_reasons(
      "name: kfree_skb\nprint fmt: \"%s {x}\", __print_symbolic(REC->reason, { 2, "
      "\"NOT_SPECIFIED\" }, { 6, \"SOCKET_RCVBUFF\" }, { 70000, \"SUBSYSTEM\" })\n");
  ASSERT_EQ(reasons.size(), 7u);
  EXPECT_EQ(reasons[2], "NOT_SPECIFIED");
  EXPECT_EQ(reasons[5], "");
  EXPECT_EQ(reasons[6], "SOCKET_RCVBUFF");
}

TEST(DropReasons, OfAKernelWithoutReasonsAreNone) {
  for (const char* const format :
       {"", "print fmt: \"protocol=%u\", REC->protocol\n", "__print_symbolic(REC->reason,",
        "__print_symbolic(REC->reason, { 2, \"NOT", "__print_symbolic(REC->reason, { x })"})
    EXPECT_THAT(drop_reasons(format), IsEmpty()) << format;
}

}  // namespace
}  // namespace pingperf
