"""Helpers of the end-to-end tests: run pingperf, read the files of a run, wait for conditions."""

import os
import pty
import random
import re
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
PINGPERF = "pingperf"  # main() sets it from the command line

NULL_TRIALS = """
name: many
plan: {repetitions: 8, cooldown: 0ms}
workloads:
  nothing: {kind: throughput, engine: noop, duration: 100ms, warmup: 0ms}
"""


def main():
    """Runs the tests of the script. Usage: SCRIPT PATH_OF_PINGPERF [unittest arguments]"""
    global PINGPERF
    PINGPERF = str(Path(sys.argv.pop(1)).resolve())
    unittest.main(module="__main__", verbosity=2)


def pingperf(*arguments, **options):
    return subprocess.run([PINGPERF, *map(str, arguments)], capture_output=True, text=True, timeout=120, **options)


def take_priority():
    """Lets this process and its children run before all others, if the kernel allows it."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        pass


def lower_niceness():
    """Gives this process and its children more CPU time than others, if the kernel allows it."""
    try:
        os.nice(-15)
    except OSError:
        pass


def static_build():
    """Returns the path of the static build beside pingperf; None if there is none of the same version."""
    def version(program):
        return subprocess.run([program, "--version"], capture_output=True, text=True).stdout.split(",")[0]

    static = Path(PINGPERF).with_name("pingperf-static")
    return static if static.exists() and version(static) == version(PINGPERF) else None


def on_terminal(*arguments, stream="stdout", cwd=None, **environment):
    """Returns the text that pingperf prints to a terminal, which is its stdout or stderr."""
    ours, theirs = pty.openpty()
    others = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}
    child = subprocess.Popen([PINGPERF, *map(str, arguments)], **{**others, stream: theirs}, cwd=cwd,
                             env={**os.environ, "TERM": "xterm", **environment})
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other side is closed
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    child.wait(timeout=60)
    return shown.decode().replace("\r\n", "\n")


def read_table(file):
    """Reads a CSV file."""
    import pandas  # takes most of a second, and not every suite needs it
    return pandas.read_csv(file)


def eventually(condition, seconds=10.0):
    """Waits until the condition holds, for that long at most. Returns whether it holds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return condition()


def stat_of(process):
    """Returns /proc/PID/stat from its third field on; None once the process is gone."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def all_processes():
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def processes_of(session):
    """Returns the processes of a session. Zombies are left out."""
    found = []
    for process in all_processes():
        stat = stat_of(process)
        if stat and stat[0] != "Z" and int(stat[3]) == session:
            found.append(process)
    return found


def is_measuring(processes):
    """Returns whether one of the processes is the worker of a trial that is under way."""
    def is_busy_worker(process):
        try:
            command = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        stat = stat_of(process)
        ticks = int(stat[11]) + int(stat[12]) if stat else 0  # of CPU time
        return b"worker" in command and ticks >= 2

    return any(is_busy_worker(process) for process in processes)


def free_port():
    """Returns a port that nothing listens on, below those that the kernel gives to clients."""
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def run_directory(results):
    """Returns the only run in a directory of results."""
    runs = [d for d in results.glob("*/*") if d.is_dir() and not d.is_symlink()]
    assert len(runs) == 1, runs
    return runs[0]


class Run:
    """A run that has succeeded: what it printed, and its files."""

    def __init__(self, results, *arguments, **options):
        done = pingperf("run", "-o", results, *arguments, **options)
        assert done.returncode == 0, done.stdout + done.stderr
        self.stdout, self.stderr = done.stdout, done.stderr
        self.directory = run_directory(results)

    def table(self, name="trials.csv"):
        return read_table(self.directory / name)


def sockets_of_host():
    """The kernel's tables of TCP and UDP sockets over IPv4, in which ports are hexadecimal."""
    return Path("/proc/net/tcp").read_text() + Path("/proc/net/udp").read_text()


def servers_of(page):
    """The servers in Python that a page of docs/ shows."""
    blocks = re.findall(r"```python\n(.*?)```", (SOURCE / "docs" / page).read_text(), re.DOTALL)
    return [block for block in blocks if "serve_forever" in block]


class EndToEnd(unittest.TestCase):
    """Gives each test a folder of its own, and each suite one for the runs that its tests share."""

    HAS_PRIORITY = False  # over other programs: for suites with short trials or judged round trips

    @classmethod
    def setUpClass(cls):
        if cls.HAS_PRIORITY:
            lower_niceness()
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.shared = Path(folder.name)

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.results = self.folder / "results"

    @classmethod
    def shared_run(cls, experiment, *arguments, name="shared"):
        """Runs an experiment, a file or a text. Returns the run, which several tests read."""
        if isinstance(experiment, str):
            file = cls.shared / f"{name}.yaml"
            file.write_text(experiment)
            experiment = file
        return Run(cls.shared / name, experiment, *arguments)

    def experiment(self, text, name="experiment.yaml"):
        file = self.folder / name
        file.write_text(text)
        return file

    def run_directory(self):
        return run_directory(self.results)

    def trials(self):
        return read_table(self.run_directory() / "trials.csv")

    def run_ok(self, *arguments):
        return Run(self.results, *arguments)

    def start(self, *arguments, **options):
        """Starts pingperf, with its stdout on a pipe. It ends with the test."""
        process = subprocess.Popen([PINGPERF, *map(str, arguments)], text=True,
                                   **{"stdout": subprocess.PIPE, **options})
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def serve(self, *arguments, port=0):
        """Starts `pingperf pong` or `sink`, on a free port unless one is given. Returns the process
        and the port."""
        server = self.start(*arguments, "--port", port)
        first = server.stdout.readline()
        self.assertIn(arguments[0].upper(), first)
        bound = int(re.search(r":(\d+) over", first).group(1))
        self.assertIn(port, (0, bound))
        return server, bound

    def start_server(self, script):
        """Runs a server in Python that binds 192.0.2.20, but on a free port of loopback. Returns the port."""
        port = free_port()
        script = re.sub(r'\("192\.0\.2\.20", \d+\)', f'("127.0.0.1", {port})', script)
        server = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        self.assertTrue(eventually(lambda: f":{port:04X} " in sockets_of_host()))
        return port

    def stock_iperf3_server(self):
        """Starts `iperf3 -s` on a free port, which it returns. The server ends with the test."""
        port = free_port()
        server = subprocess.Popen(["iperf3", "-s", "-p", str(port)], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)

        def is_listening():
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", port)) == 0

        self.assertTrue(eventually(is_listening))
        return port
