"""Checks that figures mean what their columns say, for every family of engines.

Usage: measurements_e2e.py PATH_OF_PINGPERF [unittest arguments]
"""

import json
import os
import resource
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy
import pandas

import support
from support import pingperf, processes_of

VARIANTS = """
name: variants
plan: {repetitions: 1, cooldown: 0ms}
defaults: {duration: 300ms, warmup: 100ms}
workloads:
  tcp:
    kind: throughput
    matrix: {engine: [iperf3, blocking], streams: [1, 2]}
  reverse: {kind: throughput, reverse: true, matrix: {engine: [iperf3, blocking]}}
  both: {kind: throughput, bidirectional: true, matrix: {engine: [iperf3, blocking]}}
  limited: {kind: throughput, bytes: 50MB, warmup: 0s, matrix: {engine: [iperf3, blocking]}}
  paced: {kind: throughput, rate: 80mbit, streams: 2, matrix: {engine: [iperf3, blocking]}}
  udp_reverse:
    kind: throughput
    transport: udp
    rate: 50mbit
    reverse: true
    matrix: {engine: [iperf3, blocking]}
  v6: {kind: throughput, ip: 6, matrix: {engine: [iperf3, blocking]}}
  options:
    kind: throughput
    send_buffer: 256KiB
    receive_buffer: 256KiB
    congestion_control: reno
    nodelay: true
    dscp: 10
    matrix: {engine: [iperf3, blocking]}
"""


class Variants(support.EndToEnd):
    """Checks that the columns mean the same for both families of engines."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()

        def run(engine):
            return cls.shared_run(VARIANTS, "--only", f"*engine={engine}*", name=engine).table()

        # At once, because a trial of libiperf takes a second to measure 300 ms.
        with ThreadPoolExecutor(2) as pool:
            cls.variants = pandas.concat(pool.map(run, ("iperf3", "blocking")), ignore_index=True)

    def test_every_variant_is_measured_alike_by_iperf3_and_sockets(self):
        trials = self.variants
        self.assertEqual(set(trials.status), {"ok"}, trials.error.dropna().tolist())
        self.assertEqual(sorted(trials.engine), ["blocking"] * 9 + ["iperf3"] * 9)
        timed = trials[trials.workload != "limited"]
        for end in ("client_window_s", "server_window_s"):
            self.assertTrue(timed[end].between(0.15, 0.6).all(), timed[["case", end]])
        for column in ("throughput_bps", "client_cpu_s", "server_cpu_s", "cpu_s_per_gb"):
            self.assertTrue((trials[column] > 0).all(), trials[["case", column]])
        self.assertTrue((trials[trials.transport == "tcp"].tcp_rtt_mean_ns.dropna() > 0).all())

    def test_ends_count_what_flowed_in_their_direction(self):
        trials = self.variants.set_index("case")
        for engine in ("iperf3", "blocking"):
            reverse = trials.loc[f"reverse/engine={engine}"]
            self.assertGreater(reverse.client_bytes_received, 0)
            self.assertTrue(pandas.isna(reverse.client_bytes_sent))
            both = trials.loc[f"both/engine={engine}"]
            for column in ("client_bytes_sent", "client_bytes_received", "server_bytes_sent",
                           "server_bytes_received"):
                self.assertGreater(both[column], 0)
            limited = trials.loc[f"limited/engine={engine}"]
            # libiperf's server leaves unread what is in flight when the client reports its end.
            self.assertGreaterEqual(limited.total_bytes_received, 40e6)
            self.assertLessEqual(limited.total_bytes_received, 60e6)

    def test_a_rate_is_the_sum_over_all_streams(self):
        rates = self.variants[self.variants.workload == "paced"].throughput_bps
        self.assertEqual(len(rates), 2)
        for rate in rates:
            self.assertLess(rate, 130e6)
            self.assertGreater(rate, 20e6)


class Latency(support.EndToEnd):
    def ping(self, workload, *arguments, top=""):
        file = self.experiment(f"""
name: ping
plan: {{repetitions: 1, cooldown: 0ms}}
{top}
defaults: {{duration: 200ms, warmup: 50ms, pin: {{client: 0, server: 0}}}}
workloads:
  ping: {{kind: latency, engine: blocking, {workload}}}
