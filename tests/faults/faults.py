"""Every process of a run, in every phase, struck by every fault: what becomes of the run, and what is left of it.

A combination is named ROLE.END/PHASE/FAULT, and /LOAD unless it is the plain one.
"""

import argparse
import fnmatch
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import page
import stage as stages
from stage import Stage, Wrong, complete_lines


PHASES = ("launch", "relaunch", "listen", "connect", "warmup", "measure", "collect", "record", "summarise")
IN_TRIAL = PHASES[2:7]

SIGNALS = {
    "SIGKILL": stages.send_signal(signal.SIGKILL),
    "SIGTERM": stages.send_signal(signal.SIGTERM),
    "SIGSEGV": stages.send_signal(signal.SIGSEGV),
    "SIGSTOP 3 s": stages.stop_for(3),
}
SHORTAGES = {
    "EMFILE": stages.limit(resource.RLIMIT_NOFILE, stages.lowest_free_descriptor),
    "ENOMEM": stages.limit(resource.RLIMIT_AS, stages.bytes_of_memory),
}
LINES = {"garbage line": "garbage", "half a line": "half", "64 MB line": "huge"}


class Combination(NamedTuple):
    role: str  # controller, agent, worker, launcher
    end: str  # client, server; empty of the controller
    phase: str
    fault: str
    load: str = "bulk"

    def __str__(self):
        who = ".".join(filter(None, (self.role, self.end)))
        return f"{who}/{self.phase}/{self.fault}" + ("" if self.load == "bulk" else f"/{self.load}")


# ---- What is run


class Load(NamedTuple):
    """A workload that the fault comes upon: its parameters, and the server when it is none of ours."""
    parameters: dict
    external: str = ""


BULK = {"kind": "throughput", "engine": "blocking", "transport": "tcp", "rate": "50mbit", "duration": "400ms",
        "warmup": "300ms"}
IPERF3 = {**BULK, "engine": "iperf3", "duration": "700ms"}
PING = {"kind": "latency", "engine": "blocking", "transport": "tcp", "frequency": 500, "messages": 400, "warmup": "300ms"}
LOADS = {
    "bulk": Load(BULK),
    "iperf3": Load(IPERF3),
    "udp": Load({**BULK, "transport": "udp", "message_size": 1400}),
    "ping": Load(PING),  # leaves a histogram: the controller opens and writes another file
    "epoll": Load({**BULK, "engine": "epoll"}),
    "pong": Load(PING, "pong"),
    "sink": Load(BULK, "sink"),
    "iperf3 -s": Load(IPERF3, "iperf3 -s"),
    "lab": Load(BULK),
}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def experiment_of(c, port):
    load = LOADS[c.load]
    experiment = {
        "name": "struck",
        "plan": {"repetitions": 3, "order": "sequential", "cooldown": "0ms",
                 "timeout": "4s" if c.fault.startswith("peer") else "20s"},
        "workloads": {"it": dict(load.parameters)},
    }
    if c.load == "lab":
        experiment["lab"] = {"rate": "100mbit"}
    elif load.external:
        experiment["hosts"] = {"server": {"external": "127.0.0.1", "port": port}}
    elif c.fault == "port stolen":
        experiment["workloads"]["it"]["port"] = port
    return experiment


# ---- Faults


def stdout_closed(stage, c):
    if c.role == "controller":
        stage.readers["stdout"].shutdown(socket.SHUT_RD)
    else:
        stage.command(c.end, "mute agent" if c.role == "agent" else "close controller")


def line(what):
    """A line that nobody would say: of the controller to the server's agent, of an agent, of a worker."""
    def fault(stage, c):
        if c.role == "controller":
            stage.command("server", f"{what} agent")
        elif c.role == "agent":
            stage.command(c.end, f"{what} controller")
        else:
            threading.Thread(target=say_for_worker, args=(stage.worker(c.end), what), daemon=True).start()
            time.sleep(0.05)
    return fault


def say_for_worker(pid, what):
    text = {"garbage": b"Segmentation fault (core dumped)\n", "half": b'{"type":"progr', "huge": b"{" * (64 << 20)}[what]
    try:
        with open(f"/proc/{pid}/fd/3", "wb", buffering=0) as events:
            while text:
                text = text[events.write(text):]
    except OSError:
        pass  # the agent has had enough


def peer_silent(stage, c):
    if LOADS[c.load].external:
        stages.stop_for_good(stage, stage.external.process.pid)
    elif c.role == "worker":
        stages.stop_for_good(stage, stage.worker("server" if c.end == "client" else "client"))
    else:
        stages.stop_for_good(stage, pid_of(stage, c))


