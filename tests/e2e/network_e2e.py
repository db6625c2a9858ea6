"""Experiments over labs and over ssh, in network namespaces. Needs root.

Usage: network_e2e.py PATH_OF_PINGPERF [unittest arguments]
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import pandas

import pingperf_e2e as base

NAMESPACES = Path("/run/netns")


def namespaces():
    return {p.name for p in NAMESPACES.glob("*")} if NAMESPACES.exists() else set()


def errors_of(done):
    """The lines of stderr, but for those that tell which commands will be run."""
    return [line for line in done.stderr.strip().splitlines() if ": runs: " not in line]


def run(*words, **options):
    return subprocess.run([*map(str, words)], capture_output=True, text=True, check=True, timeout=30,
                          **options)


def has_netem():
    done = subprocess.run(["unshare", "--net", "tc", "qdisc", "add", "dev", "lo", "root", "netem",
                           "delay", "1ms"], capture_output=True, timeout=30)
    return done.returncode == 0


def has_bbr():
    path = Path("/proc/sys/net/ipv4/tcp_available_congestion_control")
    return "bbr" in path.read_text().split()


LAB = """
name: lab
lab: {rate: 100mbit, buffer: 100ms}
plan: {repetitions: 1, cooldown: 0ms}
workloads:
  bulk: {kind: throughput, engine: blocking, transport: tcp, congestion_control: cubic, duration: 2s, warmup: 1s}
  ping: {kind: latency, engine: blocking, transport: udp, duration: 300ms, warmup: 50ms}
"""


class Network(base.EndToEnd):
    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            self.skipTest("namespaces of other names need root")
        self.before = namespaces()
        self.addCleanup(lambda: self.assertEqual(namespaces() - self.before, set()))


class Lab(Network):
    def test_the_bottleneck_bounds_goodput_and_the_lab_is_gone_afterwards(self):
        self.run_ok(self.experiment(LAB))
        trials = self.trials().set_index("workload")
        self.assertGreater(trials.throughput_bps["bulk"], 85e6)
        self.assertLess(trials.throughput_bps["bulk"], 100e6)
        self.assertGreater(trials.exchanges["ping"], 0)
        self.assertEqual(namespaces(), self.before)

    def test_every_committed_experiment_with_a_lab_runs(self):
        if not has_bbr():
            self.skipTest("this kernel has no bbr, which they compare")
        for config in sorted((base.SOURCE / "configs").glob("*.yaml")):
            if "\nlab:" in config.read_text():
                with self.subTest(config.name):
                    self.run_ok(config, "--set", "plan.repetitions=1", "--set", "plan.cooldown=0ms",
                                "--set", "defaults.duration=200ms", "--set", "defaults.warmup=50ms")

    def test_its_settings_are_read_back_from_the_kernel(self):
        self.run_ok(self.experiment(LAB), "--only", "ping", "--set", "lab.mtu=1400")
        lab = json.loads((self.run_directory() / "environment.json").read_text())["lab"]
        self.assertEqual(set(lab), {"client", "router", "server"})
        for device in ("toclient", "toserver"):
            qdisc = lab["router"][device]["qdisc"][0]
            self.assertEqual(qdisc["kind"], "tbf")
            self.assertEqual(qdisc["options"]["rate"], 12_500_000)  # bytes a second
            self.assertEqual(lab["router"][device]["address"][0]["mtu"], 1400)

    def test_ipv6_and_the_short_way_without_a_router(self):
        self.run_ok(self.experiment(LAB), "--set", "lab.router=false", "--set", "workloads.ping.ip=6",
                    "--set", "workloads.bulk.ip=6")
        trials = self.trials().set_index("workload")
        self.assertEqual(set(trials.ip), {6})
        self.assertLess(trials.throughput_bps["bulk"], 100e6)

    def test_ipv6_through_the_router(self):
        self.run_ok(self.experiment(LAB), "--only", "ping", "--set", "workloads.ping.ip=6")

    def test_two_runs_at_once_have_labs_of_their_own(self):
        file = self.experiment(LAB)
        runs = [subprocess.Popen([base.PINGPERF, "run", "-q", file, "--only", "ping", "-o",
                                  self.folder / str(i)], stdout=subprocess.DEVNULL)
                for i in range(2)]
        self.assertEqual([r.wait(timeout=60) for r in runs], [0, 0])

    def test_what_a_kill_leaves_is_removed_by_the_next_run(self):
        file = self.experiment(LAB)
        first = subprocess.Popen([base.PINGPERF, "run", file, "-o", self.folder / "killed"],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(first.kill)
        self.assertTrue(base.eventually(lambda: len(namespaces() - self.before) == 3))
        time.sleep(1)  # in the middle of a trial
        first.send_signal(signal.SIGKILL)
        first.wait()
        self.assertEqual(len(namespaces() - self.before), 3)
        done = self.run_ok(file, "--only", "ping")
        self.assertEqual(done.stderr.count("its run is gone"), 3)
        self.assertEqual(namespaces(), self.before)

    def test_ctrl_c_removes_it(self):
        child = subprocess.Popen([base.PINGPERF, "run", self.experiment(LAB), "-o", self.results],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(child.kill)
        self.assertTrue(base.eventually(lambda: len(namespaces() - self.before) == 3))
        time.sleep(0.5)
        child.send_signal(signal.SIGINT)
        self.assertEqual(child.wait(timeout=20), 130)
        self.assertEqual(namespaces(), self.before)

    def test_what_the_kernel_lacks_is_an_error_of_check(self):
        if has_netem():
            self.skipTest("this kernel has netem")
        done = base.pingperf("check", self.experiment(LAB), "--set", "lab.delay=10ms")
        self.assertEqual(done.returncode, 2)
        self.assertIn("lab: this host cannot make it", done.stderr)

    def test_netem_delays_where_the_kernel_has_it(self):
        if not has_netem():
            self.skipTest("this kernel has no netem")
        self.run_ok(self.experiment(LAB), "--only", "ping", "--set", "lab.delay=10ms")
        self.assertGreater(self.trials().rtt_min_ns[0], 20e6)

    def test_a_user_who_is_not_root_gets_namespaces_of_their_own(self):
        user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
        probe = subprocess.run([*user, "unshare", "-Urnm", "true"], capture_output=True, timeout=30)
        if probe.returncode != 0:
            self.skipTest("users may not have namespaces here")
        os.chmod(self.folder, 0o777)
        binary = self.folder / "pingperf"
        shutil.copy(base.PINGPERF, binary)
        binary.chmod(0o755)
        done = subprocess.run([*user, binary, "run", self.experiment(LAB), "--only", "ping", "-o",
                               self.results], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Loaded(Network):
    def loaded(self, control):
        self.run_ok(self.experiment(f"""
