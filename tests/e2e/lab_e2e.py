"""Runs experiments over labs: networks of namespaces that pingperf makes for a run. Needs root.

Usage: lab_e2e.py PATH_OF_PINGPERF [unittest arguments]
"""

import json
import os
import shutil
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas
import yaml

import network
import support
from network import namespaces
from support import SOURCE, eventually, is_measuring, pingperf, processes_of

# The warmup is long enough for a rate that is 2 % too high to fill the buffer of 20 ms.
SEARCH = """
name: search
lab: {rate: 100mbit, buffer: 20ms, offloads: false}
plan: {repetitions: 1}
workloads:
  udp:
    kind: throughput
    engine: blocking
    transport: udp
    receive_buffer: 4MB
    warmup: 1s
    duration: 400ms
    search: {parameter: rate, from: 50mbit, to: 200mbit, keep: {loss_ratio: 0.5%}, trials: 35}
"""

LAB = """
name: lab
lab: {rate: 100mbit, buffer: 100ms}
plan: {repetitions: 1, cooldown: 0ms}
workloads:
  bulk: {kind: throughput, engine: blocking, transport: tcp, congestion_control: cubic, duration: 1s, warmup: 500ms}
  ping: {kind: latency, engine: blocking, transport: udp, duration: 300ms, warmup: 50ms}
"""


def has_netem():
    done = subprocess.run(["unshare", "--net", "tc", "qdisc", "add", "dev", "lo", "root", "netem",
                           "delay", "1ms"], capture_output=True, timeout=30)
    return done.returncode == 0


def has_bbr():
    path = Path("/proc/sys/net/ipv4/tcp_available_congestion_control")
    return "bbr" in path.read_text().split()