def peer_gone(stage, c):
    stage.external.stop()
    stage.undo.append(stage.external.start)


def port_stolen(stage, c):
    """Somebody else listens where the server was to."""
    if LOADS[c.load].external:
        peer_gone(stage, c)
    kind = socket.SOCK_DGRAM if LOADS[c.load].parameters["transport"] == "udp" else socket.SOCK_STREAM
    thief = socket.socket(socket.AF_INET, kind)
    thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    thief.bind(("127.0.0.1", stage.port))
    if kind == socket.SOCK_STREAM:
        thief.listen(10)
        threading.Thread(target=greet_all, args=(thief,), daemon=True).start()
    stage.undo.append(lambda: (thief.shutdown(socket.SHUT_RDWR) if kind == socket.SOCK_STREAM else None, thief.close()))


def greet_all(listener):
    try:
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"220 mail.example.org ESMTP\r\n")
                connection.recv(1000)
    except OSError:
        pass


def at_process(fault):
    return lambda stage, c: fault(stage, pid_of(stage, c))


def pid_of(stage, c):
    if c.role == "controller":
        return stage.controller.pid
    if c.role == "worker":
        return stage.worker(c.end)
    return (stage.agents if c.role == "agent" else stage.launchers)[c.end]


FAULTS = {
    **{name: at_process(fault) for name, fault in {**SIGNALS, **SHORTAGES}.items()},
    **{name: line(what) for name, what in LINES.items()},
    "exit()": at_process(stages.send_signal(signal.SIGUSR1)),  # inject.cpp makes it one
    "stdout closed": stdout_closed,
    "disk full": at_process(stages.fill_disk),
    "clock step": at_process(stages.step_clock),
    "peer silent": peer_silent,
    "peer gone": peer_gone,
    "port stolen": port_stolen,
}


# ---- The combinations that make sense


LAB_MOMENTS = {"launch": "hello", "listen": "listen", "connect": "connect", "warmup": "start", "collect": "result",
               "record": "record", "summarise": "summarise"}


def combinations():
    """All of them, in the order of the table."""
    ends = ("client", "server")
    common = (*SIGNALS, "stdout closed")
    for load, faults in (("bulk", (*common, *LINES, "clock step")), ("ping", (*SHORTAGES, "disk full"))):
        for fault in faults:
            for phase in PHASES:
                yield Combination("controller", "", phase, fault, load)
    for fault in SIGNALS:
        for phase in LAB_MOMENTS:
            yield Combination("controller", "", phase, fault, "lab")
    for end in ends:
        for fault in (*common, *LINES, *SHORTAGES, "clock step", "peer silent"):
            for phase in PHASES:
                yield Combination("agent", end, phase, fault)
    for end in ends:
        for fault in (*common, "peer silent"):
            for phase in PHASES:
                yield Combination("launcher", end, phase, fault)
    for load, faults in (("bulk", (*SIGNALS, "exit()", *LINES, *SHORTAGES, "clock step", "peer silent")),
                         ("iperf3", (*SIGNALS, "exit()"))):
        for end in ends:
            for fault in faults:
                for phase in phases_of_worker(end, fault):
                    yield Combination("worker", end, phase, fault, load)
    for load in ("pong", "sink", "iperf3 -s"):
        for fault in ("peer silent", "peer gone"):
            for phase in IN_TRIAL[1:]:
                yield Combination("worker", "client", phase, fault, load)
        yield Combination("worker", "client", "connect", "port stolen", load)
    for load in ("bulk", "udp", "epoll", "iperf3"):
        yield Combination("worker", "server", "listen", "port stolen", load)


def needs_root(c):
    return c.load == "lab" or c.fault == "disk full"


def phases_of_worker(end, fault):
    """Those in which the process to be struck is there."""
    if fault == "peer silent" and end == "server":  # the client's
        return IN_TRIAL[2:]
    return IN_TRIAL if end == "server" else IN_TRIAL[1:]


def short_selection():
    """Each role, end, load and fault once, the phases in turn."""
    groups = {}
    for c in combinations():
        groups.setdefault((c.role, c.end, c.fault, c.load), []).append(c)
    return [group[number % len(group)] for number, group in enumerate(groups.values())]



ENDS_THE_CONTROLLER = {"SIGKILL", "SIGSEGV", "ENOMEM", "stdout closed"}


