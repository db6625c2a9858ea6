"""Reads counters.csv of runs in which it is known what the kernel must have counted.

Usage: counters_e2e.py PATH_OF_PINGPERF [unittest arguments]
"""

import os
import sys

import network
import support
from support import EndToEnd

FLOOD = """
name: flood
plan: {repetitions: 2, cooldown: 0ms}
workloads:
  flood: {kind: throughput, engine: blocking, transport: udp, message_size: 1400B, receive_buffer: 4KiB,
          duration: 300ms, warmup: 50ms}
"""

# The server reads nothing at first, so its small receive buffer fills.
SLOW_READER = f"""
name: slow-reader
plan: {{repetitions: 2}}
programs:
  slow:
    stop: self
    kind: throughput
    server:
      - {sys.executable}
      - -c
      - |
        import json, socket, sys, time
        server = socket.socket()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 128 * 1024)
        server.bind((sys.argv[1], int(sys.argv[2])))
        server.listen()
        peer = server.accept()[0]
        time.sleep(0.3)
        count = 0
        while data := peer.recv(1 << 16):
            count += len(data)
        print(json.dumps({{{{"bits": 8 * count}}}}))
      - "{{address}}"
      - "{{port}}"
    client:
      - {sys.executable}
      - -c
      - |
        import socket, sys
        socket.create_connection((sys.argv[1], int(sys.argv[2]))).sendall(bytes(4 << 20))
      - "{{address}}"
      - "{{port}}"
    results: {{throughput_bps: {{json: /bits, of: server}}}}
workloads:
  bulk: {{kind: throughput, engine: slow}}
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
        counted = deltas(self.shared_run(SLOW_READER, name="slow"))
        self.assertGreater(counted["netstat", "TcpExt.TCPToZeroWindowAdv"], 0)
        self.assertGreater(counted["netstat", "TcpExt.TCPFromZeroWindowAdv"], 0)


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
