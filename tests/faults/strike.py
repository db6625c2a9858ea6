"""Runs one combination: starts the run, injects the fault and judges the outcome."""

import os
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import stage as stages
from combinations import ENDS_THE_CONTROLLER, LINES, LOADS, SHORTAGES, allowed, delay_of, launched, point_of
from processes import eventually
from stage import Damage, Stage, Wrong


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def experiment_of(c, port):
    load = LOADS[c.load]
    experiment = {
        "name": "struck",
        "plan": {"repetitions": 3, "order": "sequential", "cooldown": "50ms",  # in which spare workers start
                 "timeout": "4s" if c.fault.startswith("peer") else "20s"},
        "workloads": {"it": dict(load.parameters)},
    }
    if load.lab:
        experiment["lab"] = dict(load.lab)
    elif c.load == "program":
        command = [*stages.PYTHON, stages.PROGRAM.name, "command"]
        rest = ["{address}", "{port}", "{duration_s}"]
        experiment["programs"] = {"program": {"kind": "throughput", "server": [*command, "server", *rest],
                                              "client": [*command, "client", *rest],
                                              "copy_files": [stages.PROGRAM.name]}}
    if load.external:
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
    """Returns a fault that writes an invalid line for the controller, an agent or a worker."""
    def fault(stage, c):
        if c.role == "controller":
            stage.command("server", f"{what} agent")
        elif c.role == "agent":
            stage.command(c.end, f"{what} controller")
        else:
            threading.Thread(target=write_as_worker, args=(stage.worker(c.end), what), daemon=True).start()
            time.sleep(0.05)
    return fault


def write_as_worker(pid, what):
    text = {"garbage": b"Segmentation fault (core dumped)\n", "half": b'{"type":"progr',
            "huge": b"{" * (64 << 20)}[what]
    try:
        with open(f"/proc/{pid}/fd/3", "wb", buffering=0) as events:
            while text:
                text = text[events.write(text):]
    except OSError:
        pass  # the agent has closed the connection


def peer_silent(stage, c):
    if LOADS[c.load].external:
        stages.stop_for_good(stage, stage.external.process.pid)
    elif c.role == "worker":
        peer = "server" if c.end == "client" else "client"
        found = stage.workers(peer) if c.phase == "collect" else [stage.worker(peer)]
        for worker in found:  # at "collect" it may have ended
            stages.stop_for_good(stage, worker)
    else:
        stages.stop_for_good(stage, pid_of(stage, c))


def peer_gone(stage, c):
    stage.external.stop()
    stage.undo.append(stage.external.start)


def port_stolen(stage, c):
    """Lets another program listen on the port of the server."""
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
    if c.role in ("command", "daemon"):
        return stage.process_of_program(c.role, c.end)
    return stage.agent(c.end) if c.role == "agent" else stage.launchers[c.end]


FAULTS = {
    "SIGKILL": at_process(stages.send_signal(signal.SIGKILL)),
    "SIGTERM": at_process(stages.send_signal(signal.SIGTERM)),
    "SIGSEGV": at_process(stages.send_signal(signal.SIGSEGV)),
    "Ctrl-C": lambda stage, c: os.killpg(stage.controller.pid, signal.SIGINT),  # as a terminal sends it
    "SIGSTOP 3 s": at_process(stages.stop_for(3)),
    "EMFILE": at_process(stages.limit(resource.RLIMIT_NOFILE, stages.lowest_free_descriptor)),
    "ENOMEM": at_process(stages.limit(resource.RLIMIT_AS, stages.bytes_of_memory)),
    **{name: line(what) for name, what in LINES.items()},
    "exit()": at_process(stages.send_signal(signal.SIGUSR1)),  # inject.cpp calls exit() on it
    "stdout closed": stdout_closed,
    "disk full": at_process(stages.fill_disk),
    "clock step": at_process(stages.step_clock),
    "peer silent": peer_silent,
    "peer gone": peer_gone,
    "port stolen": port_stolen,
}


# ---- The strike


