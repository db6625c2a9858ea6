"""Checks the processes of programs that misbehave: the row of the trial, and that no process is left.

Usage: programs_processes_e2e.py PATH_OF_PINGPERF [unittest arguments]
"""

import contextlib
import fcntl
import json
import os
import pty
import shutil
import signal
import subprocess
import tempfile
import termios
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import support
from support import eventually, pingperf, read_table, run_directory

PYTHON = ["/usr/bin/python3", "-I", "-S", "-c"]
FIGURE = '{"throughput_bps": 1000}'

# Every script of this file begins with these lines. The last argument of a process marks its test.
COMMON = """
import os, signal, socket, subprocess, sys, time
MARK = sys.argv[-1]

def figure():
    print('{"throughput_bps": 1000}', flush=True)

def ignore_all():
    for number in range(1, 65):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass

def child(code, **options):
    streams = {name: options.pop(name, subprocess.DEVNULL) for name in ("stdout", "stderr")}
    code = "import os, signal, subprocess, sys, time\\n" + code
    return subprocess.Popen([sys.executable, "-I", "-S", "-c", code, MARK], **streams, **options)

def listen():
    return socket.create_server((sys.argv[1], int(sys.argv[2])))
"""

# It tells that it lives, so its parent ends only when it has done what it is for.
READY_AND_WAIT = "print('started', flush=True); time.sleep(600)"
DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.signal(signal.SIGHUP, signal.SIG_IGN);" + READY_AND_WAIT
DAEMON = "os.setsid()\nif os.fork(): os._exit(0)\n" + DEAF

SERVER = "server = listen()\ntime.sleep(600)"


def starts(code, **options):
    """Returns a script that starts a child and waits for its line."""
    return f"p = child({code!r}, stdout=subprocess.PIPE, {', '.join(f'{k}={v}' for k, v in options.items())})\n" \
           "p.stdout.readline()\n"


class Misbehaviour(NamedTuple):
    client: str = "figure()"
    server: str = ""
    status: str = "ok"
    error: str = ""  # a part of it
    more: dict = {}  # keys of the program
    plan: dict = {}


