"""Runs trials of Ethernet frames between two network namespaces. Needs root.

Usage: frames_e2e.py PATH_OF_PINGPERF [unittest arguments]
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import unittest
from pathlib import Path

import network
import support
from network import command
from support import eventually, is_measuring, pingperf, processes_of

CLIENT, SERVER = "frames-client", "frames-server"
EXPERIMENT = f"""
name: frames
hosts: {{client: {{netns: {CLIENT}}}, server: {{netns: {SERVER}}}}}
plan: {{repetitions: 1, cooldown: 0ms}}
defaults:
  kind: latency
  transport: ethernet
  duration: 200ms
  warmup: 50ms
  interface: {{client: a0, server: b0}}
workloads:
  plain: {{engine: packet}}
  mapped: {{engine: packet, mapped_ring: true}}
  xdp: {{engine: xdp}}
  bulk: {{kind: throughput, engine: xdp, message_size: 1514}}
"""


class Frames(network.Network):
    """Each test has two namespaces that a veth pair connects."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for engine in json.loads(pingperf("engines", "--format", "json").stdout):
            if engine["name"] == "xdp" and engine["unavailable"]:
                raise unittest.SkipTest(engine["unavailable"])

    def setUp(self):
        super().setUp()
        for name in (CLIENT, SERVER):
            command("ip", "netns", "add", name)
            self.addCleanup(command, "ip", "netns", "delete", name)
        command("ip", "-n", CLIENT, "link", "add", "a0", "type", "veth", "peer", "name", "b0", "netns", SERVER)
        for name, device in ((CLIENT, "a0"), (SERVER, "b0")):
            command("ip", "-n", name, "link", "set", device, "up")

    def has_program(self, *names):
        return any(re.search(r"\b(xdp|xdpgeneric)\b", command("ip", "-n", name, "-d", "link", "show").stdout)
                   for name in names or (CLIENT, SERVER))

    def test_every_engine_measures_between_two_namespaces(self):
        trials = self.run_ok(self.experiment(EXPERIMENT)).table().set_index("workload")
        self.assertEqual(set(trials.status), {"ok"})
        for workload in ("plain", "mapped", "xdp"):
            self.assertGreater(trials.exchanges[workload], 0)
            self.assertEqual(trials.client_interface[workload], "a0")
        self.assertGreater(trials.throughput_bps["bulk"], 0)
        self.assertFalse(self.has_program())

    def start_xdp_trial(self):
        """Starts a long trial of engine xdp. Returns its process when both programs are attached."""
        child = self.start("run", self.experiment(EXPERIMENT), "--only", "xdp", "-o", self.results,
                           "--set", "defaults.duration=60s", start_new_session=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.assertTrue(eventually(lambda: is_measuring(processes_of(child.pid))))
        self.assertTrue(eventually(lambda: self.has_program(CLIENT) and self.has_program(SERVER)))
        return child

    def processes(self, child, role):
        """Returns the workers, the agents or the controller of a run."""
        if role == "controller":
            return [child.pid]
        return [p for p in processes_of(child.pid)
                if role.encode() in Path(f"/proc/{p}/cmdline").read_bytes().split(b"\0")]

    def test_without_locked_memory_the_row_names_the_memory_and_the_limit(self):
        if not shutil.which("setpriv"):
            self.skipTest("setpriv (util-linux) is missing")
        launcher = "setpriv, --bounding-set=-ipc_lock, prlimit, --memlock=1024:1024"
        done = pingperf("run", "-o", self.results, "--only", "xdp", self.experiment(EXPERIMENT.replace(
            f"client: {{netns: {CLIENT}}}", f"client: {{launch: [{launcher}, ip, netns, exec, {CLIENT}]}}")))
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertRegex(self.trials().error[0],
                         r"4 MiB for the frames of an AF_XDP socket.*: Cannot allocate memory .*ulimit -l: 1,")

    def test_no_program_stays_attached_after_a_kill(self):
        for role in ("worker", "agent", "controller"):
            with self.subTest(role):
                child = self.start_xdp_trial()
                for process in self.processes(child, role):
                    with contextlib.suppress(ProcessLookupError):  # it may have ended with the first
                        os.kill(process, signal.SIGKILL)
                if role != "controller":
                    child.send_signal(signal.SIGINT)
                child.wait(timeout=30)
                self.assertTrue(eventually(lambda: not processes_of(child.pid)))
                self.assertTrue(eventually(lambda: not self.has_program()))

    def test_an_interrupt_detaches_the_programs(self):
        child = self.start_xdp_trial()
        child.send_signal(signal.SIGINT)
        self.assertEqual(child.wait(timeout=30), 130)
        self.assertFalse(self.has_program())

    def failure(self, *settings):
        """Returns the error of a trial that fails."""
        arguments = [word for setting in settings for word in ("--set", setting)]
        folder = self.folder / f"run{len(list(self.folder.iterdir()))}"
        pingperf("run", self.experiment(EXPERIMENT), "--only", "xdp", "-o", folder, *arguments)
        trials = support.read_table(support.run_directory(folder) / "trials.csv")
        return trials.status[0], str(trials.error[0])

    def test_what_is_missing_is_the_error_of_the_trial(self):
        status, error = self.failure("defaults.interface.server=nowhere")
        self.assertNotEqual(status, "ok")
        self.assertIn("interface 'nowhere' does not exist", error)
        command("ip", "-n", SERVER, "link", "set", "b0", "down")
        self.assertIn("interface 'b0' is down", self.failure()[1])
        command("ip", "-n", SERVER, "link", "set", "b0", "up")
        self.assertIn("driver of interface", self.failure("workloads.xdp.zero_copy=true")[1])
        self.assertIn("at most 1514 bytes", self.failure("workloads.xdp.message_size=1515")[1])


if __name__ == "__main__":
    support.main()
