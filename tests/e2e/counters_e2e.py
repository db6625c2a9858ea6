"""Reads counters.csv of runs in which it is known what the kernel must have counted.

Usage: counters_e2e.py PATH_OF_PINGPERF [unittest arguments]
"""

import os
import signal
import time

import network
import support
from support import EndToEnd, eventually, is_measuring, processes_of

FLOOD = """
name: flood
plan: {repetitions: 2, cooldown: 0ms}
workloads:
  flood: {kind: throughput, engine: blocking, transport: udp, message_size: 1400B, receive_buffer: 4KiB,
          duration: 300ms, warmup: 50ms}
"""

BULK = """
name: bulk
hosts: {{server: {{external: 127.0.0.1, port: {port}}}}}
plan: {{repetitions: 1}}
workloads:
  bulk: {{kind: throughput, engine: blocking, transport: tcp, duration: 1500ms, warmup: 100ms}}
"""

LAB = """
name: bottleneck
lab: {rate: 20mbit, buffer: 20ms}
plan: {repetitions: 1}
workloads:
  bulk: {kind: throughput, engine: blocking, transport: udp, rate: 60mbit, message_size: 1400B, duration: 500ms,
         warmup: 100ms}
"""


def deltas(run, **where):
    """Returns the sum of the changes over the trials by source and name, of rows with these cells."""
    rows = run.table("counters.csv")
    for column, value in where.items():
        rows = rows[rows[column] == value]
    return rows.groupby(["source", "name"]).delta.sum().to_dict()


def need_tracepoints(test):
    if os.geteuid() != 0:
        test.skipTest("tracepoints need root")
    if not any(name.startswith("skb:kfree_skb ") for _, name in deltas(test.flood)):
        test.skipTest("this kernel does not permit bpf(2), or its kfree_skb has no reasons")


class Loopback(EndToEnd):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.flood = cls.shared_run(FLOOD)

    def test_a_small_receive_buffer_shows_as_errors_of_udp_and_drops_of_the_socket(self):
        counted = deltas(self.flood)
        self.assertGreater(counted["snmp", "Udp.RcvbufErrors"], 0)
        self.assertGreater(counted["socket", "drops"], 0)
        self.assertLessEqual(counted["socket", "drops"], counted["snmp", "Udp.RcvbufErrors"])
        self.assertEqual(set(self.flood.table("counters.csv").block), {1, 2})

    def test_the_kernel_names_the_reason_of_the_drops(self):
        need_tracepoints(self)
        counted = deltas(self.flood)
        self.assertGreaterEqual(counted["tracepoint", "skb:kfree_skb SOCKET_RCVBUFF"],
                                counted["snmp", "Udp.RcvbufErrors"])

    def test_what_both_ends_share_is_counted_once(self):
        rows = self.flood.table("counters.csv")
        self.assertEqual(set(rows[rows.source != "socket"].host), {"both"})
        self.assertEqual(set(rows[rows.source == "socket"].host), {"server"})
        self.assertFalse(rows.duplicated(["block", "host", "source", "name"]).any())
        self.assertFalse((rows.delta == 0).any())

    def test_off_counts_nothing_and_all_counts_each_cpu(self):
        file = self.experiment(FLOOD)
        off = support.Run(self.folder / "off", file, "--set", "plan.counters=off")
        self.assertTrue(off.table("counters.csv").empty)
        every = support.Run(self.folder / "all", file, "--set", "plan.counters=all")
        names = {name for source, name in deltas(every) if source in ("softirqs", "interrupts")}
        self.assertTrue(names)
        self.assertEqual({name for name in names if " cpu" not in name and name not in ("ERR", "MIS")}, set())

    def test_a_stopped_reader_shows_as_zero_windows(self):
        sink, port = self.serve("sink")
        run = self.start("run", "-q", self.experiment(BULK.format(port=port)), "-o", self.results,
                         start_new_session=True)
        self.assertTrue(eventually(lambda: is_measuring(processes_of(run.pid))))
        for _ in range(8):  # at a full buffer the kernel may drop a packet instead
            sink.send_signal(signal.SIGSTOP)
            time.sleep(0.06)
            sink.send_signal(signal.SIGCONT)
            time.sleep(0.06)
        self.assertEqual(run.wait(timeout=60), 0)
        rows = support.read_table(self.run_directory() / "counters.csv")
        self.assertEqual(set(rows.host), {"client"})
        counted = rows.set_index("name").delta
        self.assertGreater(counted["TcpExt.TCPToZeroWindowAdv"], 0)
        self.assertGreater(counted["TcpExt.TCPFromZeroWindowAdv"], 0)


class Lab(network.Network):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.flood = cls.shared_run(FLOOD, name="flood")
        cls.lab = cls.shared_run(LAB, name="lab")

    def test_a_full_buffer_of_the_bottleneck_shows_as_drops_of_its_qdisc(self):
        need_tracepoints(self)
        drops = {name: count for (_, name), count in deltas(self.lab, source="tracepoint").items()
                 if name.startswith("skb:kfree_skb QDISC_")}
        sent = deltas(self.lab, host="client")["snmp", "Udp.OutDatagrams"]
        got = deltas(self.lab, host="server")["snmp", "Udp.InDatagrams"]
        self.assertGreater(sum(drops.values()), 0.9 * (sent - got), (drops, sent, got))
        self.assertGreater(sum(drops.values()), 0.2 * sent)

    def test_each_end_has_the_counters_of_its_namespace_and_the_kernel_is_counted_once(self):
        rows = self.lab.table("counters.csv")
        hosts = rows.groupby("source").host.agg(set).to_dict()
        self.assertEqual(hosts["snmp"], {"client", "server"})
        self.assertEqual(hosts["stat"], {"both"})
        self.assertEqual(hosts["softirqs"], {"both"})


if __name__ == "__main__":
    support.main()