""")
        done = self.run_ok(file, *arguments)
        return done, self.trials().iloc[0]

    def test_samples_are_an_array_that_numpy_loads(self):
        _, row = self.ping("samples: all")
        samples = numpy.load(self.run_directory() / "samples/ping-1.npy")
        self.assertEqual(len(samples), row.exchanges)
        self.assertTrue((numpy.diff(samples["sent_ns"]) > 0).all())
        self.assertTrue((samples["sent_ns"] < 250e6).all())
        self.assertAlmostEqual(numpy.median(samples["rtt_ns"]), row.rtt_p50_ns, delta=0.002 * row.rtt_p50_ns)
        self.assertEqual(samples["rtt_ns"].max(), row.rtt_max_ns)

    def test_the_echo_servers_of_the_documentation_can_be_measured(self):
        for transport, script in zip(("tcp", "udp"), support.servers_of("latency.md")):
            with self.subTest(transport):
                run = support.Run(self.folder / transport, self.experiment(f"""
name: echo
plan: {{repetitions: 1}}
hosts: {{server: {{external: 127.0.0.1, port: {self.start_server(script)}}}}}
workloads: {{ping: {{kind: latency, engine: blocking, transport: {transport}, duration: 100ms}}}}
"""))
                self.assertGreater(run.table().exchanges[0], 0)

    def test_a_server_that_is_no_echo_server_is_named(self):
        port = self.start_server("""
import http.server
http.server.ThreadingHTTPServer(("192.0.2.20", 5207), http.server.SimpleHTTPRequestHandler).serve_forever()
""")
        file = self.experiment(f"""
name: web
plan: {{repetitions: 1}}
hosts: {{server: {{external: 127.0.0.1, port: {port}}}}}
workloads:
  ping: {{kind: latency, engine: blocking}}
  connect: {{kind: connect, engine: epoll}}
""")
        self.assertEqual(pingperf("run", "-o", self.results, file).returncode, 3)
        for error in self.trials().error:
            self.assertIn(f"client: 127.0.0.1:{port} answered with other bytes: not an echo server", error)

    def test_a_pong_that_a_user_started_can_be_measured(self):
        _, port = self.serve("pong")
        _, row = self.ping("", "--set", "workloads.ping.pin={client: 0}",
                           top=f"hosts: {{server: {{external: 127.0.0.1, port: {port}}}}}")
        self.assertGreater(row.exchanges, 0)
        self.assertEqual(row.server_host, "127.0.0.1")
        self.assertTrue(pandas.isna(row.server_cpu_s))  # the external server does not report it
        environment = json.loads((self.run_directory() / "environment.json").read_text())
        self.assertEqual(environment["hosts"]["server"], {"external": "127.0.0.1"})

    def test_kernel_stamps_add_up_to_the_round_trip(self):
        _, row = self.ping("timestamps: kernel")
        parts = row[["app_to_kernel_p50_ns", "kernel_to_kernel_p50_ns", "kernel_to_app_p50_ns", "turnaround_p50_ns"]]
        self.assertTrue((parts > 0).all(), parts)
        self.assertGreater(row.oneway_forward_p50_ns, 0)  # both ends on this host: one clock

    def test_unpinned_latency_gives_one_warning(self):
        done, _ = self.ping("", "--set", "plan.repetitions=3", "--set", "defaults.duration=50ms")
        self.assertNotIn("warning", done.stderr)
        file = self.experiment("""
name: unpinned
plan: {repetitions: 2, cooldown: 0ms}
defaults: {duration: 50ms, warmup: 10ms}
workloads: {ping: {kind: latency, engine: blocking, matrix: {transport: [tcp, udp]}}}
""")
        done = pingperf("run", "-o", self.folder / "other", file)
        self.assertEqual(done.stderr.count("latency without pin"), 1, done.stderr)

    def test_ten_thousand_flows_on_one_thread_per_side(self):
        if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 10_100:
            self.skipTest("needs 10 100 file descriptors (ulimit -Hn)")
        file = self.experiment("""
name: flows
plan: {repetitions: 1, timeout: 60s}
workloads:
  flows: {kind: latency, engine: epoll, streams: 10000, duration: 1s, warmup: 100ms, pin: {client: 0, server: 1}}