name: loaded
lab: {{rate: 100mbit, buffer: 100ms}}
plan: {{repetitions: 1, cooldown: 0ms}}
workloads:
  ping:
    kind: latency
    engine: blocking
    transport: udp
    frequency: 100
    ping_timeout: 2s
    duration: 2s
    warmup: 200ms
    background: {{kind: throughput, engine: blocking, transport: tcp, congestion_control: {control}, warmup: 2s}}
"""))
        trials = self.trials().set_index("case")
        return trials.loc["ping/load=loaded"], trials.loc["ping/load=idle"]

    def test_cubic_fills_the_buffer_and_the_row_says_so(self):
        loaded, idle = self.loaded("cubic")
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
        comparisons = pandas.read_csv(self.run_directory() / "comparisons.csv")
        self.assertEqual(set(comparisons.metric), {"rtt_p50_ns", "rtt_p99_ns"})
        self.assertTrue((comparisons.ratio > 10).all())

    def test_bbr_leaves_it_nearly_empty(self):
        if not has_bbr():
            self.skipTest("this kernel has no bbr")
        loaded, _ = self.loaded("bbr")
        self.assertLess(loaded.rtt_p50_ns, 20e6)
        self.assertGreater(loaded.background_throughput_bps, 80e6)


class Ssh(Network):
    """A real sshd in a namespace of its own; the client in another one."""

    def setUp(self):
        super().setUp()
        for program in ("/usr/sbin/sshd", "/usr/bin/ssh"):
            if not os.path.exists(program):
                self.skipTest(f"{program} is not installed (openssh-server, openssh-client)")
        number = os.getpid()
        self.client, self.server = f"ppssh{number}c", f"ppssh{number}s"
        for name in (self.client, self.server):
            run("ip", "netns", "add", name)
            self.addCleanup(run, "ip", "netns", "delete", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "-n", self.client, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0",
            "netns", self.server)
        for name, address in ((self.client, "10.78.0.1/24"), (self.server, "10.78.0.2/24")):
            run("ip", "-n", name, "address", "add", address, "dev", "eth0")
            run("ip", "-n", name, "link", "set", "eth0", "up")
        self.start_sshd()

    def start_sshd(self):
        keys = self.folder / "keys"
        keys.mkdir(mode=0o700)
        for name in ("host", "user"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", keys / name)
        shutil.copy(keys / "user.pub", keys / "authorized_keys")
        host_key = (keys / "host.pub").read_text().split()[:2]
        (keys / "known_hosts").write_text("10.78.0.2 " + " ".join(host_key) + "\n")
        (keys / "config").write_text(f"""