def allowed(c):
    """The outcomes that are right; which of several it is, is a matter of milliseconds."""
    if c.fault == "clock step" or c.fault == "SIGSTOP 3 s" and c.role == "controller":
        return {"ok"}
    if c.fault == "SIGSTOP 3 s" or c.fault in SHORTAGES and c.role == "worker":
        return {"ok", "failed"}
    if c.role == "controller":
        return allowed_of_controller(c)
    if c.role == "worker":
        return allowed_of_worker(c)
    if c.phase == "summarise":
        return {"ok"}
    if c.fault in SHORTAGES:
        return {"no run", "failed"} if c.phase == "launch" else {"ok", "failed"}
    if c.phase == "launch":
        return {"no run"}
    return {"timeout", "failed"} if c.fault == "peer silent" else {"failed"}


def allowed_of_controller(c):
    if c.fault in LINES:
        return {"launch": {"no run"}, "summarise": {"ok"}}.get(c.phase, {"failed"})
    if c.fault == "stdout closed":
        return {"complete"}
    if c.fault in SHORTAGES:
        return {"no run"} if c.phase == "launch" else {"ok", "failed", "resumed", "complete", "complete, failed"}
    if c.fault == "SIGTERM":
        return {"launch": {"resumed", "no run"}, "record": {"resumed"}, "summarise": {"complete"}}.get(
            c.phase, {"interrupted"})
    return {"launch": {"no run"}, "summarise": {"complete"}}.get(c.phase, {"resumed"})


def allowed_of_worker(c):
    if c.fault == "port stolen":
        return {"failed"} if LOADS[c.load].external else {"refused"}
    if c.fault.startswith("peer"):
        outcomes = {"timeout", "failed"} if c.fault == "peer silent" else {"failed"}
        is_too_late = c.phase == "collect" or (c.fault, c.load) == ("peer silent", "sink")  # all fits into its buffer
        return outcomes | {"ok"} if is_too_late else outcomes
    return {"failed"}


# ---- One of them


def moment_of(c):
    """The point, and whose, at which a combination strikes."""
    is_worker = c.role == "worker"
    if c.load == "lab":
        return (LAB_MOMENTS[c.phase], "")
    if c.phase in ("launch", "relaunch"):
        needs_agent = c.role == "agent" or c.fault in LINES or (c.role, c.fault) == ("launcher", "stdout closed")
        return ("hello" if needs_agent else "launcher", launched(c))
    if c.phase == "listen":
        return ("ready" if is_worker and c.fault != "port stolen" else "listen", "server")
    if c.phase == "connect":
        return ("ready" if is_worker and c.end == "client" and not LOADS[c.load].external else "connect", "client")
    if c.phase == "warmup" or c.phase == "measure" and is_timed(c):
        return ("start", "client")
    if c.phase == "measure":
        return ("progress", c.end or "client")
    if c.phase == "collect":
        return ("result", c.end or "server")
    return (c.phase, "")


def launched(c):
    """The end whose launch is meant; the controller's first."""
    return c.end or ("server" if c.fault in LINES else "client")


def is_timed(c):
    """Whether nothing tells of the measured window: libiperf and ping-pongs have no progress to show."""
    return c.load.startswith("iperf3") or LOADS[c.load].parameters["kind"] == "latency"


def delay_of(c):
    """Seconds from the moment to the fault; None: the moment lasts until the fault has come."""
    if c.phase == "warmup":
        return 0.06
    return 0.5 if c.phase == "measure" and is_timed(c) else None


class External:
    """A server that somebody else has started."""

    def __init__(self, pingperf, name, port):
        self.command = {"pong": [pingperf, "pong", "--port", str(port)],
                        "sink": [pingperf, "sink", "--port", str(port)],
                        "iperf3 -s": ["iperf3", "-s", "-p", str(port)]}[name]
        self.port = port
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if not stages.eventually(self._listens, 10):
            raise Wrong("the external server does not listen")

    def _listens(self):
        listening = f":{self.port:04X} 00000000:0000 0A"
        return listening in Path("/proc/net/tcp").read_text() or listening in Path("/proc/net/tcp6").read_text().replace(
            "00000000000000000000000000000000", "00000000")

    def stop(self):
        self.process.kill()
        self.process.wait()


