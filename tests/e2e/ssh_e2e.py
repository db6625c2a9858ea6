"""Runs experiments over ssh, to a real sshd in a network namespace. Needs root.

Usage: ssh_e2e.py PATH_OF_PINGPERF [unittest arguments]
"""

import json
import os
import shutil
import signal
import subprocess
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas

import network
import support
from network import command
from support import SOURCE, eventually, is_measuring, pingperf

ADDRESS = "10.78.0.2"


def errors_of(done):
    """Returns the lines of stderr, without those that report what will be run, replaced or left out."""
    return [line for line in done.stderr.strip().splitlines()
            if ": runs: " not in line and not line.startswith("warning: --")]


class Remote(network.Network):
    """A client and a server in namespaces of their own. The server runs sshd."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for program in ("/usr/sbin/sshd", "/usr/bin/ssh"):
            if not os.path.exists(program):
                raise unittest.SkipTest(f"{program} is not installed (openssh-server, openssh-client)")
        cls.client, cls.server = "client", "server"
        for name in (cls.client, cls.server):
            command("ip", "netns", "add", name)
            cls.addClassCleanup(command, "ip", "netns", "delete", name)
            command("ip", "-n", name, "link", "set", "lo", "up")
        command("ip", "-n", cls.client, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0",
                "netns", cls.server)
        for name, address in ((cls.client, "10.78.0.1/24"), (cls.server, f"{ADDRESS}/24")):
            command("ip", "-n", name, "address", "add", address, "dev", "eth0")
            command("ip", "-n", name, "link", "set", "eth0", "up")
        cls.start_sshd()

    @classmethod
    def start_sshd(cls):
        cls.keys = cls.shared / "keys"
        cls.keys.mkdir(mode=0o700)
        for name in ("host", "user"):
            command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", cls.keys / name)
        shutil.copy(cls.keys / "user.pub", cls.keys / "authorized_keys")
        host_key = (cls.keys / "host.pub").read_text().split()[:2]
        (cls.keys / "known_hosts").write_text(f"{ADDRESS} " + " ".join(host_key) + "\n")
        # Uses the fastest key exchange, and runs no start-up file of root's shell.
        (cls.keys / "config").write_text(f"""
ListenAddress {ADDRESS}
Port 22
HostKey {cls.keys}/host
AuthorizedKeysFile {cls.keys}/authorized_keys
UsePAM no
StrictModes no
PidFile none
PermitRootLogin yes
KexAlgorithms curve25519-sha256
SetEnv HOME={cls.keys}
""")
        Path("/run/sshd").mkdir(exist_ok=True)
        sshd = subprocess.Popen(["ip", "netns", "exec", cls.server, "/usr/sbin/sshd", "-D", "-e", "-f",
                                 cls.keys / "config"], stderr=subprocess.DEVNULL)
        cls.addClassCleanup(sshd.wait)
        cls.addClassCleanup(sshd.terminate)
        cls.ssh = cls.ssh_with("user", cls.keys / "known_hosts")
        assert eventually(lambda: subprocess.run([*cls.ssh, "true"], capture_output=True).returncode == 0)

    @classmethod
    def ssh_with(cls, key, known_hosts):
        return ["ip", "netns", "exec", cls.client, "ssh", "-o", "BatchMode=yes", "-i", cls.keys / key,
                "-o", "IdentitiesOnly=yes", "-o", f"UserKnownHostsFile={known_hosts}", f"root@{ADDRESS}"]

    def script(self, name, text):
        file = self.folder / name
        file.write_text(text)
        file.chmod(0o755)
        return file

    def arguments(self, *arguments, server=None, more="", results=None):
        """Returns the arguments of a short run between the two. `server` is the command that
        reaches the server, and `more` are further keys of that host."""
        launch = ", ".join(f'"{argument}"' for argument in (server or self.ssh))
        return ["run", "-o", results or self.results, SOURCE / "configs/two-hosts-ssh.yaml",
                "--set", f"hosts.client={{netns: {self.client}}}",
                "--set", f"hosts.server={{launch: [{launch}], address: {ADDRESS}, {more}}}",
                "--set", "plan.repetitions=1", "--set", "plan.cooldown=0ms", "--set", "defaults.duration=200ms",
                "--set", "defaults.warmup=50ms", *arguments]

    def over_ssh(self, *arguments, **options):
        return pingperf(*self.arguments(*arguments, **options))


class Ssh(Remote):
    def test_the_committed_experiment_runs_between_two_namespaces(self):
        done = self.over_ssh()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(set(self.trials().status), {"ok"})

    def test_copy_brings_the_program_and_takes_it_away(self):
        log = self.folder / "log"
        logged = self.script("logged", f'#!/bin/sh\necho "$*" >>{log}\nexec "$@"\n')
        before = set(Path("/tmp").glob(f"pingperf-{32 * '[0-9a-f]'}"))
        done = self.over_ssh("--only", "pingpong", server=[logged, *self.ssh],
                             more="copy: true, pingperf: /nowhere/pingperf")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(set(Path("/tmp").glob(f"pingperf-{32 * '[0-9a-f]'}")) - before, set())
        connections = log.read_text().splitlines()
        self.assertEqual(len(connections), 1, connections)
        self.assertTrue(connections[0].endswith(f"root@{ADDRESS} sh"), connections)

    def test_a_program_runs_at_both_ends_from_copied_files(self):
        for name in ("echo_server.py", "ping_client.py"):
            shutil.copy(SOURCE / "examples" / name, self.folder)
        python = "/usr/bin/python3"
        experiment = self.experiment(f"""
