"""A run of pingperf for fault injection, and checks of what the run leaves behind.

The controller starts its agents through launcher.py, and inject.cpp is preloaded into every
process. Both report the point they have reached to the stage and wait for its answer. So a fault
occurs at a point of the program and not after a delay.
"""

import csv
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import uuid
from pathlib import Path

from processes import (children, eventually, is_running, kill_all_with, open_files, parent_of, processes_with,
                       words_of)

LAUNCHER = Path(__file__).with_name("launcher.py")
PROGRAM = Path(__file__).with_name("program.py")
PYTHON = ["/usr/bin/python3", "-S", "-E"]
RUN_FILES = {"experiment.yaml", "environment.json", "intervals.csv", "counters.csv", "trials.csv", "summary.csv",
             "comparisons.csv", "junit.xml", "report.html", ".lock"}
MAX_RUN_S = 120
NAMESPACES = Path("/run/netns")
LAB_DEVICES = ("client0", "server0")
FIRST_SERVICE = 1_000_000_000_000  # the number of a variant's first service among the endpoints
# What an agent opens after the start of the first trial: its ends of the pipes of a spare worker, and
# the socket through which it reads the drivers' statistics.
LATER_FILES = 3 + 1


class Wrong(Exception):
    """A result that is not allowed after a fault."""


class Damage(Wrong):
    """An error that a busy machine cannot cause: lost, torn, doubled or changed rows; leftovers."""


def complete_lines(file):
    """Returns the bytes of a file up to its last newline."""
    try:
        text = file.read_bytes()
    except OSError:
        return b""
    return text[:text.rfind(b"\n") + 1]


def has_xdp_program(space):
    """Returns True if an XDP program is attached to an interface of a network namespace."""
    links = subprocess.run(["ip", "-n", space, "-d", "link", "show"], capture_output=True, text=True).stdout
    return re.search(r"\bprog/xdp\b", links) is not None


class Control:
    """The connection through which the launcher of an end receives commands."""

    def __init__(self, connection):
        self.connection = connection
        self.is_done = threading.Event()