class Lab(network.Network):
    RUNS = {
        "all": [],
        "mtu": ["--only", "ping", "--set", "lab.mtu=1400"],
        "ipv6": ["--only", "ping", "--set", "workloads.ping.ip=6"],
        "ipv6 without a router": ["--set", "lab.router=false", "--set", "workloads.ping.ip=6",
                                  "--set", "workloads.bulk.ip=6"],
    }

    @classmethod
    def setUpClass(cls):
        super().setUpClass()

        def run(name):
            return cls.shared_run(LAB, *cls.RUNS[name], name=name)

        with ThreadPoolExecutor(len(cls.RUNS)) as pool:  # at once: each has a lab of its own
            cls.runs = dict(zip(cls.RUNS, pool.map(run, cls.RUNS)))

    def test_the_bottleneck_bounds_goodput_and_the_lab_is_gone_afterwards(self):
        trials = self.runs["all"].table().set_index("workload")
        self.assertGreater(trials.throughput_bps["bulk"], 85e6)
        self.assertLess(trials.throughput_bps["bulk"], 100e6)
        self.assertGreater(trials.exchanges["ping"], 0)
        self.assertEqual(namespaces(), set())

    def shortened(self, config):
        """Returns the arguments that run every case of an experiment once, for a moment."""
        settings = ["plan.repetitions=1", "plan.cooldown=0ms", "defaults.duration=200ms", "defaults.warmup=50ms"]
        settings += [f"workloads.{name}.background.warmup=100ms"
                     for name, workload in yaml.safe_load(config.read_text())["workloads"].items()
                     if "background" in workload]
        settings += [f"workloads.{name}.search.trials=5"
                     for name, workload in yaml.safe_load(config.read_text())["workloads"].items()
                     if "search" in workload]
        return [word for setting in settings for word in ("--set", setting)]

    def test_every_committed_experiment_with_a_lab_runs(self):
        if not has_bbr():
            self.skipTest("this kernel has no bbr, which they compare")
        texts = {config: config.read_text() for config in sorted((SOURCE / "configs").glob("*.yaml"))}
        # variants_e2e.py runs those with variants.
        configs = [config for config, text in texts.items() if "\nlab:" in text and "\nvariants:" not in text]

        def run(config):
            return pingperf("run", "-o", self.folder / config.stem, config, *self.shortened(config))

        with ThreadPoolExecutor(len(configs)) as pool:  # at once: each has a lab of its own
            for config, done in zip(configs, pool.map(run, configs)):
                with self.subTest(config.name):
                    self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_its_settings_are_read_back_from_the_kernel(self):
        lab = json.loads((self.runs["mtu"].directory / "environment.json").read_text())["lab"]
        self.assertEqual(set(lab), {"client", "router", "server"})
        for device in ("toclient", "toserver"):
            qdisc = lab["router"][device]["qdisc"][0]
            self.assertEqual(qdisc["kind"], "tbf")
            self.assertEqual(qdisc["options"]["rate"], 12_500_000)  # bytes a second
            self.assertEqual(lab["router"][device]["address"][0]["mtu"], 1400)

    def test_ipv6_with_and_without_a_router(self):
        self.assertEqual(set(self.runs["ipv6"].table().ip), {6})
        trials = self.runs["ipv6 without a router"].table().set_index("workload")
        self.assertEqual(set(trials.ip), {6})
        self.assertLess(trials.throughput_bps["bulk"], 100e6)

    def test_two_runs_at_once_have_labs_of_their_own(self):
        file = self.experiment(LAB)
        runs = [subprocess.Popen([support.PINGPERF, "run", "-q", file, "--only", "ping", "-o",
                                  self.folder / str(i)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                for i in range(2)]
        self.assertEqual([r.wait(timeout=60) for r in runs], [0, 0])

    def test_what_a_kill_leaves_is_removed_by_the_next_run(self):
        file = self.experiment(LAB)
        first = self.start("run", file, "-o", self.folder / "killed", start_new_session=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.assertTrue(eventually(lambda: is_measuring(processes_of(first.pid))))
        first.send_signal(signal.SIGKILL)
        first.wait()
        self.assertEqual(len(namespaces() - self.before), 3)
        done = self.run_ok(file, "--only", "ping")
        self.assertEqual(done.stderr.count("its run is gone"), 3)
        self.assertEqual(namespaces(), self.before)

    def test_ctrl_c_removes_it(self):
        child = self.start("run", self.experiment(LAB), "-o", self.results, start_new_session=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.assertTrue(eventually(lambda: is_measuring(processes_of(child.pid))))
        self.assertEqual(len(namespaces() - self.before), 3)
        child.send_signal(signal.SIGINT)
        self.assertEqual(child.wait(timeout=20), 130)
        self.assertEqual(namespaces(), self.before)

    def test_what_the_kernel_lacks_is_an_error_of_check(self):
        if has_netem():
            self.skipTest("this kernel has netem")
        done = pingperf("check", self.experiment(LAB), "--set", "lab.delay=10ms")
        self.assertEqual(done.returncode, 2)
        self.assertIn("lab: this host cannot make it: the kernel has no netem: sudo modprobe sch_netem", done.stderr)

    def test_netem_delays_where_the_kernel_has_it(self):
        if not has_netem():
            self.skipTest("this kernel has no netem")
        self.run_ok(self.experiment(LAB), "--only", "ping", "--set", "lab.delay=10ms")
        self.assertGreater(self.trials().rtt_min_ns[0], 20e6)

    def test_a_kernel_without_ipv6_has_labs_too(self):
        """Hides the kernel's settings, as a kernel without IPv6 does."""
        def without_ipv6(command, *arguments):
            hide = "mount -t tmpfs tmpfs /proc/sys/net && exec \"$@\""
            return subprocess.run(["unshare", "--mount", "sh", "-c", hide, "sh", support.PINGPERF, command,
                                   self.experiment(LAB), "--only", "ping", "--set", "lab.router=false",
                                   *arguments], capture_output=True, text=True, timeout=60)

        done = without_ipv6("run", "-o", self.results)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        lab = json.loads((self.run_directory() / "environment.json").read_text())["lab"]
        addresses = lab["client"]["client0"]["address"][0]["addr_info"]
        self.assertNotIn("global", [a["scope"] for a in addresses if a["family"] == "inet6"])
        done = without_ipv6("check", "--set", "workloads.ping.ip=6")
        self.assertEqual(done.returncode, 2)
        self.assertIn("a case has ip: 6, and the kernel of this host has no IPv6", done.stderr)

    def test_many_connections_over_a_narrow_path_are_dialled_together(self):
        # Each connection takes some round trips in a queue of 100 ms; 128 of them share these.
        file = self.experiment("""
name: narrow
lab: {rate: 64kbit, buffer: 100ms}
plan: {repetitions: 1, timeout: 3s}
workloads: {bulk: {kind: throughput, engine: blocking, streams: 512, duration: 1s, warmup: 0ms}}
""")
        self.assertEqual(pingperf("run", "-o", self.results, file).returncode, 3)
        self.assertRegex(self.trials().error[0], r"\d+ of 512 connections ")

    def test_datagrams_longer_than_the_path_have_a_warning(self):
        def run(name, *arguments):
            return support.Run(self.folder / name, self.experiment("""
name: fragments
lab: {mtu: 1280, router: false, offloads: false}
plan: {repetitions: 1, cooldown: 0ms}
defaults: {kind: throughput, transport: udp, rate: 5mbit, duration: 1s, warmup: 0ms}
workloads: {bulk: {matrix: {engine: [blocking, iperf3]}}}
"""), *arguments).table()

        fitting, longer = run("fitting"), run("longer", "--set", "defaults.message_size=1400")
        self.assertEqual(set(fitting.message_size_bytes), {1232})
        self.assertNotIn("fragments", str(fitting.quality.tolist()))
        for quality in longer.quality:
            self.assertIn("datagrams of 1400 bytes went in fragments, because the MTU of the path is 1280", quality)
        refused = pingperf("run", "-o", self.results, self.folder / "experiment.yaml", "--only", "*blocking",
                           "--set", "defaults.message_size=1400", "--set", "defaults.dont_fragment=true")
        self.assertEqual(refused.returncode, 2)
        self.assertIn("datagrams of at most 1252 bytes fit", refused.stderr)

    def test_a_user_who_is_not_root_gets_namespaces_of_their_own(self):
        user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
        probe = subprocess.run([*user, "unshare", "-Urnm", "true"], capture_output=True, timeout=30)
        if probe.returncode != 0:
            self.skipTest("users may not have namespaces here")
        os.chmod(self.folder, 0o777)
        binary = self.folder / "pingperf"
        shutil.copy(support.PINGPERF, binary)
        binary.chmod(0o755)
        done = subprocess.run([*user, binary, "run", self.experiment(LAB), "--only", "ping", "-o",
                               self.results], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


LOADED = """
name: loaded
lab: {rate: 100mbit, buffer: 100ms}
plan: {repetitions: 1, cooldown: 0ms}
workloads:
  ping:
    kind: latency
    engine: blocking
    transport: udp
    frequency: 100
    ping_timeout: 2s
    duration: 1500ms
    warmup: 200ms
    background: {kind: throughput, engine: blocking, transport: tcp, warmup: 2s}
"""


class Loaded(network.Network):
    HAS_PRIORITY = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        controls = ["cubic", "bbr"] if has_bbr() else ["cubic"]

        def run(control):
            return cls.shared_run(LOADED, "--set", f"workloads.ping.background.congestion_control={control}",
                                  name=control)

        with ThreadPoolExecutor(len(controls)) as pool:  # at once: each has a lab of its own
            cls.runs = dict(zip(controls, pool.map(run, controls)))

    def rows_of(self, control):
        trials = self.runs[control].table().set_index("case")
        return trials.loc["ping/load=loaded"], trials.loc["ping/load=idle"]

    def test_cubic_fills_the_buffer_and_the_row_shows_it(self):
        loaded, idle = self.rows_of("cubic")
        self.assertGreater(loaded.rtt_p50_ns, 50e6)
        self.assertLess(loaded.rtt_p50_ns, 110e6)
        self.assertLess(idle.rtt_p50_ns, 5e6)
        self.assertEqual(loaded.background, "blocking")
        self.assertEqual(loaded.background_congestion_control, "cubic")
        self.assertGreater(loaded.background_throughput_bps, 85e6)
        self.assertLess(loaded.background_throughput_bps, 100e6)
        self.assertAlmostEqual(loaded.responsiveness_rpm, 60e9 / loaded.rtt_mean_ns, delta=1)
        self.assertTrue(pandas.isna(idle.background_throughput_bps))
        self.assertTrue(pandas.isna(idle.responsiveness_rpm))
        comparisons = self.runs["cubic"].table("comparisons.csv")
        self.assertEqual(set(comparisons.metric), {"rtt_p50_ns", "rtt_p99_ns"})
        self.assertTrue((comparisons.ratio > 10).all())

    def test_bbr_leaves_it_nearly_empty(self):
        if not has_bbr():
            self.skipTest("this kernel has no bbr")
        loaded, _ = self.rows_of("bbr")
        self.assertLess(loaded.rtt_p50_ns, 20e6)
        self.assertGreater(loaded.background_throughput_bps, 80e6)


class Search(network.Network):
    """A search finds the rate of the bottleneck."""

    def test_the_shaped_rate_is_found(self):
        # A sender that waits for a CPU sends a burst later, which the buffer may not hold.
        run = support.Run(self.results, self.experiment(SEARCH), preexec_fn=support.take_priority)
        result = run.table("searches.csv").iloc[0]
        of_frames = 1400 / (1400 + 8 + 20 + 14)  # UDP, IPv4 and Ethernet
        self.assertAlmostEqual(result.estimate / (100e6 * of_frames), 1, delta=0.03)
        self.assertLess(result.low, result.estimate)
        self.assertLess(result.estimate, result.high)
        trials = run.table()
        self.assertEqual(set(trials["case"]), {"udp"})
        self.assertEqual(set(trials["search"]), {"rate"})
        self.assertEqual(len(trials), result.trials)
        self.assertGreater(len(set(trials.rate_bps)), 5)
        self.assertIn("udp", run.stdout)


if __name__ == "__main__":
    support.main()