class External:
    """A server that pingperf has not started."""

    def __init__(self, pingperf, name, port):
        self.command = {"pong": [pingperf, "pong", "--port", str(port)],
                        "sink": [pingperf, "sink", "--port", str(port)],
                        "iperf3 -s": ["iperf3", "-s", "-p", str(port)]}[name]
        self.port = port
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if not eventually(self._listens, 10):
            raise Wrong("the external server does not listen")

    def _listens(self):
        """Reads /proc, because the server would treat a connection as a client."""
        sockets = [line.split() for table in ("tcp", "tcp6")
                   for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
        return any(local.endswith(f":{self.port:04X}") and state == "0A" for _, local, _, state, *_ in sockets)

    def stop(self):
        self.process.kill()
        self.process.wait()


class Strike:
    """Injects one fault into one run and judges the outcome."""

    def __init__(self, pingperf, inject, c):
        self.c = c
        self.port = free_port()
        self.pingperf = pingperf
        external = LOADS[c.load].external
        launchers = () if LOADS[c.load].lab else ("client",) if external else ("client", "server")
        self.stage = Stage(pingperf, inject, experiment_of(c, self.port), launchers, small_disk=c.fault == "disk full")
        self.stage.port = self.port
        if c.load == "program":
            shutil.copy(stages.PROGRAM, self.stage.folder)  # beside the experiment
        self.lock = threading.Lock()
        self.struck = False
        self.finished_before = b""
        self.error = ""

    def outcome(self):
        """Returns the outcome of the run and the errors of its trials. Raises Wrong."""
        with self.stage as stage:
            external = LOADS[self.c.load].external
            if external:
                stage.external = External(self.pingperf, external, self.port)
            try:
                stage.on_point = self.on_point
                status = stage.run()
                stage.on_point = lambda point, end: None
                if self.error or not self.struck:
                    raise Wrong(self.error or "the fault was not injected")
                return self.judge(status)
            except Wrong as wrong:
                raise type(wrong)(f"{wrong}\n{self.evidence()}") from None
            finally:
                if external:
                    stage.end_faults()
                    stage.external.stop()

    def on_point(self, point, end):
        stage, c = self.stage, self.c
        if c.phase == "relaunch" and (point, end) == ("connect", "client") and stage.trial == 1:
            os.kill(stage.agents[launched(c)], signal.SIGKILL)
        if (point, end) != point_of(c) or not self.is_time():
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
        if not LOADS[self.c.load].lab and self.c.phase in ("launch", "relaunch"):
            return self.stage.launches[launched(self.c)] == (1 if self.c.phase == "launch" else 2)
        return self.c.phase in ("launch", "summarise") or self.stage.trial == (1 if self.c.phase == "record" else 2)

    def strike(self):
        try:
            self.finished_before = self.stage.finished()
            FAULTS[self.c.fault](self.stage, self.c)
        except (OSError, Wrong) as e:
            self.error = f"the fault could not be injected: {e!r}"

    def judge(self, status):
        """Returns the outcome and the errors of the failed trials."""
        stage = self.stage
        if status < 0 and (self.c.role != "controller" or self.c.fault not in ENDS_THE_CONTROLLER):
            raise Damage(f"the controller was killed by signal {-status}")
        if status in (0, 3, 130):
            stage.check_nothing_is_left()
        stage.check_files_open()
        stage.check_no_program_is_attached()
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
        self.check_clock(rows)
        bad = self.bad_trials(rows)
        outcome = ", ".join(filter(None, [fate, *sorted({row["status"] for row in bad})])) or "ok"
        if outcome not in allowed(self.c):
            raise Wrong(f"the outcome is {outcome}, allowed are {sorted(allowed(self.c))}")
        return outcome, "; ".join(row["error"] for row in bad)

    def resume(self):
        status = self.stage.resume()
        self.check_finished_are_intact()
        if status not in (0, 3):
            raise Wrong(f"--resume ended with {status}")

    def check_the_end(self, rows):
        stage = self.stage
        if sorted(int(row["repetition"]) for row in rows) != [1, 2, 3]:
            raise Damage("the rows are not those of the plan")
        stage.check_nothing_is_left()
        if stage.finished() != (stage.directory() / "trials.csv").read_bytes():
            raise Damage("trials.csv ends in a torn row")
        if stage.missing_files():
            raise Damage(f"files of the run are missing: {stage.missing_files()}")

    def check_clock(self, rows):
        """Checks that a clock step changes start times only, and only in the controller."""
        if any(not 0 < float(row["elapsed_s"]) < stages.MAX_RUN_S for row in rows):
            raise Wrong(f"trials took {[row['elapsed_s'] for row in rows]} s")
        has_stepped = rows[-1]["started_at"] < rows[0]["started_at"]
        if has_stepped != ((self.c.role, self.c.fault) == ("controller", "clock step")
                           and self.c.phase not in ("launch", "summarise")):
            raise Wrong(f"trials started at {[row['started_at'] for row in rows]}")

    def bad_trials(self, rows):
        """Returns the failed trials: one at most, or two if the fault lasts longer."""
        bad = [row for row in rows if row["status"] != "ok"]
        if any(not row["error"] for row in bad):
            raise Wrong("a trial that is not ok has no error text")
        if self.c.phase == "relaunch":  # the suite has killed an agent in the first trial
            if not bad or bad.pop(0)["repetition"] != "1":
                raise Wrong("the trial whose agent was killed has not failed")
        # The spare worker for the third trial inherits the shortage of its agent.
        lasts = self.c.fault in SHORTAGES and (self.c.phase in ("launch", "relaunch") or self.c.role == "agent")
        numbers = [row["repetition"] for row in bad]
        if len(bad) > (2 if lasts else 1) or "3" in numbers and not lasts:
            raise Wrong(f"these trials are not ok: {numbers}")
        return bad

    def judge_no_run(self, status):
        if self.stage.directory():
            raise Wrong("the run has a directory but no trials")
        errors = [line for line in self.stage.printed["stderr"].decode().strip().splitlines()
                  if ": runs: " not in line]
        if status >= 0 and (status not in (2, 3) or len(errors) != 1):
            raise Wrong(f"no run, exit status {status}, and not exactly one error line: {errors}")
        if "no run" not in allowed(self.c):
            raise Wrong("the run has no trials")
        if LOADS[self.c.load].lab and status < 0:  # the next run removes the lab from the kernel
            self.stage.run()
        self.stage.check_nothing_is_left()
        return "no run", " ".join(errors)

    def check_finished_are_intact(self):
        if not self.stage.finished().startswith(self.finished_before):
            raise Damage("rows that were complete before the fault have changed")

    def evidence(self):
        printed = b"".join(self.stage.printed.values()).decode(errors="replace")
        return printed[-1500:]