name: program
plan: {{repetitions: 2}}
hosts:
  client: {{netns: {self.client}}}
  server: {{launch: {json.dumps([str(word) for word in self.ssh])}, address: {ADDRESS}}}
programs:
  mine:
    kind: latency
    server: [{python}, ./echo_server.py, "{{address}}", "{{port}}"]
    client: [{python}, ping_client.py, "{{address}}", "{{port}}", "{{message_size_bytes}}", "{{warmup_s}}", "{{duration_s}}"]
    copy_files: [./echo_server.py, ping_client.py]
workloads:
  ping: {{kind: latency, duration: 200ms, warmup: 50ms, engine: mine}}
""")
        folders = lambda: set(Path("/tmp").glob("pingperf-files-*"))
        before = folders()
        done = pingperf("run", "-q", "-o", self.results, experiment, cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        trials = self.trials()
        self.assertEqual(list(trials.status), ["ok", "ok"])
        self.assertTrue((trials.exchanges > 10).all())
        self.assertTrue(eventually(lambda: not folders() - before), folders() - before)

    def test_a_slow_line_only_takes_longer(self):
        # Every line of the agent comes 50 ms late, in both directions.
        slow = self.script("slow", """#!/usr/bin/python3
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
        # The server starts later than the client, which the warmup must cover.
        done = self.over_ssh("--set", "defaults.warmup=500ms", server=[slow, *self.ssh])
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_two_pairs_at_once(self):
        file = self.experiment(f"""
name: pairs
hosts:
  pairs:
    - name: there
      client: {{netns: {self.client}}}
      server: {{netns: {self.server}, address: 10.78.0.2}}
    - name: back
      client: {{netns: {self.server}}}
      server: {{netns: {self.client}, address: 10.78.0.1}}
  at_once: 2
plan: {{repetitions: 2, cooldown: 0ms}}
workloads:
  bulk: {{kind: throughput, engine: blocking, rate: 200mbit, duration: 500ms, warmup: 100ms}}
compare: [{{metric: throughput_bps, axis: pair, baseline: there}}]
""")
        self.run_ok(file)
        trials = self.trials()
        self.assertEqual(sorted(trials.pair), ["back", "back", "there", "there"])
        self.assertEqual(set(trials.case), {"bulk/pair=there", "bulk/pair=back"})
        begin = pandas.to_datetime(trials.started_at)
        end = begin + pandas.to_timedelta(trials.elapsed_s, unit="s")
        for _, block in trials.groupby("block"):
            self.assertLess(begin[block.index].max(), end[block.index].min())  # they overlap
        environment = json.loads((self.run_directory() / "environment.json").read_text())
        self.assertEqual(set(environment["pairs"]), {"1", "2"})


