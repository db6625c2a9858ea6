"""Runs real experiments with the pingperf binary and reads its files back with pandas and csv.

Usage: pingperf_e2e.py PATH_OF_PINGPERF [unittest arguments]
"""

import csv
import ctypes
import errno
import io
import json
import os
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree
from pathlib import Path

import numpy
import pandas

PINGPERF = "pingperf"  # set from the command line
SOURCE = Path(__file__).resolve().parents[2]
SHORT = ["--set", "defaults.duration=200ms", "--set", "defaults.warmup=50ms"]

NULL_TRIALS = """
name: many
plan: {repetitions: 20, cooldown: 0ms}
workloads:
  nothing: {kind: throughput, engine: null, duration: 100ms, warmup: 0ms}
"""


def pingperf(*arguments, **options):
    return subprocess.run([PINGPERF, *map(str, arguments)], capture_output=True, text=True,
                          timeout=120, **options)


def refuse_calls(*numbers):
    """From now on this process and its children get EPERM of these system calls: seccomp(2)."""
    load_number, equal, result = 0x20, 0x15, 0x06
    allow, refuse = 0x7fff0000, 0x00050000 | errno.EPERM
    program = [(load_number, 0, 0, 0)]
    for number in numbers:
        program += [(equal, 0, 1, number), (result, 0, 0, refuse)]
    program.append((result, 0, 0, allow))
    filters = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *f) for f in program))
    header = struct.pack("@HP", len(program), ctypes.addressof(filters))
    set_seccomp, filter_mode, no_new_privileges = 22, 2, 38
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(no_new_privileges, 1, 0, 0, 0) or prctl(set_seccomp, filter_mode, header):
        raise OSError(ctypes.get_errno(), "seccomp")


def processes_of(session):
    """The processes of a session, zombies left out."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except (OSError, IndexError):
            continue
        if fields[0] != "Z" and int(fields[3]) == session:
            found.append(int(entry.name))
    return found


def eventually(condition, seconds=10.0):
    """Waits for the condition, at most so long, and returns whether it came true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return condition()