ListenAddress 10.78.0.2
Port 22
HostKey {keys}/host
AuthorizedKeysFile {keys}/authorized_keys
UsePAM no
StrictModes no
PidFile none
PermitRootLogin yes
""")
        Path("/run/sshd").mkdir(exist_ok=True)
        sshd = subprocess.Popen(["ip", "netns", "exec", self.server, "/usr/sbin/sshd", "-D", "-e", "-f",
                                 keys / "config"], stderr=subprocess.DEVNULL)
        self.addCleanup(sshd.wait)
        self.addCleanup(sshd.terminate)
        self.keys = keys
        self.ssh = self.ssh_with("user", keys / "known_hosts")
        self.assertTrue(base.eventually(
            lambda: subprocess.run([*self.ssh, "true"], capture_output=True).returncode == 0))

    def ssh_with(self, key, known_hosts):
        return ["ip", "netns", "exec", self.client, "ssh", "-o", "BatchMode=yes", "-i", self.keys / key,
                "-o", "IdentitiesOnly=yes", "-o", f"UserKnownHostsFile={known_hosts}", "root@10.78.0.2"]

    def over_ssh(self, *arguments, server=None, **options):
        words = ", ".join(f'"{word}"' for word in (server or self.ssh))
        return base.pingperf(
            "run", "-o", self.results, base.SOURCE / "configs/two-hosts-ssh.yaml",
            "--set", f"hosts.client={{netns: {self.client}}}",
            "--set", f"hosts.server={{launch: [{words}], address: 10.78.0.2, {options.get('more', '')}}}",
            "--set", "plan.repetitions=1", "--set", "defaults.duration=200ms",
            "--set", "defaults.warmup=50ms", *arguments)

    def test_the_committed_experiment_runs_between_two_namespaces(self):
        done = self.over_ssh()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(set(self.trials().status), {"ok"})

    def test_copy_brings_the_program_and_takes_it_away(self):
        temporary = Path("/tmp")
        before = set(temporary.glob("pingperf-*"))
        done = self.over_ssh("--only", "pingpong", more="copy: true, pingperf: /nowhere/pingperf")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(set(temporary.glob("pingperf-*")), before)

    def test_without_the_program_it_says_so(self):
        done = self.over_ssh("--only", "pingpong", more="pingperf: /nowhere/pingperf")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("server", done.stderr)
        self.assertIn("10.78.0.2", done.stderr)
        self.assertIn("No such file", done.stderr)
        self.assertEqual(len(errors_of(done)), 1, done.stderr)

    def test_a_refused_key_and_an_unknown_host_are_one_line(self):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.keys / "other")
        refused = self.ssh_with("other", self.keys / "known_hosts")
        unknown = self.ssh_with("user", "/dev/null")
        for server, text in ((refused, "ermission denied"), (unknown, "erification failed")):
            done = self.over_ssh("--only", "pingpong", server=server)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(text, done.stderr)
            self.assertEqual(len(errors_of(done)), 1, done.stderr)

    def test_a_slow_line_only_takes_longer(self):
        # Every line of the agent's comes 50 ms late, in both directions.
        slow = self.folder / "slow"
        slow.write_text("""#!/usr/bin/python3
import subprocess, sys, threading, time
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
def pump(source, sink):
    for line in iter(source.readline, b""):
        time.sleep(0.05)
        sink.write(line)
        sink.flush()
    sink.close()