MISBEHAVIOURS = {
    "a grandchild ignores SIGTERM": Misbehaviour(starts(DEAF) + "figure()"),
    "a grandchild is a daemon": Misbehaviour(starts(DAEMON) + "figure()"),
    "both ends have daemons": Misbehaviour(starts(DAEMON) + "figure()", starts(DAEMON) + SERVER),
    "a grandchild holds the pipes": Misbehaviour(
        "child('time.sleep(600)', stdout=None, stderr=None)\nfigure()"),
    "a daemon holds the pipes and floods stderr": Misbehaviour(
        "child('os.setsid()\\nwhile True: os.write(2, b\"x\\\\n\" * 9999)', stdout=None, stderr=None)\n"
        "time.sleep(0.1)\nfigure()"),
    "a tree in which each has a session": Misbehaviour(
        starts("for _ in range(5):\n os.setsid() if os.fork() == 0 else None\n" + READY_AND_WAIT) + "figure()"),
    "a chain of daemons that each leave a successor": Misbehaviour(
        "child('while True:\\n if os.fork(): os._exit(0)\\n os.setsid(); time.sleep(0.001)')\ntime.sleep(0.1)\nfigure()"),
    "the server ignores SIGTERM": Misbehaviour(server="ignore_all()\n" + SERVER),
    "the server stops itself": Misbehaviour(
        "time.sleep(0.1)\nfigure()", server="server = listen()\nos.kill(os.getpid(), signal.SIGSTOP)"),
    "the server does not end itself": Misbehaviour(
        server=starts(DAEMON) + SERVER, more={"stop": "self"}, status="failed",
        error="program 'it' did not end after its client"),
    "the server dies in the trial": Misbehaviour(
        "time.sleep(5)", starts(DAEMON) + "server = listen()\ntime.sleep(0.2)\nos.abort()",
        status="failed", error="program 'it' was killed by SIGABRT"),
    "the client ignores all signals": Misbehaviour(
        starts(DAEMON) + "ignore_all()\nwhile True: time.sleep(1)", SERVER, status="timeout",
        error="the trial did not end within 1.0 s", plan={"timeout": "1s"}),
    "the client exits with 3": Misbehaviour(
        starts(DAEMON) + "sys.stderr.write('first\\nno route\\n')\nsys.exit(3)", starts(DAEMON) + SERVER,
        status="failed", error="program 'it' exited with status 3; its last line: no route"),
    "3 is a success": Misbehaviour("figure()\nsys.exit(3)", more={"exit_codes": [0, 3]}),
    "a signal kills the client": Misbehaviour(
        "os.kill(os.getpid(), signal.SIGKILL)", status="failed", error="program 'it' was killed by SIGKILL"),
    "the client prints no figure": Misbehaviour(
        "print('nothing')", status="failed",
        error="printed no valid figure: throughput_bps: no line of the output begins with a JSON object or list; its last line: nothing"),
    "the server exits before it is ready": Misbehaviour(
        server=starts(DAEMON) + "sys.exit('no licence')", status="failed",
        error="program 'it' exited with status 1 before it was ready; its last line: no licence"),
    "the server is a daemon": Misbehaviour(
        server="if os.fork(): os._exit(0)\nos.setsid()\n" + SERVER, status="failed",
        error="exited with status 0 before it was ready (a server has to stay in the foreground)"),
    "the server never listens": Misbehaviour(
        server=starts(DAEMON) + "time.sleep(600)", status="failed",
        error="nothing listens on 127.0.0.1:", plan={"timeout": "1s"}),
    "the line of readiness never comes": Misbehaviour(
        server="print('read')\n" + SERVER, more={"ready": {"line": "ready$"}}, status="failed",
        error="no line matches 'ready$'", plan={"timeout": "1s"}),
    "the executable is missing": Misbehaviour(
        more={"client": ["./no-such-client"]}, status="refused", error="there is no executable ./no-such-client in "),
    "the server's executable is missing": Misbehaviour(
        more={"server": ["no-such-server"]}, status="refused", error="there is no executable no-such-server in PATH"),
    "the folder is missing": Misbehaviour(
        more={"cwd": "/no/such"}, status="failed",
        error="exited with status 127; its last line: cannot enter the directory '/no/such': No such file"),
    # More than is kept. The last figure counts.
    "3 MiB of output": Misbehaviour(
        "print('{\"throughput_bps\": 1}')\nfor _ in range(3000):\n print('x' * 1000)\n"
        " print('y' * 1000, file=sys.stderr)\nfigure()"),
    "an early figure and 3 MiB of output": Misbehaviour(
        "figure()\nfor _ in range(3000): print('x' * 1000)", status="failed",
        error="no line of the output begins with a JSON object or list (only the last MiB of the output is kept)"),
    "many figures": Misbehaviour("for i in range(3000): print('{\"throughput_bps\": %d}' % i)\nfigure()"),
}


def literal(word):
    """Returns a word that stands for itself: braces of placeholders are doubled."""
    return word.replace("{", "{{").replace("}", "}}")


def command(code, mark, *arguments):
    return [*PYTHON, literal(COMMON + code), *arguments, mark]


def processes_with(mark):
    """Returns the command lines of the processes that have `mark` as an argument. No zombie has one."""
    found = []
    for process in support.all_processes():
        try:
            words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if mark.encode() in words:
            found.append(process)
    return found


def program(client, server, mark):
    ends = {"client": command(client, mark, "{address}")}
    if server:
        ends["server"] = command(server, mark, "{address}", "{port}")
    return {"kind": "throughput", "parameters": ["duration"], **ends,
            "results": {"throughput_bps": {"json": "/throughput_bps"}}}


# Prints the number of the processes with a mark. As a second engine it is a witness of what the trial
# before has left.
COUNT = f"""
import os
left = 0
for entry in os.listdir("/proc"):
    try:
        left += MARK[1:].encode() in open("/proc/" + entry + "/cmdline", "rb").read().split(bytes(1))
    except OSError:
        pass
print('{{"throughput_bps": %d}}' % left)
"""


def experiment(it, mark, hosts=None, plan=None):
    text = {"name": "misbehaviour", "plan": {"repetitions": 1, "order": "sequential", "cooldown": "0ms",
                                             "timeout": "20s", **(plan or {})},
            "programs": {"it": it, "witness": program(COUNT, "", "-" + mark)},
            "workloads": {"bulk": {"kind": "throughput", "duration": "100ms", "matrix": {"engine": ["it", "witness"]}}}}
    if hosts:
        text["hosts"] = hosts
    return json.dumps(text)