class Strike:
    """Brings one fault upon one run, and finds out what became of it."""

    def __init__(self, pingperf, inject, c):
        self.c = c
        self.port = free_port()
        self.pingperf = pingperf
        external = LOADS[c.load].external
        launchers = () if c.load == "lab" else ("client",) if external else ("client", "server")
        self.stage = Stage(pingperf, inject, experiment_of(c, self.port), launchers, small_disk=c.fault == "disk full")
        self.stage.port = self.port
        self.lock = threading.Lock()
        self.struck = False
        self.finished_before = b""
        self.error = ""

    def outcome(self):
        """What became of the run, in a word. Throws Wrong."""
        with self.stage as stage:
            external = LOADS[self.c.load].external
            if external:
                stage.external = External(self.pingperf, external, self.port)
            try:
                stage.on_point = self.on_point
                status = stage.run()
                stage.on_point = lambda point, end: None
                if self.error or not self.struck:
                    raise Wrong(self.error or "the fault never came")
                return self.judge(status)
            except Wrong as wrong:
                raise Wrong(f"{wrong}\n{self.evidence()}") from None
            finally:
                if external:
                    stage.end_faults()
                    stage.external.stop()

    def on_point(self, point, end):
        stage, c = self.stage, self.c
        if c.phase == "relaunch" and (point, end) == ("connect", "client") and stage.trial == 1:
            os.kill(stage.agents[launched(c)], signal.SIGKILL)
        if (point, end) != moment_of(c) or not self.is_time():
            return
        with self.lock:
            if self.struck:
                return
            self.struck = True
        delay = delay_of(c)
        if delay is None:
            self.strike()
        else:
            threading.Timer(delay, self.strike).start()

    def is_time(self):
        if self.c.load != "lab" and self.c.phase in ("launch", "relaunch"):
            return self.stage.launches[launched(self.c)] == (1 if self.c.phase == "launch" else 2)
        return self.c.phase in ("launch", "summarise") or self.stage.trial == (1 if self.c.phase == "record" else 2)

    def strike(self):
        try:
            self.finished_before = self.stage.finished()
            FAULTS[self.c.fault](self.stage, self.c)
        except (OSError, Wrong) as e:
            self.error = f"the fault could not be brought about: {e!r}"

    def judge(self, status):
        """The outcome, and the errors of the trials that it cost."""
        stage = self.stage
        if status < 0 and (self.c.role != "controller" or self.c.fault not in ENDS_THE_CONTROLLER):
            raise Wrong(f"the controller was killed by signal {-status}")
        if status in (0, 3, 130):
            stage.check_nothing_is_left()
        stage.check_files_open()
        if not stage.finished():
            return self.judge_no_run(status)
        self.check_finished_are_intact()
        rows = stage.rows()
        was_interrupted = any(row["status"] == "interrupted" for row in rows)
        is_complete = len(rows) == 3 and not was_interrupted
        fate = ("interrupted" if was_interrupted else "resumed" if not is_complete else
                "complete" if status not in (0, 3) or stage.missing_files() else "")
        if fate:
            self.resume()
            rows = stage.rows()
        self.check_the_end(rows)
        bad = self.bad_trials(rows)
        outcome = ", ".join(filter(None, [fate, *sorted({row["status"] for row in bad})])) or "ok"
        if outcome not in allowed(self.c):
            raise Wrong(f"the outcome is {outcome}, which should be one of {sorted(allowed(self.c))}")
        return outcome, "; ".join(row["error"] for row in bad)

    def resume(self):
        status = self.stage.resume()
        self.check_finished_are_intact()
        if status not in (0, 3):
            raise Wrong(f"--resume ended with {status}")

    def check_the_end(self, rows):
        stage = self.stage
        if sorted(int(row["repetition"]) for row in rows) != [1, 2, 3]:
            raise Wrong("the rows are not those of the plan")
        stage.check_nothing_is_left()
        if stage.finished() != (stage.directory() / "trials.csv").read_bytes():
            raise Wrong("trials.csv ends in a torn row")
        if stage.missing_files():
            raise Wrong(f"files of the run are missing: {stage.missing_files()}")

    def bad_trials(self, rows):
        """Those that the fault has cost: the one it hits or the next; of a lasting one, those until it is over."""
        bad = [row for row in rows if row["status"] != "ok"]
        if any(not row["error"] for row in bad):
            raise Wrong("a trial that is not ok does not say why")
        if self.c.phase == "relaunch":  # the suite itself has killed an agent in the first trial
            if not bad or bad.pop(0)["repetition"] != "1":
                raise Wrong("the trial whose agent was killed has not failed")
        lasts = self.c.fault in SHORTAGES and self.c.phase in ("launch", "relaunch")
        numbers = [row["repetition"] for row in bad]
        if len(bad) > (2 if lasts else 1) or "3" in numbers and not lasts:
            raise Wrong(f"these trials are not ok: {numbers}")
        return bad

    def judge_no_run(self, status):
        if self.stage.directory():
            raise Wrong("a run's directory without a row and without a run")
        errors = self.stage.printed["stderr"].decode().strip().splitlines()
        if status >= 0 and (status not in (2, 3) or len(errors) != 1):
            raise Wrong(f"no run, exit status {status}, and not one line that says why: {errors}")
        if "no run" not in allowed(self.c):
            raise Wrong("no run came of it")
        if self.c.load == "lab" and status < 0:  # what it left in the kernel, the next run removes
            self.stage.run()
        self.stage.check_nothing_is_left()
        return "no run", " ".join(errors)

    def check_finished_are_intact(self):
        if not self.stage.finished().startswith(self.finished_before):
            raise Wrong("rows that were finished before the fault are not what they were")

    def evidence(self):
        printed = b"".join(self.stage.printed.values()).decode(errors="replace")
        return printed[-1500:]