class Stage:
    """A folder, a socket for the reports of the processes, and the run. A context manager."""

    def __init__(self, pingperf, inject, experiment, launchers=("client", "server"), small_disk=False, spaces=None):
        """`spaces`: for each end the words of a command that runs its agent, as in a namespace."""
        self.folder = Path(tempfile.mkdtemp(prefix="faults-"))
        self.marker = f"PINGPERF_FAULT_RUN={uuid.uuid4()}"
        self.pingperf = pingperf
        self.inject = inject
        self.small_disk = small_disk
        self.results = self.folder / "results"
        for name in ("results", "tmp", "here", "clocks"):
            (self.folder / name).mkdir()
        self.has_lab = "lab" in experiment
        hosts = {}
        for end in launchers:
            hosts[end] = {"launch": [*PYTHON, str(LAUNCHER), str(self.folder / "socket"), end,
                                     *(spaces or {}).get(end, ())]}
        for end, more in experiment.pop("hosts", {}).items():
            hosts.setdefault(end, {}).update(more)
        (self.folder / "experiment.yaml").write_text(json.dumps({**experiment, **({"hosts": hosts} if hosts else {})}))
        self.controller = None
        self.owners = []  # pids of the controllers: the names of their labs have them
        self.agents, self.launchers = {}, {}  # end -> pid of the newest one
        self.launches = {"client": 0, "server": 0}
        self.controls = {}  # end -> Control of its launcher
        self.messages = {}  # end -> newest line to it or from it
        self.trial = 0
        self.files_open = {}  # pid -> open descriptors at the start of each trial
        self.on_point = lambda point, end: None
        self.undo = []  # functions that end lasting faults
        self.threads = []

    def __enter__(self):
        if self.small_disk:
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", self.results], check=True)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(self.folder / "socket"))
        self.socket.listen(100)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.end_faults()
        kill_all_with(self.marker.encode())
        if self.controller:
            self.controller.wait()
        self.socket.close()
        if self.small_disk:
            subprocess.run(["umount", "-l", self.results], check=True)
        shutil.rmtree(self.folder)

    # ---- The run

    def environment(self):
        name, _, value = self.marker.partition("=")
        requests = {"PINGPERF_FAULT_REQUESTS": "1"} if self.has_lab else {}
        return {**os.environ, **requests, name: value, "LD_PRELOAD": str(self.inject),
                "TMPDIR": str(self.folder / "tmp"),
                "PINGPERF_FAULT_SOCKET": str(self.folder / "socket"),
                "PINGPERF_FAULT_CLOCKS": str(self.folder / "clocks")}

    def start(self, *arguments):
        """Starts `pingperf run` and stores its output."""
        self.printed = {"stdout": b"", "stderr": b""}
        self.readers = {}  # sockets: unlike a pipe, can be shut down while a thread reads
        theirs = {}
        for name in self.printed:
            self.readers[name], theirs[name] = socket.socketpair()
        self.controller = subprocess.Popen([self.pingperf, "run", *map(str, arguments)], **theirs,
                                           env=self.environment(), cwd=self.folder / "here", start_new_session=True)
        self.owners.append(self.controller.pid)
        for name in theirs:
            theirs[name].close()
            thread = threading.Thread(target=self._keep, args=(name, self.readers[name]), daemon=True)
            thread.start()
            self.threads.append(thread)

    def _keep(self, name, reader):
        with reader:
            while chunk := reader.recv(1 << 16):
                self.printed[name] += chunk

    def wait(self):
        """Waits until the run has ended. Returns its exit status."""
        try:
            status = self.controller.wait(timeout=MAX_RUN_S)
        except subprocess.TimeoutExpired:
            raise Wrong(f"the run has not ended after {MAX_RUN_S} s") from None
        self.end_faults()
        while self.threads:
            self.threads.pop().join(1)
        return status

    def run(self):
        self.start("-o", self.results, self.folder / "experiment.yaml")
        return self.wait()

    def resume(self):
        self.trial = 0
        self.files_open.clear()
        self.start("--resume", self.directory())
        return self.wait()

    def end_faults(self):
        while self.undo:
            self.undo.pop()()

    # ---- Reports of the processes

    def _accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            with connection, connection.makefile("rb") as lines:
                for line in lines:
                    message = json.loads(line)
                    if message["point"] in ("control", "done"):
                        self._keep_control(message, connection)
                    else:
                        self._take(message)
                        connection.sendall(b"\n")
        except (OSError, ValueError):
            pass  # a fault has ended the process that reported

    def _keep_control(self, message, connection):
        if message["point"] == "control":
            self.controls[message["end"]] = Control(connection)
        else:
            self.controls[message["end"]].is_done.set()

    def _take(self, message):
        point, end = message["point"], message.get("end", "")
        if point == "launcher":
            self.launchers[end] = message["pid"]
            self.controls.pop(end, None)
            self.launches[end] += 1
        elif point == "agent":
            self.agents[end] = message["agent"]
        elif point == "result":
            end = self.end_of_worker(message["pid"])
        elif point == "line":
            if message["message"].get("endpoint", 0) >= FIRST_SERVICE:
                return
            self.messages[end] = message["message"]
            point = message["message"]["type"]
        is_external = not self.has_lab and "server" not in self.agents
        if point == ("connect" if is_external else "listen"):
            self.trial += 1
            self._begin_trial()
        self.on_point(point, end)

    def _begin_trial(self):
        if self.trial == 3:
            self.end_faults()
        for pid in (self.controller.pid, *self.agents.values()):
            counts = self.files_open.setdefault(pid, [])
            # While a spare worker starts, its agent has both ends of the pipes.
            if counts and counts[0]:
                eventually(lambda: (open_files(pid) or 0) <= counts[0] + LATER_FILES, 0.5)
            counts.append(open_files(pid))

    # ---- Processes and files

    def labs(self):
        """Returns the namespaces of the labs of this stage's controllers."""
        return [path for owner in self.owners for path in NAMESPACES.glob(f"pingperf-{owner}-*")]

    def agent(self, end):
        """Returns the pid of an end's agent. That of a lab is the child in the namespace of the end."""
        if not self.has_lab:
            return self.agents[end]
        spaces = {path.stat().st_ino for path in self.labs() if path.name.endswith(end)}
        found = [pid for pid in children(self.controller.pid)
                 if "agent" in words_of(pid) and Path(f"/proc/{pid}/ns/net").stat().st_ino in spaces]
        if len(found) != 1:
            raise Wrong(f"{len(found)} agents are in the namespace of the {end}")
        return found[0]

    def workers(self, end):
        return [pid for pid in children(self.agent(end)) if "worker" in words_of(pid)]

    def worker(self, end):
        """Returns the pid of the only worker of an end's agent."""
        found = self.workers(end)
        if len(found) != 1:
            raise Wrong(f"the {end}'s agent has {len(found)} workers")
        return found[0]

    def process_of_program(self, role, end):
        """Waits for the command or the daemon of an end of program.py. Returns its pid."""
        found = []

        def is_there():
            found[:] = [pid for pid in processes_with(self.marker.encode())
                        if {role, end, PROGRAM.name} <= set(words_of(pid))]
            return len(found) == 1 and PROGRAM.name not in words_of(parent_of(found[0]))

        if not eventually(is_there, 5):
            raise Wrong(f"the program has {len(found)} processes of this kind: {role}, {end}")
        return found[0]

    def end_of_worker(self, pid):
        for end, agent in self.agents.items():
            if pid in children(agent):
                return end
        return ""

    def command(self, end, text):
        """Sends a command to the launcher of an end and waits up to 0.5 s for its execution."""
        eventually(lambda: end in self.controls, 5)
        control = self.controls[end]
        control.connection.sendall(text.encode() + b"\n")
        control.is_done.wait(0.5)

    def directory(self):
        """Returns the run's directory, or None."""
        found = [d for d in self.results.glob("*/*") if d.is_dir() and not d.is_symlink()]
        if len(found) > 1:
            raise Wrong(f"{len(found)} run directories")
        return found[0] if found else None

    def finished(self):
        """Returns the complete lines of trials.csv."""
        directory = self.directory()
        return complete_lines(directory / "trials.csv") if directory else b""

    def missing_files(self):
        return RUN_FILES - {p.name for p in self.directory().iterdir()}

    # ---- Checks after the run

    def rows(self):
        """Reads trials.csv with Python's csv module, without a torn last row."""
        lines = list(csv.reader(self.finished().decode().splitlines(keepends=True), strict=True))
        if any(len(row) != len(lines[0]) for row in lines):
            raise Damage("a row of trials.csv has more or fewer cells than the header")
        rows = [dict(zip(lines[0], row)) for row in lines[1:]]
        if len({(r["case"], r["repetition"]) for r in rows}) != len(rows):
            raise Damage("a trial has two rows")
        return rows

    def check_nothing_is_left(self):
        if not eventually(lambda: not processes_with(self.marker.encode()), 3):
            names = [Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
                     for pid in processes_with(self.marker.encode())]
            raise Wrong(f"still running: {names}")
        eventually(lambda: not any((self.folder / "tmp").iterdir()), 3)  # copied files go after their agent
        left = [p.name for folder in ("tmp", "here") for p in (self.folder / folder).iterdir()]
        if left:
            raise Damage(f"files remain: {left}")
        if self.labs():
            raise Damage(f"namespaces remain: {[path.name for path in self.labs()]}")
        devices = [name for name in LAB_DEVICES if Path("/sys/class/net", name).exists()]
        if devices:
            raise Damage(f"interfaces of a lab remain: {devices}")
        directory = self.directory()
        if directory:
            odd = {p.name for p in directory.iterdir()} - RUN_FILES - {"histograms"}
            odd |= {p.name for p in directory.glob("histograms/*") if p.suffix != ".hgrm"}
            if odd:
                raise Damage(f"unexpected files in the run's directory: {sorted(odd)}")

    def check_no_program_is_attached(self):
        """Checks the labs that a killed controller has left for the next run."""
        if not eventually(lambda: not any(has_xdp_program(path.name) for path in self.labs()), 3):
            raise Damage("an XDP program is still attached")

    def check_files_open(self):
        """Checks that no process has more open descriptors at its last trial than at its first.

        Before all trials but the first, an agent has a spare worker and reads counters.
        """
        for pid, counts in self.files_open.items():
            counts = [n for n in counts if n]
            later = 0 if pid == self.controller.pid else LATER_FILES
            if counts and counts[-1] > counts[0] + later:
                raise Wrong(f"a process has {counts[-1]} open descriptors, {counts[0]} at its first trial")