class Rows(support.EndToEnd):
    """The rows of programs that misbehave, and what the next trial sees of them."""

    hosts = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with ThreadPoolExecutor(4) as pool:
            cls.outcomes = dict(zip(MISBEHAVIOURS, pool.map(cls.outcome, MISBEHAVIOURS.values())))

    @classmethod
    def outcome(cls, what):
        """Runs it and the witness. Returns the rows and the processes that are left after the run."""
        mark = f"mark-{uuid.uuid4()}"
        folder = Path(tempfile.mkdtemp(dir=cls.shared))
        file = folder / "experiment.yaml"
        file.write_text(experiment({**program(what.client, what.server, mark), **what.more}, mark, cls.hosts, what.plan))
        done = pingperf("run", "-q", "-o", folder / "results", file, cwd=folder)
        if done.returncode not in (0, 3):
            return done.stderr, processes_with(mark)
        return read_table(run_directory(folder / "results") / "trials.csv"), processes_with(mark)

    def check(self, name):
        what, (rows, left) = MISBEHAVIOURS[name], self.outcomes[name]
        self.assertNotIsInstance(rows, str, rows)
        it, witness = rows.iloc[0], rows.iloc[1]
        self.assertEqual((it.engine, it.status), ("it", what.status), it.error)
        if what.status == "ok":
            self.assertEqual(it.throughput_bps, 1000)
        else:
            self.assertIn(what.error, it.error)
        self.assertEqual((witness.status, witness.throughput_bps), ("ok", 0), witness.error)
        self.assertEqual(left, [])

    def test_the_row_is_right_and_no_process_is_left(self):
        for name in MISBEHAVIOURS:
            with self.subTest(name):
                self.check(name)

    def test_the_witness_sees_a_process(self):
        """Makes sure that the other test can fail."""
        mark = f"mark-{uuid.uuid4()}"
        process = subprocess.Popen([*PYTHON, "import sys; sys.stdin.read()", mark], stdin=subprocess.PIPE)
        try:
            file = self.experiment(experiment(program("figure()", "", mark), mark))
            self.run_ok("-q", file)
            self.assertEqual(self.trials().throughput_bps[1], 1)
        finally:
            process.communicate()


class Launched(support.EndToEnd):
    """The same with agents that a launcher starts."""

    def test_a_failure_behind_a_launcher_leaves_no_process(self):
        Rows.shared, Rows.hosts = self.shared, {end: {"launch": ["env"]} for end in ("client", "server")}
        names = ("both ends have daemons", "the client exits with 3", "the executable is missing",
                 "the client ignores all signals")
        for name in names:
            with self.subTest(name):
                self.outcomes = {name: Rows.outcome(MISBEHAVIOURS[name])}
                Rows.check(self, name)


FACTS = """
import json
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
try:
    terminal = bool(os.close(os.open("/dev/tty", os.O_RDWR)) or True)
except OSError:
    terminal = False
facts = {"group": os.getpgrp() == os.getpid(), "terminal": terminal, "ignored": int(status["SigIgn"], 16) & ~(1 << 12 | 1 << 24),
         "blocked": int(status["SigBlk"], 16), "stdin": os.readlink("/proc/self/fd/0"),
         "variable": os.environ.get("VARIABLE"), "inherited": os.environ.get("INHERITED"),
         "files": sorted(int(fd) for fd in os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd/" + fd))}
open(sys.argv[2], "w").write(json.dumps(facts))
figure()
"""


class Surroundings(support.EndToEnd):
    def test_a_program_starts_with_clean_files_and_signals(self):
        """pingperf itself has open files and a terminal, and ignores or blocks signals."""
        mark, facts = f"mark-{uuid.uuid4()}", self.folder / "facts"
        it = {**program("", "", mark), "env": {"VARIABLE": "{address}"},
              "client": command(FACTS, mark, "{address}", str(facts))}
        file = self.experiment(experiment(it, mark))
        more = [os.dup2(2, fd) for fd in (5, 9, 77)]
        terminal, end = pty.openpty()

        def spoil():
            fcntl.ioctl(end, termios.TIOCSCTTY, 0)
            for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGPIPE):
                signal.signal(number, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGCHLD})

        done = pingperf("run", "-q", "-o", self.results, file, preexec_fn=spoil, pass_fds=more, restore_signals=False,
                        start_new_session=True, env={**os.environ, "INHERITED": "yes"})
        for fd in (*more, terminal, end):
            os.close(fd)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(facts.read_text()),
                         {"group": True, "terminal": False, "ignored": 0, "blocked": 0, "stdin": "/dev/null", "variable": "127.0.0.1",
                          "inherited": "yes", "files": [0, 1, 2]})

    def test_a_port_that_another_program_has_is_busy_not_ready(self):
        mark, port = f"mark-{uuid.uuid4()}", support.free_port()
        other = support.socket.create_server(("127.0.0.1", port))
        self.addCleanup(other.close)
        it = program("figure()", SERVER, mark)
        text = json.loads(experiment(it, mark))
        text["workloads"]["bulk"].update(port=port, matrix={"engine": ["it"]})
        done = pingperf("run", "-q", "-o", self.results, self.experiment(json.dumps(text)))
        self.assertEqual(done.returncode, 3, done.stderr)
        row = self.trials().iloc[0]
        self.assertEqual(row.status, "refused")
        self.assertIn(f"program 'it': 127.0.0.1:{port} has a listener already", row.error)