threading.Thread(target=pump, args=(sys.stdin.buffer.raw, child.stdin), daemon=True).start()
pump(child.stdout, sys.stdout.buffer)
sys.exit(child.wait())
""")
        slow.chmod(0o755)
        done = self.over_ssh(server=[str(slow), *self.ssh])
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_an_address_out_of_reach_is_told_with_both_ends(self):
        # 10.80.0.1 is the server's, but the client knows no way there.
        run("ip", "-n", self.server, "address", "add", "10.80.0.1/32", "dev", "lo")
        done = self.over_ssh("--set", "hosts.server.address=10.80.0.1", "--set", "plan.timeout=4s")
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
        host = os.uname().nodename
        trials = self.trials()
        for error in trials.error:
            self.assertIn("client: connect to 10.80.0.1:", error)
            self.assertIn("Network is unreachable", error)
        for error in trials.error[trials.engine != "iperf3"]:  # libiperf dials after its start
            self.assertIn(f"while the client on {host} tried to reach the server on {host} at 10.80.0.1:",
                          error)

    def test_a_line_that_breaks_at_each_step_fails_that_trial_alone(self):
        # Breaks once, after so many lines of the agent: hello, ready, progress or result; or after so
        # many of the controller: hello, listen, start.
        breaks = self.folder / "breaks"
        breaks.write_text("""#!/usr/bin/python3
import os, subprocess, sys, threading
way, count, once = sys.argv[1], int(sys.argv[2]), sys.argv[3]
child = subprocess.Popen(sys.argv[4:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
try:
    os.mkdir(once)
except FileExistsError:
    way = ""
def pump(source, sink, mine):
    lines = 0
    for line in iter(source.readline, b""):
        sink.write(line)
        sink.flush()
        lines += 1
        if way == mine and lines == count:
            child.kill()
            os._exit(9)
    sink.close()
threading.Thread(target=pump, args=(sys.stdin.buffer, child.stdin, "requests"), daemon=True).start()
pump(child.stdout, sys.stdout.buffer, "events")
sys.exit(child.wait())
""")
        breaks.chmod(0o755)
        for way, count in (("events", 1), ("events", 2), ("events", 3), ("requests", 2), ("requests", 3)):
            once = self.folder / f"once-{way}-{count}"
            with self.subTest(way=way, count=count):
                done = self.over_ssh("--only", "pingpong", "--set", "plan.repetitions=2",
                                     server=[str(breaks), way, str(count), str(once), *self.ssh])
                self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
                status = list(self.trials().status)
                self.assertEqual(status.count("failed"), 1, status)
                self.assertEqual(status[-1], "ok")
                self.assertIn("server", self.trials().error.dropna().iloc[0])
            shutil.rmtree(self.results)

    def test_two_pairs_at_once(self):
        file = self.experiment(f"""
name: pairs
hosts:
  pairs:
    - client: {{netns: {self.client}}}
      server: {{netns: {self.server}, address: 10.78.0.2}}
    - client: {{netns: {self.server}}}
      server: {{netns: {self.client}, address: 10.78.0.1}}
  at_once: 2
plan: {{repetitions: 2, cooldown: 0ms}}
workloads:
  bulk: {{kind: throughput, engine: blocking, rate: 200mbit, duration: 500ms, warmup: 100ms}}
compare: [{{metric: throughput_bps, axis: pair, baseline: 1}}]
""")
        self.run_ok(file)
        trials = self.trials()
        self.assertEqual(sorted(trials.pair), [1, 1, 2, 2])
        self.assertEqual(set(trials.case), {"bulk/pair=1", "bulk/pair=2"})
        begin = pandas.to_datetime(trials.started_at)
        end = begin + pandas.to_timedelta(trials.elapsed_s, unit="s")
        for _, block in trials.groupby("block"):
            self.assertLess(begin[block.index].max(), end[block.index].min())  # they overlap
        environment = json.loads((self.run_directory() / "environment.json").read_text())
        self.assertEqual(set(environment["pairs"]), {"1", "2"})

    def test_a_host_that_is_lost_fails_that_trial_and_comes_back_for_the_next(self):
        # The launcher dies in the first trial, of several seconds: the agent has begun by then, under a sanitizer too.
        flaky = self.folder / "flaky"
        flaky.write_text(f"""#!/bin/sh
if mkdir {self.folder}/once 2>/dev/null; then exec timeout -s KILL 3 "$@"; fi
exec "$@"
""")
        flaky.chmod(0o755)
        done = self.over_ssh("--only", "pingpong", "--set", "plan.repetitions=2", "--set",
                             "defaults.duration=3s", server=[str(flaky), *self.ssh])
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
        status = list(self.trials().status)
        self.assertIn("failed", status)
        self.assertEqual(status[-1], "ok")


if __name__ == "__main__":
    base.PINGPERF = str(Path(sys.argv.pop(1)).resolve())
    unittest.main(verbosity=2)