# ---- Faults: functions of a stage and a pid


def send_signal(number):
    """Returns a fault that sends a signal and waits up to 0.3 s for the process to end."""
    def fault(stage, pid):
        os.kill(pid, number)
        eventually(lambda: not is_running(pid), 0.3)
    return fault


def stop_for(seconds):
    def fault(stage, pid):
        os.kill(pid, signal.SIGSTOP)
        timer = threading.Timer(seconds, resume_process, [pid])
        timer.daemon = True
        timer.start()
    return fault


def stop_for_good(stage, pid):
    """Stops the process until the run has ended."""
    os.kill(pid, signal.SIGSTOP)
    stage.undo.append(lambda: resume_process(pid))


def resume_process(pid):
    try:
        os.kill(pid, signal.SIGCONT)
    except ProcessLookupError:
        pass


def limit(what, value_of):
    """Returns a fault that limits a resource until the trial after this one starts."""
    def fault(stage, pid):
        before = resource.prlimit(pid, what)

        def lift():
            try:
                resource.prlimit(pid, what, before)
            except ProcessLookupError:
                pass

        stage.undo.append(lift)
        resource.prlimit(pid, what, (value_of(pid), before[1]))
    return fault


def lowest_free_descriptor(pid):
    taken = {int(fd) for fd in os.listdir(f"/proc/{pid}/fd")}
    return next(fd for fd in range(len(taken) + 1) if fd not in taken)


def bytes_of_memory(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()


def step_clock(stage, pid):
    """Sets the wall clock of the process back by one hour."""
    clock = stage.folder / "clocks" / str(pid)
    clock.write_bytes((-3600).to_bytes(8, "little", signed=True))


def fill_disk(stage, pid):
    filler = stage.results / "filler"

    def empty():
        filler.unlink(missing_ok=True)

    stage.undo.append(empty)
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