class SshFailures(Remote):
    def test_without_the_program_it_says_so(self):
        done = self.over_ssh("--only", "pingpong", more="pingperf: /nowhere/pingperf")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("server", done.stderr)
        self.assertIn("10.78.0.2", done.stderr)
        self.assertIn("No such file", done.stderr)
        self.assertEqual(len(errors_of(done)), 1, done.stderr)

    def test_a_refused_key_and_an_unknown_host_are_one_line(self):
        command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.keys / "other")
        refused = self.ssh_with("other", self.keys / "known_hosts")
        unknown = self.ssh_with("user", "/dev/null")
        for server, text in ((refused, "ermission denied"), (unknown, "erification failed")):
            done = self.over_ssh("--only", "pingpong", server=server)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(text, done.stderr)
            self.assertEqual(len(errors_of(done)), 1, done.stderr)

    def test_an_address_out_of_reach_is_reported_with_both_ends(self):
        # The server has 10.80.0.1, but the client has no route to it.
        command("ip", "-n", self.server, "address", "add", "10.80.0.1/32", "dev", "lo")
        done = self.over_ssh("--set", "hosts.server.address=10.80.0.1", "--set", "plan.timeout=4s")
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
        host = os.uname().nodename
        trials = self.trials()
        for error in trials.error:
            self.assertIn("connect to 10.80.0.1:", error)
            self.assertIn("Network is unreachable", error)
        for error in trials.error[trials.engine != "iperf3"]:  # libiperf connects after its start
            self.assertIn(f"while the client on {host} tried to reach the server on {host} at 10.80.0.1:",
                          error)

    def test_a_line_that_breaks_at_each_step_fails_that_trial_alone(self):
        # The connection breaks once, after this number of lines of the agent (hello, ready, counters,
        # progress or result) or of the controller (hello, listen, counters, start).
        breaks = self.script("breaks", """#!/usr/bin/python3
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
        steps = [("events", 1), ("events", 2), ("events", 3), ("events", 4),
                 ("requests", 2), ("requests", 3), ("requests", 4)]

        def run(step):
            name = f"{step[0]}-{step[1]}"
            return self.over_ssh("--only", "pingpong", "--set", "plan.repetitions=2", results=self.folder / name,
                                 server=[breaks, *step, self.folder / f"once-{name}", *self.ssh])

        with ThreadPoolExecutor(len(steps)) as pool:
            runs = list(pool.map(run, steps))
        for (way, count), done in zip(steps, runs):
            with self.subTest(way=way, count=count):
                self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
                trials = support.read_table(support.run_directory(self.folder / f"{way}-{count}") / "trials.csv")
                status = list(trials.status)
                self.assertEqual(status.count("failed"), 1, status)
                self.assertEqual(status[-1], "ok")
                self.assertIn("server", trials.error.dropna().iloc[0])

    def test_a_host_that_is_lost_fails_that_trial_and_comes_back_for_the_next(self):
        first = self.folder / "first"  # the process that reaches the host for the first time
        flaky = self.script("flaky", f"""#!/bin/sh
[ -e {first} ] || echo $$ >{first}
exec "$@"
""")
        run = self.start(*self.arguments("--only", "pingpong/transport=tcp", "--set", "plan.repetitions=2", "--set",
                                         "defaults.duration=1s", server=[flaky, *self.ssh]), stderr=subprocess.STDOUT)
        self.assertTrue(eventually(lambda: is_measuring(self.processes_on_server()), 30))
        os.kill(int(first.read_text()), signal.SIGKILL)
        out, _ = run.communicate(timeout=60)
        self.assertEqual(run.returncode, 3, out)
        status = list(self.trials().status)
        self.assertIn("failed", status)
        self.assertEqual(status[-1], "ok")

    def processes_on_server(self):
        return map(int, command("ip", "netns", "pids", self.server).stdout.split())


if __name__ == "__main__":
    support.main()