def run_all(pingperf, inject, chosen, jobs):
    """(outcome, errors) of each combination that is as it must be, in their order. What goes wrong on a busy machine is
    tried once more, with nothing beside it."""
    outcomes = {}

    def one(c):
        try:
            outcomes[c] = Strike(pingperf, inject, c).outcome()
        except Exception as e:  # whatever it is, the others go on
            print(f"WRONG {c}: {e if isinstance(e, Wrong) else repr(e)}", flush=True)

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(one, chosen))
    for c in chosen:
        if c not in outcomes:
            print(f"once more: {c}", flush=True)
            one(c)
    return {c: outcomes[c] for c in chosen if c in outcomes}


# ---- The table


def who(c):
    if c.role == "controller":
        return "controller, in a lab" if c.load == "lab" else "controller"
    if c.role != "worker" or c.load == "bulk" and c.fault != "port stolen":
        return c.role
    return f"worker, {c.load if c.load != 'bulk' else 'TCP'}"


def table(outcomes):
    """A row for who is struck and the fault, a column for the phase; client / server where the two differ."""
    cells = {}
    for c, outcome in outcomes.items():
        row = cells.setdefault((who(c), c.fault), {})
        row[c.phase] = " / ".join(dict.fromkeys([*filter(None, [row.get(c.phase)]), outcome]))
    lines = ["| who | fault | " + " | ".join(PHASES) + " |", "|---" * (2 + len(PHASES)) + "|"]
    for (name, fault), row in cells.items():
        lines.append(f"| {name} | {fault} | " + " | ".join(row.get(phase, "") for phase in PHASES) + " |")
    return "\n".join(lines)


def combinations_of(text):
    """What a table has outcomes of: (who, fault, phase)."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    return {(*row[:2], phase) for row in rows[1:] for phase, outcome in zip(PHASES, row[2:]) if outcome}


def check_page(file):
    """The committed table is of the combinations of this suite. Returns the exit status."""
    committed = page.part_of(file.read_text(), "matrix")
    everything = list(combinations())
    difference = combinations_of(committed) ^ combinations_of(table({c: "x" for c in everything}))
    if not difference and f"{len(everything)} combinations" in committed:
        return 0
    print(f"the table is not of these {len(everything)} combinations: tools/faults matrix --write. {sorted(difference)[:5]}")
    return 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pingperf", type=os.path.abspath)
    parser.add_argument("inject", type=os.path.abspath)
    parser.add_argument("--short", action="store_true", help="each role, end, load and fault in one phase")
    parser.add_argument("--only", default="*", metavar="GLOB")
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--list", action="store_true", help="print the combinations, run nothing")
    page.add_write(parser)
    parser.add_argument("--check", action="store_true", help="is the committed table of these combinations? Run nothing")
    arguments = parser.parse_args()
    if arguments.check:
        return check_page(page.PAGE)
    chosen = short_selection() if arguments.short else list(combinations())
    chosen = [c for c in chosen if fnmatch.fnmatch(str(c), arguments.only)]
    if os.geteuid() != 0:
        chosen = [c for c in chosen if not needs_root(c)]
        print("not run: labs and the full disk, which need root")
    if arguments.list:
        print(*chosen, f"{len(chosen)} combinations", sep="\n")
        return 0
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    begin = time.monotonic()
    outcomes = run_all(arguments.pingperf, arguments.inject, chosen, arguments.jobs)
    for c, (outcome, errors) in outcomes.items():
        print(f"{str(c):<60} {outcome:<12} {errors}".rstrip())
    took_s = time.monotonic() - begin
    print(f"{len(outcomes)} of {len(chosen)} combinations as they must be, in {took_s:.0f} s")
    if arguments.write and len(outcomes) == len(chosen):
        text = table({c: outcome for c, (outcome, _) in outcomes.items()})
        count = f"{len(chosen)} combinations, all as they must be, in {took_s:.0f} s."
        page.write_part(arguments.write, "matrix", f"{count}\n\n{text}")
    return 0 if len(outcomes) == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