""")
        run = self.start("run", "-q", "-o", self.results, file, start_new_session=True, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
        peak_kib = 0
        while run.poll() is None:
            for process in processes_of(run.pid):
                try:
                    status = Path(f"/proc/{process}/status").read_text()
                except OSError:
                    continue
                peak_kib = max(peak_kib, *(int(line.split()[1]) for line in status.splitlines()
                                           if line.startswith("VmHWM")), 0)
            time.sleep(0.02)
        self.assertEqual(run.returncode, 0)
        row = self.trials().iloc[0]
        self.assertGreater(row.exchanges, 10_000)
        self.assertGreater(row.fairness_index, 0.5)
        # pingperf itself may take 4 KiB per flow, beyond what a worker with one flow takes.
        if not os.environ.get("PINGPERF_SANITIZE"):
            self.assertLess(peak_kib, 10_000 * 4 + 20_000)


FEW_PORTS = """
name: ports
plan: {repetitions: 1, cooldown: 0ms}
defaults: {kind: connect, duration: 500ms, warmup: 0ms, streams: 4}
workloads:
  closed: {matrix: {engine: [blocking, epoll, io_uring]}}
  reset: {reset_on_close: true, matrix: {engine: [blocking, epoll, io_uring]}}
"""
PORTS = 40


class Connections(support.EndToEnd):
    def with_few_ports(self, only):
        """Runs cases in a network namespace of their own. Returns the trials."""
        if os.geteuid() != 0:
            self.skipTest("a network namespace needs root")
        results = self.folder / only.replace("/", "-")
        setup = ("ip link set lo up && cd /proc/sys/net/ipv4 && echo 0 > tcp_tw_reuse && "
                 f"echo 40000 {40000 + PORTS - 1} > ip_local_port_range && exec \"$@\"")
        done = subprocess.run(["unshare", "--net", "sh", "-c", setup, "sh", support.PINGPERF, "run", "-o", results,
                               "--only", only, self.experiment(FEW_PORTS)],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        trials = support.read_table(support.run_directory(results) / "trials.csv")
        self.assertEqual(set(trials.status), {"ok"}, trials.error.tolist())
        return trials, done.stdout

    def test_used_up_ports_are_waited_for_and_reported(self):
        for engine in ("blocking", "epoll", "io_uring"):
            with self.subTest(engine):
                trials, printed = self.with_few_ports(f"closed/engine={engine}")
                row = trials.iloc[0]
                self.assertLess(row.exchanges, PORTS)
                self.assertGreater(row.port_waits, 0)
                self.assertGreaterEqual(row.time_waits, row.exchanges)
                self.assertIn("for an ephemeral port", row.quality)
                self.assertIn("for an ephemeral port", printed)

    def test_connections_that_are_reset_use_up_no_ports(self):
        trials, printed = self.with_few_ports("reset/*")
        self.assertEqual(len(trials), 3)
        self.assertTrue((trials.exchanges > PORTS).all(), trials.exchanges)
        self.assertEqual(set(trials.port_waits), {0})
        self.assertTrue((trials.time_waits < PORTS).all(), trials.time_waits)
        self.assertIn("TIME_WAIT", printed)

    def test_a_pong_that_a_user_started_serves_many_connections(self):
        _, port = self.serve("pong", "--concurrent")
        run = self.run_ok(self.experiment(f"""
name: external
plan: {{repetitions: 1, cooldown: 0ms}}
hosts: {{server: {{external: 127.0.0.1, port: {port}}}}}
defaults: {{kind: connect, streams: 8, reset_on_close: true, verify: true, messages: 200}}
workloads:
  connect: {{matrix: {{engine: [blocking, epoll, io_uring]}}}}
"""))
        self.assertEqual(run.table().exchanges.tolist(), [200, 200, 200])


class Throughput(support.EndToEnd):
    HAS_PRIORITY = True

    def test_engines_that_avoid_a_copy_are_marked(self):
        self.run_ok(self.experiment("""