class EndToEnd(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.results = self.folder / "results"

    def experiment(self, text, name="experiment.yaml"):
        file = self.folder / name
        file.write_text(text)
        return file

    def run_directory(self):
        runs = [d for d in self.results.glob("*/*") if d.is_dir() and not d.is_symlink()]
        self.assertEqual(len(runs), 1, runs)
        return runs[0]

    def trials(self):
        return pandas.read_csv(self.run_directory() / "trials.csv")

    def run_ok(self, *arguments):
        done = pingperf("run", "-o", self.results, *arguments)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done

    def stock_iperf3_server(self):
        """Starts `iperf3 -s` on a free port, which it returns; the server ends with the test."""
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        server = subprocess.Popen(["iperf3", "-s", "-p", str(port)], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)

        def listening():
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", port)) == 0

        self.assertTrue(eventually(listening))
        return port


class Quickstart(EndToEnd):
    def test_every_row_is_ok_and_plausible(self):
        done = self.run_ok(SOURCE / "configs/quickstart.yaml", *SHORT)
        trials = self.trials()
        self.assertEqual(set(trials.status), {"ok"})
        self.assertEqual(len(trials), 21)
        bulk = trials[trials.kind == "throughput"]
        self.assertEqual(set(bulk.engine), {"iperf3", "blocking"})
        self.assertTrue((bulk.throughput_bps > 1e6).all())
        self.assertTrue((bulk.throughput_bps < 1e13).all())
        pings = trials[trials.kind != "throughput"]
        self.assertTrue((pings.rtt_p50_ns <= pings.rtt_p99_ns).all())
        self.assertTrue((pings.rtt_p99_ns <= pings.rtt_max_ns).all())
        self.assertTrue((pings.exchanges > 0).all())
        self.assertTrue(pings.throughput_bps.isna().all())  # not measured: empty, not 0
        self.assertIn("blocking", done.stdout)
        self.assertIn("trials.csv", done.stdout)

    def test_every_file_of_the_run_is_there_and_reads(self):
        source = SOURCE / "configs/quickstart.yaml"
        self.run_ok(source, *SHORT)
        run = self.run_directory()
        self.assertEqual((run / "experiment.yaml").read_bytes(), source.read_bytes())
        environment = json.loads((run / "environment.json").read_text())
        self.assertIn("libiperf", json.dumps(environment))
        intervals = pandas.read_csv(run / "intervals.csv")
        self.assertTrue((intervals.end_s > intervals.start_s).all())
        summary = pandas.read_csv(run / "summary.csv")
        self.assertIn("throughput_bps", set(summary.metric))
        comparisons = pandas.read_csv(run / "comparisons.csv")
        self.assertTrue((comparisons.ratio > 0).all())
        self.assertEqual(set(comparisons.n), {3})

    def test_another_seed_gives_the_same_cases_in_another_order(self):
        config = SOURCE / "configs/quickstart.yaml"
        plans = [pingperf("plan", config, "--set", f"plan.seed={seed}").stdout.splitlines()[1:-1]
                 for seed in (1, 1, 2)]
        cases = [[line.split()[-1] for line in plan] for plan in plans]
        self.assertEqual(len(cases[0]), 21)
        self.assertEqual(cases[0], cases[1])
        self.assertNotEqual(cases[0], cases[2])
        self.assertEqual(sorted(cases[0]), sorted(cases[2]))

    def test_the_comparison_is_the_ratio_of_the_rows(self):
        self.run_ok(SOURCE / "configs/quickstart.yaml", *SHORT, "--only", "bulk*")
        trials, run = self.trials(), self.run_directory()
        comparison = pandas.read_csv(run / "comparisons.csv").iloc[0]
        rates = [trials[trials.case == comparison[end]].set_index("block").throughput_bps
                 for end in ("case", "baseline")]
        ratios = rates[0] / rates[1]
        self.assertTrue(ratios.min() <= comparison.ratio <= ratios.max())


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


class Variants(EndToEnd):
    """Both families do the same work, and the columns mean the same for both."""

    def test_every_variant_is_measured_alike_by_iperf3_and_sockets(self):
        self.run_ok(self.experiment(VARIANTS))
        trials = self.trials()
        self.assertEqual(set(trials.status), {"ok"}, trials.error.dropna().tolist())
        timed = trials[trials.workload != "limited"]
        for end in ("client_window_s", "server_window_s"):
            self.assertTrue(timed[end].between(0.15, 0.6).all(), timed[["case", end]])
        for column in ("throughput_bps", "client_cpu_s", "server_cpu_s", "cpu_s_per_gb"):
            self.assertTrue((trials[column] > 0).all(), trials[["case", column]])
        self.assertTrue((trials[trials.transport == "tcp"].tcp_rtt_mean_ns.dropna() > 0).all())

    def test_ends_count_what_flowed_in_their_direction(self):
        self.run_ok(self.experiment(VARIANTS), "--only", "[rbl]*")
        trials = self.trials().set_index("case")
        for engine in ("iperf3", "blocking"):
            reverse = trials.loc[f"reverse/engine={engine}"]
            self.assertGreater(reverse.client_bytes_received, 0)
            self.assertTrue(pandas.isna(reverse.client_bytes_sent))
            both = trials.loc[f"both/engine={engine}"]
            for column in ("client_bytes_sent", "client_bytes_received", "server_bytes_sent",
                           "server_bytes_received"):
                self.assertGreater(both[column], 0)
            limited = trials.loc[f"limited/engine={engine}"]
            # libiperf's server leaves unread what is in flight when the client says it is done.
            self.assertGreaterEqual(limited.total_bytes_received, 40e6)
            self.assertLessEqual(limited.total_bytes_received, 60e6)

    def test_a_rate_is_that_of_all_streams_together(self):
        self.run_ok(self.experiment(VARIANTS), "--only", "paced")
        for rate in self.trials().throughput_bps:
            self.assertLess(rate, 130e6)
            self.assertGreater(rate, 20e6)


class Configs(EndToEnd):
    def shortened(self, config):
        """The arguments that run every case of an experiment once, and for a moment."""
        text = config.read_text()
        once = ["--set", "plan.repetitions=1", "--set", "plan.cooldown=0ms"]
        if "until:" in text:
            once += ["--set", "plan.until.at_most=1"]
        if "external:" not in text:
            return once + ["--set", "defaults.duration=150ms", "--set", "defaults.warmup=50ms"]
        # A stock iperf3 server tells whole seconds.
        return once + ["--set", f"hosts.server.port={self.stock_iperf3_server()}",
                       "--set", "defaults.duration=1s", "--set", "defaults.warmup=0s"]

    def test_every_committed_experiment_runs(self):
        if os.cpu_count() < 2:
            self.skipTest("some experiments pin their ends to two CPUs")
        for config in sorted((SOURCE / "configs").glob("*.yaml")):
            with self.subTest(config.name):
                if "ssh:" in config.read_text() or "\nlab:" in config.read_text():
                    self.skipTest("network_e2e.py runs it")
                self.run_ok(config, *self.shortened(config))


class Engines(EndToEnd):
    def test_every_engine_over_every_transport(self):
        done = pingperf("run", "-q", "-o", self.results, SOURCE / "tests/e2e/every_engine.yaml")
        trials = self.trials()
        known = json.loads(pingperf("engines", "--format", "json").stdout)
        identity = ["kind", "name", "transport"]
        self.assertEqual({tuple(engine[key] for key in identity) for engine in known},
                         set(zip(trials.kind, trials.engine.fillna("null"), trials.transport)))
        for trial in trials[trials.status != "ok"].itertuples():
            with self.subTest(trial.case):
                self.assertIn("is unavailable here", trial.error)
        self.assertEqual(done.returncode, 0 if all(trials.status == "ok") else 3, done.stderr)


class Csv(EndToEnd):
    def test_columns_are_those_of_the_dictionary_and_types_are_inferred(self):
        self.run_ok(self.experiment(NULL_TRIALS), "--set", "plan.repetitions=2")
        raw = (self.run_directory() / "trials.csv").read_text(encoding="utf-8")
        header = next(csv.reader(raw.splitlines()))
        dictionary = (SOURCE / "results/README.md").read_text()
        for column in header:
            self.assertIn(f"`{column}`", dictionary)
        trials = self.trials()
        self.assertEqual(trials.duration_s.dtype.kind, "f")
        self.assertEqual(trials.block.dtype.kind, "i")
        self.assertRegex(trials.started_at[0], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


class Latency(EndToEnd):
    def ping(self, workload, *arguments, top=""):
        file = self.experiment(f"""
name: ping
plan: {{repetitions: 1}}
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

    def test_a_pong_that_someone_started_can_be_measured(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        pong = subprocess.Popen([PINGPERF, "pong", "--port", str(port)], stdout=subprocess.PIPE, text=True)
        self.addCleanup(pong.wait)
        self.addCleanup(pong.stdout.close)
        self.addCleanup(pong.send_signal, signal.SIGINT)
        self.assertIn("PONG", pong.stdout.readline())
        _, row = self.ping("", "--set", "workloads.ping.pin={client: 0}",
                           top=f"hosts: {{server: {{external: 127.0.0.1, port: {port}}}}}")
        self.assertGreater(row.exchanges, 0)
        self.assertEqual(row.server_host, "127.0.0.1")
        self.assertTrue(pandas.isna(row.server_cpu_s))  # nobody measured it
        environment = json.loads((self.run_directory() / "environment.json").read_text())
        self.assertEqual(environment["hosts"]["server"], {"external": "127.0.0.1"})

    def test_a_missing_pong_is_a_failed_trial_that_says_so(self):
        file = self.experiment("""
name: ping
hosts: {server: {external: 127.0.0.1, port: 1}}
plan: {repetitions: 1}
workloads: {ping: {kind: latency, engine: blocking}}
""")
        done = pingperf("run", "-o", self.results, file)
        self.assertEqual(done.returncode, 3)
        self.assertIn("connect to 127.0.0.1:1: Connection refused", self.trials().iloc[0].error)

    def test_a_missing_udp_pong_is_told_before_the_timeout(self):
        file = self.experiment("""
name: ping
hosts: {server: {external: 127.0.0.1, port: 1}}
plan: {repetitions: 1, timeout: 60s}
workloads: {ping: {kind: latency, engine: blocking, transport: udp}}
""")
        done = pingperf("run", "-o", self.results, file)
        self.assertEqual(done.returncode, 3)
        trial = self.trials().iloc[0]
        self.assertEqual(trial.status, "failed")
        self.assertIn("connect to 127.0.0.1:1: Connection refused", trial.error)

    def test_kernel_stamps_add_up_to_the_round_trip(self):
        _, row = self.ping("timestamps: kernel")
        parts = row[["app_to_kernel_p50_ns", "kernel_to_kernel_p50_ns", "kernel_to_app_p50_ns", "turnaround_p50_ns"]]
        self.assertTrue((parts > 0).all(), parts)
        self.assertGreater(row.oneway_forward_p50_ns, 0)  # both ends on this host: one clock

    def test_unpinned_latency_is_warned_of_once(self):
        done, _ = self.ping("", "--set", "plan.repetitions=3")
        self.assertNotIn("warning", done.stderr)
        file = self.experiment("""
name: unpinned
plan: {repetitions: 2}
defaults: {duration: 50ms, warmup: 10ms}
workloads: {ping: {kind: latency, engine: blocking, matrix: {transport: [tcp, udp]}}}
""")
        done = pingperf("run", "-o", self.folder / "other", file)
        self.assertEqual(done.stderr.count("latency without pin"), 1, done.stderr)

    def test_ten_thousand_flows_on_one_thread_a_side(self):
        if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 10_100:
            self.skipTest("needs 10 100 file descriptors (ulimit -Hn)")
        file = self.experiment("""
name: flows
plan: {repetitions: 1, timeout: 60s}
workloads:
  flows: {kind: latency, engine: epoll, streams: 10000, duration: 1s, warmup: 100ms, pin: {client: 0, server: 1}}
""")
        run = subprocess.Popen([PINGPERF, "run", "-q", "-o", self.results, file], start_new_session=True,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
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
        # Of ours at most 4 KiB a flow, beside what a worker with one flow takes.
        if not os.environ.get("PINGPERF_SANITIZE"):
            self.assertLess(peak_kib, 10_000 * 4 + 20_000)


class Throughput(EndToEnd):
    def test_engines_that_avoid_a_copy_are_marked(self):
        self.run_ok(self.experiment("""
name: copies
plan: {repetitions: 6, cooldown: 0ms}
defaults: {kind: throughput, duration: 100ms, warmup: 0ms}
workloads: {bulk: {matrix: {engine: [blocking, epoll, splice]}}}
compare: [{metric: throughput_bps, axis: engine, baseline: blocking}]
"""))
        trials = self.trials()
        self.assertEqual(trials.groupby("engine").copies.unique().map(list).to_dict(),
                         {"blocking": [2], "epoll": [2], "splice": [1]})
        rows = pandas.read_csv(self.run_directory() / "comparisons.csv").set_index("case")
        self.assertIn("1 against 2 copies", rows.loc["bulk/engine=splice"].note)
        self.assertTrue(pandas.isna(rows.loc["bulk/engine=epoll"].note))

    def test_a_sink_that_someone_started_takes_streams_and_datagrams(self):
        for transport in ("tcp", "udp"):
            with socket.socket() as s:
                s.bind(("127.0.0.1", 0))
                port = s.getsockname()[1]
            sink = subprocess.Popen([PINGPERF, "sink", "--port", str(port), "--transport", transport],
                                    stdout=subprocess.PIPE, text=True)
            self.assertIn("SINK", sink.stdout.readline())
            out = self.folder / transport
            done = pingperf("run", "-o", out, self.experiment(f"""
name: sink
hosts: {{server: {{external: 127.0.0.1, port: {port}}}}}
plan: {{repetitions: 1}}
workloads: {{bulk: {{kind: throughput, engine: blocking, transport: {transport}, duration: 200ms, warmup: 0ms}}}}
"""))
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            row = pandas.read_csv(next(out.glob("*/[0-9]*/trials.csv"))).iloc[0]
            self.assertGreater(row.sent_bps, 0)
            self.assertTrue(pandas.isna(row.throughput_bps))  # the receiver is not ours: nobody counted
            line = sink.stdout.readline()
            self.assertRegex(line, r"^127\.0\.0\.1:\d+: .*bit/s")
            self.assertEqual("lost" in line, transport == "udp", line)
            sink.send_signal(signal.SIGINT)
            self.assertEqual(sink.wait(timeout=10), 0)
            sink.stdout.close()

    def test_a_sink_takes_one_client_after_the_other(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        sink = subprocess.Popen([PINGPERF, "sink", "--port", str(port)], stdout=subprocess.PIPE,
                                text=True)
        self.addCleanup(sink.stdout.close)
        self.addCleanup(sink.wait)
        self.addCleanup(sink.kill)
        self.assertIn("SINK", sink.stdout.readline())
        for size in (1, 2, 3):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
                client.sendall(b"x" * size)
                client.shutdown(socket.SHUT_WR)
                client.recv(1)  # until it is closed there
            self.assertIn(f": {size} B in ", sink.stdout.readline())

    def test_five_hundred_streams_are_all_served(self):
        self.run_ok(self.experiment("""
name: streams
plan: {repetitions: 1, timeout: 60s}
defaults: {kind: throughput, streams: 512, duration: 2s, warmup: 200ms, message_size: 16KiB}
workloads:
  threads: {engine: blocking}
  epoll: {engine: epoll, threads: 2}
"""))
        trials = self.trials()
        self.assertTrue((trials.fairness_index > 1 / 512).all())
        self.assertTrue((trials.throughput_bps > 0).all())


class Failures(EndToEnd):
    def test_a_port_that_an_iperf3_server_holds_is_busy_not_a_result(self):
        port = self.stock_iperf3_server()
        file = self.experiment(f"""
name: busy
plan: {{repetitions: 1}}
workloads:
  bulk: {{kind: throughput, port: {port}, matrix: {{engine: [iperf3, blocking]}}}}
""")
        done = pingperf("run", "-o", self.results, file)
        self.assertEqual(done.returncode, 3, done.stderr)
        trials = self.trials()
        self.assertEqual(set(trials.status), {"refused"})
        for error in trials.error:
            self.assertIn("port busy", error)
        self.assertTrue(trials.throughput_bps.isna().all())

    def test_engines_that_the_host_refuses_are_refused_rows_and_the_run_goes_on(self):
        file = self.experiment("""
name: filtered
plan: {repetitions: 1}
defaults: {kind: latency, duration: 50ms, warmup: 0ms}
workloads:
  rtt: {matrix: {engine: [blocking, epoll, io_uring]}}
""")
        io_uring_setup, epoll_pwait2 = 425, 441
        done = pingperf("run", "-o", self.results, file,
                        preexec_fn=lambda: refuse_calls(io_uring_setup, epoll_pwait2))
        self.assertEqual(done.returncode, 3, done.stderr)
        trials = self.trials().set_index("engine")
        self.assertEqual(dict(trials.status),
                         {"blocking": "ok", "epoll": "refused", "io_uring": "refused"})
        for engine in ("epoll", "io_uring"):
            self.assertIn("Operation not permitted", trials.error[engine])

    def marking(self):
        """An experiment whose launcher, on line 3, leaves a mark, and the mark."""
        mark = self.folder / "launched"
        return self.experiment(f"""
name: launched
hosts: {{client: {{launch: [sh, -c, 'touch {mark}; exec "$@"', sh]}}}}
plan: {{repetitions: 1}}
workloads:
  nothing: {{kind: throughput, engine: null, duration: 50ms, warmup: 0ms}}
"""), mark

    def test_what_a_file_has_executed_is_told_and_can_be_refused(self):
        file, mark = self.marking()
        line = f"{file}:3:9: runs: sh -c 'touch {mark}; exec \"$@\"' sh "
        refused = pingperf("run", "--no-launch", "-o", self.results, file)
        self.assertEqual(refused.returncode, 2, refused.stderr)
        self.assertEqual(refused.stderr.count("\n"), 1, refused.stderr)
        self.assertTrue(refused.stderr.startswith(f"{file}:3:9: --no-launch: "), refused.stderr)
        checked = pingperf("check", file)
        self.assertIn(line.replace("runs", "would run"), checked.stdout)
        self.assertFalse(mark.exists())
        self.assertFalse(self.results.exists())
        done = self.run_ok(file)
        self.assertEqual(done.stderr.count(line), 1, done.stderr)
        self.assertTrue(mark.exists())
        resumed = pingperf("run", "--no-launch", "--resume", self.run_directory())
        self.assertEqual(resumed.returncode, 2, resumed.stderr)
        self.assertIn("--no-launch", resumed.stderr)

    def test_the_doctor_tells_and_refuses_what_a_file_has_executed(self):
        file, mark = self.marking()
        refused = pingperf("doctor", "--no-launch", file)
        self.assertEqual(refused.returncode, 2)
        self.assertIn(f"{file}:3:9: --no-launch: ", refused.stderr)
        self.assertFalse(mark.exists())
        done = pingperf("doctor", file)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"{file}:3:9: runs: sh -c 'touch ", done.stderr)
        self.assertTrue(mark.exists())

    def test_exit_statuses_count_where_sigchld_is_ignored(self):
        file = self.experiment("""
name: options
plan: {repetitions: 1}
workloads: {bulk: {kind: throughput, engine: iperf3, iperf3_options: --nonsense}}
""")
        done = pingperf("check", file, preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
        self.assertEqual(done.returncode, 2, done.stdout)

    def test_a_launcher_of_several_lines_makes_rows_of_one(self):
        file = self.experiment("""
name: lines
hosts:
  client:
    launch:
      - sh
      - -c
      - |
        "$@" | sed -u '2q'
        exit 7
      - sh
plan: {repetitions: 2, cooldown: 0ms}
workloads: {nothing: {kind: throughput, engine: null, duration: 1ms, warmup: 0ms}}
""")
        done = pingperf("run", "-o", self.results, file)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertEqual(set(self.trials().status), {"failed"})
        self.assertIn("\\x0a", self.trials().error[0])
        self.assertEqual(len((self.run_directory() / "trials.csv").read_text().splitlines()), 3)

    def test_an_experiment_of_this_machine_has_nothing_to_tell_and_to_refuse(self):
        done = self.run_ok("--no-launch", self.experiment(NULL_TRIALS),
                           "--set", "plan.repetitions=1")
        self.assertNotIn("runs:", done.stderr)

    def test_a_trial_that_hangs_is_a_timeout_and_the_run_goes_on(self):
        file = self.experiment("""
name: hang
plan: {repetitions: 1, order: sequential, timeout: 2s}
workloads:
  hangs: {kind: throughput, engine: blocking, messages: 1000000000000, rate: 1mbit}
  works: {kind: throughput, engine: blocking, duration: 100ms, warmup: 0ms}
""")
        done = pingperf("run", "-o", self.results, file)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertEqual(list(self.trials().status), ["timeout", "ok"])

    def test_bad_input_is_one_line_exit_2_and_leaves_nothing(self):
        file = self.experiment("name: x\nworkloads:\n  a: {kind: throughput, engine: blokcing}\n")
        done = pingperf("run", "-o", self.results, file)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
        self.assertIn(f"{file}:3:", done.stderr)
        self.assertIn("did you mean 'blocking'", done.stderr)
        self.assertFalse(self.results.exists())

    def test_wrong_usage_is_exit_2(self):
        for arguments in ([], ["run"], ["rnu"], ["run", "no-such-file.yaml"], ["run", "--bogus"],
                          ["run", "--resume", "no-such-run"]):
            self.assertEqual(pingperf(*arguments, cwd=self.folder).returncode, 2, arguments)


class Interruption(EndToEnd):
    """What a run survives: Ctrl-C, kill -9 of the controller, and another controller."""

    def start(self, text=NULL_TRIALS):
        file = self.experiment(text)
        run = subprocess.Popen([PINGPERF, "run", "-o", str(self.results), str(file)],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               start_new_session=True)
        self.addCleanup(run.communicate)
        self.addCleanup(run.kill)
        return run

    def rows(self):
        files = list(self.results.glob("*/[0-9]*/trials.csv"))
        return len(files[0].read_text().splitlines()) - 1 if files else 0

    def resume_and_check(self, blocks):
        done = pingperf("run", "--resume", self.run_directory())
        self.assertEqual(done.returncode, 0, done.stderr)
        trials = self.trials()
        self.assertEqual(sorted(trials.block), list(range(1, blocks + 1)))
        self.assertEqual(set(trials.status), {"ok"})

    def test_kill_9_leaves_no_process_and_resume_completes_the_plan(self):
        run = self.start()
        self.assertTrue(eventually(lambda: self.rows() >= 3))
        run.kill()
        run.wait()
        self.assertTrue(eventually(lambda: not processes_of(run.pid), 1.0), processes_of(run.pid))
        self.assertGreaterEqual(len(self.trials()), 3)
        self.resume_and_check(20)

    def test_kill_9_in_the_middle_of_an_iperf3_trial(self):
        run = self.start("""
name: killed
plan: {repetitions: 2}
workloads:
  bulk: {kind: throughput, engine: iperf3, duration: 1s, warmup: 0ms}
""")
        self.assertTrue(eventually(lambda: self.rows() >= 1))
        time.sleep(0.4)
        run.kill()
        run.wait()
        self.assertTrue(eventually(lambda: not processes_of(run.pid), 1.0), processes_of(run.pid))
        self.resume_and_check(2)

    def test_ctrl_c_keeps_the_rows_and_says_how_to_go_on(self):
        run = self.start()
        self.assertTrue(eventually(lambda: self.rows() >= 3))
        os.killpg(run.pid, signal.SIGINT)  # as a terminal does: the whole group gets it
        _, errors = run.communicate(timeout=10)
        self.assertEqual(run.returncode, 130, errors)
        self.assertIn(f"--resume {self.run_directory()}", errors)
        self.assertIn("interrupted", set(self.trials().status))
        self.assertTrue(eventually(lambda: not processes_of(run.pid), 1.0))
        self.resume_and_check(20)

    def test_a_second_controller_on_the_same_run_is_refused(self):
        self.start()
        self.assertTrue(eventually(lambda: self.rows() >= 1))
        done = pingperf("run", "--resume", self.run_directory())
        self.assertEqual(done.returncode, 2)
        self.assertIn("another pingperf", done.stderr)

    def test_a_torn_last_row_is_run_again(self):
        self.run_ok(self.experiment(NULL_TRIALS), "--set", "plan.repetitions=3",
                    "--set", "workloads.nothing.duration=1ms")
        file = self.run_directory() / "trials.csv"
        file.write_bytes(file.read_bytes()[:-40])
        self.resume_and_check(3)


class Output(EndToEnd):
    def test_piped_output_has_a_line_a_trial_and_no_escapes(self):
        done = self.run_ok(self.experiment(NULL_TRIALS), "--set", "plan.repetitions=4",
                           "--set", "workloads.nothing.duration=1ms")
        self.assertNotIn("\x1b", done.stdout + done.stderr)
        self.assertEqual(sum(line.startswith("[") for line in done.stderr.splitlines()), 4)

    def test_output_that_cannot_be_written_is_an_error(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([PINGPERF, "engines"], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 3)
        self.assertIn("cannot write to stdout", done.stderr)

    def test_a_run_that_cannot_be_kept_is_wrong_usage(self):
        done = pingperf("run", "-o", "/proc/nowhere", self.experiment(NULL_TRIALS))
        self.assertEqual(done.returncode, 2)
        self.assertIn("/proc/nowhere", done.stderr)

    def test_ping_reads_like_ping_and_pong_serves_one_after_another(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        pong = subprocess.Popen([PINGPERF, "pong", "--port", str(port)], stdout=subprocess.PIPE, text=True)
        self.addCleanup(pong.communicate)
        self.addCleanup(pong.kill)
        self.assertIn("PONG", pong.stdout.readline())
        to = f"127.0.0.1:{port}"
        # A client that is killed in the middle, one that waits its turn behind it, then v1.
        holder = subprocess.Popen([PINGPERF, "ping", to, "--frequency", "20"], stdout=subprocess.PIPE,
                                  text=True)
        self.addCleanup(holder.communicate)
        self.addCleanup(holder.kill)
        self.assertIn("PING", holder.stdout.readline())
        self.assertIn("seq=0 time=", holder.stdout.readline())
        waiting = subprocess.Popen([PINGPERF, "ping", to, "--count", "10", "--frequency", "0"],
                                   stdout=subprocess.PIPE, text=True)
        holder.kill()
        out, _ = waiting.communicate(timeout=20)
        self.assertIn("received", out)
        self.assertEqual(waiting.returncode, 0)
        done = pingperf("ping", to, "--once", "--count", "3", "--frequency", "20")
        self.assertIn("3 sent, 3 received, 0 lost", done.stdout)
        self.assertRegex(done.stdout, r"rtt min/p50/max = ")
        # Ctrl-C on a client prints its summary and is no failure.
        client = subprocess.Popen([PINGPERF, "ping", to], stdout=subprocess.PIPE, text=True)
        self.addCleanup(client.kill)
        client.stdout.readline()
        client.stdout.readline()
        client.send_signal(signal.SIGINT)
        out, _ = client.communicate(timeout=10)
        self.assertEqual(client.returncode, 0)
        self.assertIn("ping statistics", out)
        pong.send_signal(signal.SIGINT)
        self.assertEqual(pong.wait(timeout=10), 0)

    def test_pongs_cannot_be_set_at_each_other(self):
        pong = subprocess.Popen([PINGPERF, "pong", "--transport", "udp", "--port", "0"], stdout=subprocess.PIPE,
                                text=True)
        self.addCleanup(pong.communicate)
        self.addCleanup(pong.kill)
        port = int(re.search(r":(\d+) over udp", pong.stdout.readline()).group(1))

        def is_answered(own):
            with socket.socket(type=socket.SOCK_DGRAM) as s:
                s.settimeout(0.5)
                s.bind(own)
                s.sendto(b"ping", ("127.0.0.1", port))
                try:
                    return s.recv(100) == b"ping"
                except TimeoutError:
                    return False

        self.assertTrue(is_answered(("127.0.0.1", 0)))
        self.assertFalse(is_answered(("127.0.0.2", port)))
        if os.geteuid() == 0:
            self.assertFalse(is_answered(("127.0.0.2", 7)))

    def test_a_sink_cannot_be_set_at_what_echoes(self):
        sink = subprocess.Popen([PINGPERF, "sink", "--transport", "udp", "--port", "0"], stdout=subprocess.PIPE,
                                text=True)
        self.addCleanup(sink.communicate)
        self.addCleanup(sink.kill)
        port = int(re.search(r":(\d+) over udp", sink.stdout.readline()).group(1))

        with socket.socket(type=socket.SOCK_DGRAM) as s:
            s.settimeout(0.5)

            def answer_to(datagram):
                s.sendto(datagram, ("127.0.0.1", port))
                try:
                    return s.recv(65536)
                except TimeoutError:
                    return None

            hello = b"\xff" * 8 + os.urandom(16)
            welcome = answer_to(hello)
            self.assertEqual(welcome[8:], hello[8:])
            self.assertIsNone(answer_to(welcome))
            self.assertIsNone(answer_to(hello + bytes(1000)))

    def test_ping_without_a_pong_fails_and_says_why(self):
        done = pingperf("ping", "127.0.0.1:1", "--count", "1")
        self.assertEqual(done.returncode, 3)
        self.assertIn("Connection refused", done.stderr)

    def test_quiet_says_nothing_while_all_is_well(self):
        done = self.run_ok(self.experiment(NULL_TRIALS), "--quiet", "--set", "plan.repetitions=2",
                           "--set", "workloads.nothing.duration=1ms")
        self.assertEqual(done.stderr, "")

    def test_engines_lists_every_family(self):
        done = pingperf("engines")
        self.assertEqual(done.returncode, 0)
        for family in ("null", "iperf3", "blocking"):
            self.assertIn(family, done.stdout)


GATED = """
name: gated
plan: {repetitions: 6, cooldown: 0ms}
defaults: {transport: tcp, duration: 30ms, warmup: 0ms, pin: {client: 0, server: 0}}
workloads:
  bulk: {kind: throughput, matrix: {engine: [blocking, epoll]}}
  pingpong: {kind: latency, engine: blocking}
compare:
  - {metric: throughput_bps, axis: engine, baseline: blocking}
gates:
  - {metric: throughput_bps, workload: bulk, at_least: 1kbit}
  - {metric: rtt_p50_ns, workload: pingpong, at_most: 10s}
"""
BREACH = ["--set", "gates.0.at_least=900Tbit"]


class Verdicts(EndToEnd):
    def run_gated(self, *arguments):
        return pingperf("run", "-o", self.results, self.experiment(GATED), *arguments)

    def test_gates_that_hold_exit_0_and_stand_in_the_table_and_junit(self):
        done = self.run_gated()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("at least 1 kbit/s", done.stdout)
        suites = xml.etree.ElementTree.parse(self.results / "gated/latest/junit.xml").getroot()
        self.assertEqual([(s.get("name"), s.get("tests"), s.get("failures")) for s in suites],
                         [("trials", "3", "0"), ("gates", "3", "0")])

    def test_a_breach_exits_1_with_a_line_that_names_case_figure_interval_and_bound(self):
        done = self.run_gated(*BREACH)
        self.assertEqual(done.returncode, 1, done.stderr)
        lines = [line for line in done.stderr.splitlines() if line.startswith("gate failed")]
        self.assertEqual(len(lines), 2)
        self.assertRegex(lines[0], r"bulk/engine=blocking throughput_bps: .* \[.*\], at least 900 Tbit/s")
        self.assertIn("<failure", (self.run_directory() / "junit.xml").read_text())

    def test_until_adds_blocks_up_to_its_most_and_says_what_did_not_settle(self):
        done = self.run_gated("--set", "plan.until={metric: throughput_bps, relative_ci: 0.001%, at_most: 8}")
        self.assertEqual(done.returncode, 0, done.stderr)
        trials = self.trials()
        self.assertEqual(sorted(trials.groupby("case").size()), [8, 8, 8])
        self.assertEqual(len(trials.drop_duplicates(["case", "repetition"])), len(trials))
        self.assertIn("after 6 blocks undecided, running more blocks", done.stderr)
        self.assertIn("after 8 blocks undecided, and the maximum is reached", done.stderr)

    def test_a_run_that_is_settled_stops_at_its_repetitions(self):
        done = self.run_gated("--set", "plan.repetitions=8", "--set",
                              "plan.until={metric: rtt_p50_ns, relative_ci: 99%, at_most: 16}")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(self.trials()), 24)
        self.assertNotIn("undecided", done.stderr)

    def test_resume_goes_on_where_until_was_interrupted(self):
        self.run_gated("--set", "plan.until={metric: throughput_bps, relative_ci: 0.001%, at_most: 8}")
        run = self.run_directory()
        rows = (run / "trials.csv").read_text().splitlines(keepends=True)
        (run / "trials.csv").write_text("".join(rows[:-4]))
        done = pingperf("run", "--resume", run)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sorted(self.trials().groupby("case").size()), [8, 8, 8])

    def test_compare_finds_a_run_the_same_as_itself_and_half_as_fast_slower(self):
        self.run_gated("--set", "plan.repetitions=12")
        run = self.run_directory()
        done = pingperf("compare", run, run, "--fail-on", "regression")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        slow = self.folder / "slow"
        slow.mkdir()
        trials = pandas.read_csv(run / "trials.csv", dtype=str, keep_default_na=False)
        is_epoll = trials.engine == "epoll"
        # steady numbers: what is tested is the verdict, not the machine
        for number, i in enumerate(trials.index):
            if trials.kind[i] == "throughput":
                trials.loc[i, "throughput_bps"] = str(1e9 * (1 + 0.001 * (number % 7)))
                trials.loc[i, "steal_ratio"] = "0"
        trials.to_csv(run / "trials.csv", index=False)
        halved = trials[is_epoll].throughput_bps.astype(float) / 2
        trials.loc[is_epoll, "throughput_bps"] = halved.astype(str)
        trials.to_csv(slow / "trials.csv", index=False)
        for relative in ([], ["--relative-to", "engine=blocking"]):
            done = pingperf("compare", run, slow, "--metric", "throughput_bps", "--fail-on",
                            "regression", *relative)
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertIn("bulk/engine=epoll throughput_bps: 0.5", done.stderr)
        rows = json.loads(pingperf("compare", run, slow, "--format", "json").stdout)["rows"]
        verdicts = {(r["case"], r["metric"]): r["verdict"] for r in rows}
        self.assertEqual(verdicts["bulk/engine=epoll", "throughput_bps"], "slower")
        self.assertEqual(verdicts["bulk/engine=blocking", "throughput_bps"], "same")
        table = pandas.read_csv(io.StringIO(pingperf("compare", run, slow, "--format", "csv").stdout))
        self.assertIn("slower", set(table.verdict))
        junit = xml.etree.ElementTree.fromstring(pingperf("compare", run, slow, "--format", "junit").stdout)
        self.assertEqual(len(junit.findall(".//failure")), 1)

    def test_compare_of_nothing_in_common_is_wrong_usage(self):
        self.run_gated()
        run = self.run_directory()
        self.assertEqual(pingperf("compare", run, "/nowhere").returncode, 2)
        self.assertEqual(pingperf("compare", run, run, "--metric", "jitter_ns").returncode, 2)
        self.assertEqual(pingperf("compare", run).returncode, 2)

    def test_exports_are_read_by_their_consumers(self):
        self.run_gated()
        run = self.run_directory()
        benchmark = self.folder / "benchmark.json"
        benchmark.write_text(pingperf("export", run, "--format", "benchmark-json").stdout)
        names = {b["run_name"] for b in json.loads(benchmark.read_text())["benchmarks"]}
        self.assertEqual(names, {"bulk/engine=blocking", "bulk/engine=epoll", "pingpong"})
        self.assertIn("| pingpong |", pingperf("export", run, "--format", "markdown").stdout)
        metrics = pingperf("export", run, "--format", "openmetrics").stdout
        self.assertTrue(metrics.endswith("# EOF\n"))
        with self.subTest("promtool (package prometheus)"):
            if not shutil.which("promtool"):
                self.skipTest("promtool is not installed")
            checked = subprocess.run(["promtool", "check", "metrics"], input=metrics, text=True,
                                     capture_output=True, timeout=30)
            self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        with self.subTest("compare.py (packages libbenchmark-tools, python3-scipy)"):
            compare = "/usr/share/benchmark/compare.py"
            scipy = subprocess.run(["/usr/bin/python3", "-c", "import scipy"], capture_output=True)
            if scipy.returncode != 0 or not os.path.exists(compare):
                self.skipTest("compare.py or scipy is not installed")
            compared = subprocess.run(["/usr/bin/python3", compare, "benchmarks", benchmark, benchmark],
                                      text=True, capture_output=True, timeout=60)
            self.assertEqual(compared.returncode, 0, compared.stderr)
            self.assertIn("pingpong_median", compared.stdout)


if __name__ == "__main__":
    PINGPERF = str(Path(sys.argv.pop(1)).resolve())
    unittest.main(verbosity=2)