PROGRESS = """
for i in range(600_000):
    print('{"pingperf": 1, "interval": {"start_s": %d, "end_s": %d, "bytes_sent": 1}}' % (i, i + 1), flush=True)
    time.sleep(0.001)
"""


def parent_of(process):
    stat = support.stat_of(process)
    return int(stat[1]) if stat else None


class Kills(support.EndToEnd):
    """Processes of pingperf that are killed while programs with daemons run."""

    def begin(self, client=starts(DAEMON) + "time.sleep(600)", server=starts(DAEMON) + SERVER, count=4):
        """Starts a run, and waits until so many processes of its program run."""
        self.mark = f"mark-{uuid.uuid4()}"
        file = self.experiment(experiment(program(client, server, self.mark), self.mark))
        run = self.start("run", "-q", "-o", self.results, file, start_new_session=True, stderr=subprocess.DEVNULL)
        self.addCleanup(self.kill_all)
        self.assertTrue(eventually(lambda: self.is_complete(count)))
        return run

    def is_complete(self, count):
        """Returns whether so many processes run and each is a child of a worker, as daemons are in the end."""
        found = processes_with(self.mark)
        return len(found) == count and not {parent_of(p) for p in found} & {*found, None}

    def kill_all(self):
        for process in processes_with(self.mark):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def workers(self, run):
        """Returns the workers that have a program as a child."""
        parents = {parent_of(p) for p in processes_with(self.mark)}
        return [p for p in support.processes_of(run.pid) if p in parents and p not in processes_with(self.mark)]

    def check_nothing_is_left(self, run):
        self.assertTrue(eventually(lambda: not processes_with(self.mark)), processes_with(self.mark))
        run.wait(30)
        self.assertTrue(eventually(lambda: not support.processes_of(run.pid)))

    def test_the_whole_group_is_killed(self):
        run = self.begin()
        os.killpg(run.pid, signal.SIGKILL)
        self.check_nothing_is_left(run)

    def test_a_stopped_worker_loses_its_agent(self):
        for end in ("client", "server"):
            with self.subTest(end):
                run = self.begin()
                worker = self.workers(run)[end == "client"]  # its worker is the newer one
                os.kill(worker, signal.SIGSTOP)
                os.kill(parent_of(worker), signal.SIGKILL)
                self.check_nothing_is_left(run)
                shutil.rmtree(self.results)

    def test_a_worker_and_its_controller_are_killed(self):
        run = self.begin()
        for worker in self.workers(run):
            os.kill(worker, signal.SIGKILL)
        run.kill()
        self.check_nothing_is_left(run)

    def test_an_agent_is_killed_while_the_server_becomes_ready(self):
        run = self.begin(server=starts(DAEMON) + "time.sleep(600)", count=2)
        os.kill(parent_of(self.workers(run)[0]), signal.SIGKILL)
        self.check_nothing_is_left(run)

    def test_an_agent_is_killed_while_its_worker_reports_progress(self):
        run = self.begin(client=starts(DAEMON) + PROGRESS)
        client = self.workers(run)[1]
        os.kill(parent_of(client), signal.SIGKILL)
        self.check_nothing_is_left(run)

    def test_ctrl_c_ends_the_programs(self):
        run = self.begin()
        os.killpg(run.pid, signal.SIGINT)
        self.check_nothing_is_left(run)
        self.assertEqual(run.returncode, 130)
        self.assertEqual(list(self.trials().status), ["interrupted"])


if __name__ == "__main__":
    support.main()