name: copies
plan: {repetitions: 6, cooldown: 0ms}
defaults: {kind: throughput, duration: 50ms, warmup: 0ms}
workloads: {bulk: {matrix: {engine: [blocking, epoll, splice]}}}
compare: [{metric: throughput_bps, axis: engine, baseline: blocking}]
"""))
        trials = self.trials()
        self.assertEqual(trials.groupby("engine").copies.unique().map(list).to_dict(),
                         {"blocking": [2], "epoll": [2], "splice": [1]})
        rows = pandas.read_csv(self.run_directory() / "comparisons.csv").set_index("case")
        self.assertIn("1 against 2 copies", rows.loc["bulk/engine=splice"].note)
        self.assertTrue(pandas.isna(rows.loc["bulk/engine=epoll"].note))

    def test_a_sink_that_a_user_started_takes_streams_and_datagrams(self):
        for transport in ("tcp", "udp"):
            sink, port = self.serve("sink", "--transport", transport)
            run = support.Run(self.folder / transport, self.experiment(f"""
name: sink
hosts: {{server: {{external: 127.0.0.1, port: {port}}}}}
plan: {{repetitions: 1}}
workloads: {{bulk: {{kind: throughput, engine: blocking, transport: {transport}, duration: 200ms, warmup: 0ms}}}}
"""))
            row = run.table().iloc[0]
            self.assertGreater(row.sent_bps, 0)
            self.assertTrue(pandas.isna(row.throughput_bps))  # the external receiver does not report it
            line = sink.stdout.readline()
            self.assertRegex(line, r"^127\.0\.0\.1:\d+: .*bit/s")
            self.assertEqual("lost" in line, transport == "udp", line)
            sink.send_signal(signal.SIGINT)
            self.assertEqual(sink.wait(timeout=10), 0)

    def test_the_sink_of_the_documentation_takes_a_stream(self):
        port = self.start_server(support.servers_of("throughput.md")[0])
        run = self.run_ok(self.experiment(f"""
name: sink
hosts: {{server: {{external: 127.0.0.1, port: {port}}}}}
plan: {{repetitions: 1}}
workloads: {{bulk: {{kind: throughput, engine: blocking, duration: 200ms, warmup: 0ms}}}}
"""))
        self.assertGreater(run.table().sent_bps[0], 0)

    def test_shapes_of_traffic_are_those_of_the_file(self):
        self.run_ok(self.experiment("""
name: shapes
plan: {repetitions: 1, cooldown: 0ms}
defaults: {kind: throughput, engine: blocking, message_size: 1000, duration: 400ms, warmup: 40ms}
workloads:
  mix:
    messages: 240
    warmup: 0ms
    rate: 20mbit
    receive_buffer: 1MiB
    matrix: {transport: [tcp, udp], engine: [blocking, epoll], size_mix: [{1KiB: 1, 64: 3}]}
  pauses: {rate: 80mbit, on_off: {on: 20ms, off: 10s}, warmup: 0ms}
  frames:
    frame: {every: 20ms, bytes: 50500, deadline: 30s}
    matrix: {transport: [tcp, udp]}
"""))
        trials = self.trials().set_index("workload")
        mix = trials.loc["mix"]
        self.assertEqual(set(mix.size_mix), {"64:3 1024:1"})
        self.assertTrue(mix.message_size_bytes.isna().all())
        self.assertEqual(set(mix.total_bytes_sent), {60 * (3 * 64 + 1024)})
        self.assertLessEqual(trials.loc["pauses"].bytes_sent, 80e6 / 8 * 0.02 + 2000)
        frames = trials.loc["frames"]
        self.assertEqual(set(frames.frames), {20})
        self.assertEqual(set(frames.frames_late), {0})
        self.assertTrue((frames.total_bytes_sent % 50500 == 0).all())
        self.assertEqual(set(frames[frames.transport == "tcp"].frames_dropped), {0})
        self.assertTrue((frames.frame_p50_ns > 0).all())

    def test_five_hundred_streams_are_all_served(self):
        self.run_ok(self.experiment("""
name: streams
plan: {repetitions: 1, cooldown: 0ms, timeout: 60s}
defaults: {kind: throughput, streams: 512, duration: 1s, warmup: 200ms, message_size: 16KiB}
workloads:
  threads: {engine: blocking}
  epoll: {engine: epoll, threads: 2}
"""))
        trials = self.trials()
        self.assertTrue((trials.fairness_index > 1 / 512).all())
        self.assertTrue((trials.throughput_bps > 0).all())


if __name__ == "__main__":
    support.main()
