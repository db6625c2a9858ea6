"""Runs one combination of variants.py: strikes the run at a step and judges the outcome."""

import json
import os
import shlex
import signal
import subprocess
import threading
import time

import stage as stages
from hosts import ADDRESSES, Hosts, difference, groups_of
from processes import eventually, is_running, kill_all_with, parent_of, processes_with, words_of
from stage import Damage, Stage, Wrong
from variant_combinations import (BLOCKS, BROKEN_LINES, ENDS, FIN_TIMEOUT, LINK, LOAD, PEER, RESERVED_PORTS, RMEM,
                                  SERVICE_STEPS, STOP, end_of, experiment_of)


class VariantStage(Stage):
    """Reports steps of the first switch to the variant and back: on_step(step, end, pid)."""

    def __init__(self, pingperf, inject, kind, hosts):
        super().__init__(pingperf, inject, experiment_of(kind), spaces={end: hosts.enter(end) for end in ENDS})
        self.kind = kind
        self.hosts = hosts
        self.on_step = lambda step, end, pid: None
        self.switches = dict.fromkeys(ENDS, 0)
        self.journal_lines = dict.fromkeys(ENDS, 0)
        self.all_agents = set()
        self.begin_s = time.time()

    # The requests of an end: the variant, undo, the variant, undo. A plain variant requires none.
    FIRST = {1: "", 2: "undo "}

    def _take(self, message):
        self.newest_pid = message["pid"]
        if message["point"] == "agent":
            self.all_agents.add(message["agent"])
        if message["point"] == "journal":
            for end, agent in self.agents.items():
                if agent == message["pid"]:
                    self.take_journal(end)
            return
        super()._take(message)
        point, end = message["point"], message.get("end", "")
        if point == "line":
            self.take_line(message["message"], end)
        elif point.startswith(("setup", "teardown")) and self.switches[end] in self.FIRST:
            self.on_step(point, end, message["pid"])
        elif point == "record" and self.trial == (1 if self.kind == "broken" else 2):
            if self.kind != "broken" or self.switches["server"] >= 1:
                self.on_step("record", "", None)
        elif point == "summarise":
            self.on_step("end", "", None)

    def take_journal(self, end):
        self.journal_lines[end] += 1
        number = self.journal_lines[end]
        if (self.kind, end, self.switches[end]) == ("broken", "client", 1) and number > BROKEN_LINES:
            self.on_step(f"undo journal {number - BROKEN_LINES}", end, None)
        elif self.switches[end] in self.FIRST:
            self.on_step(f"{self.FIRST[self.switches[end]]}journal {number}", end, None)

    def take_line(self, message, end):
        line = message["type"]
        if message.get("endpoint", 0) >= stages.FIRST_SERVICE:
            if line in SERVICE_STEPS and self.switches[end] == 1:
                self.on_step(SERVICE_STEPS[line], end, None)
            if line == "ready":
                self.later(0.1, "settle")
        elif line == "switch":
            self.switches[end] += 1
            self.journal_lines[end] = 0
            step = {1: "request", 2: "undo"}.get(self.switches[end])
            if step:
                self.on_step(step, end, None)
        elif line == "switched" and self.switches[end] == 1:
            self.on_step("switched", end, None)
            if end == "client":  # the last one
                self.later(0.1, "settle")
        elif line == "start" and end == "client" and self.trial == 2 and self.kind != "broken":
            self.later(0.05, "trial")

    def later(self, delay_s, step):
        threading.Timer(delay_s, self.on_step, (step, "", None)).start()

    def command_line(self, *words):
        """Runs pingperf without launchers of the suite. Returns (exit status, what it prints)."""
        environment = self.environment()
        del environment["LD_PRELOAD"]
        done = subprocess.run([self.pingperf, *map(str, words)], env=environment, cwd=self.folder / "here",
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False, text=True)
        return done.returncode, done.stdout

    def write_experiment(self, name, experiment):
        """Writes an experiment whose agents have no launcher of the suite. Returns the file."""
        hosts = {end: {"launch": self.hosts.enter(end)} for end in ENDS}
        hosts["server"]["address"] = ADDRESSES["server"]
        file = self.folder / f"{name}.yaml"
        file.write_text(json.dumps({**experiment, "name": name, "hosts": hosts}))
        return file


OTHER = {"plan": {"repetitions": 1}, "workloads": {"other": {**LOAD, "duration": "50ms", "warmup": "0ms"}}}


# ---- What remains


def thing_of(key):
    """Returns what a variant has changed if this entry of a snapshot differs."""
    _, section, name = key
    if section == "sysctl" and name in (RMEM, FIN_TIMEOUT, RESERVED_PORTS):
        return name
    if LINK in name or PEER in name:
        return "link"
    if section in ("link", "address") or name.endswith(".mtu"):
        return "mtu"
    return {"nft": "table"}.get(section, section)


def things_of(step):
    """Returns what the step of a journal undoes."""
    if step["file"]:
        return {step["file"].removeprefix("/proc/sys/").replace("/", ".")}
    words = step["command"]
    if words[:2] == ["ip", "link"]:
        return {"mtu" if "mtu" in words else "link"}
    return {"ethtool": {"offloads"}, "rmdir": {words[-1]}, "nft": {"table"}}.get(words[0], set())


def command_of(step):
    """Returns what pingperf prints of the step when it has undone it."""
    if not step["file"]:
        return shlex.join(step["command"])
    return f"echo {shlex.quote(step['content'].replace(chr(9), ' '))} > {step['file']}"


# ---- The strike


def kill_together(pids):
    """Kills processes so that none can react to the end of another."""
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in pids:
            os.kill(pid, number)
    eventually(lambda: not any(map(is_running, pids)), 1)


class Strike:
    def __init__(self, pingperf, inject, c, number=0):
        self.pingperf, self.inject, self.c, self.number = pingperf, inject, c, number
        self.lock = threading.Lock()
        self.struck = False
        self.error = ""
        self.finished_before = b""

    def outcome(self):
        """Returns the outcome and the errors of the trials. Raises Wrong."""
        with Hosts() as self.hosts, VariantStage(self.pingperf, self.inject, self.c.kind, self.hosts) as self.stage:
            self.before = self.hosts.snapshot()
            self.stage.on_step = self.on_step
            try:
                status = self.stage.run()
                if not self.struck or self.error:
                    raise Wrong(self.error or "the fault was not injected")
                return self.judge(status)
            except Wrong as wrong:
                printed = b"".join(self.stage.printed.values()).decode(errors="replace")
                lines = [line for line in printed.splitlines() if ": runs: " not in line]
                raise type(wrong)("\n    ".join([str(wrong), *(line[:200] for line in lines[-8:])])) from None
            finally:
                self.clean()

    def clean(self):
        """Removes what an error of pingperf has left outside the namespaces."""
        kill_all_with(self.stage.marker.encode())
        eventually(lambda: not processes_with(self.stage.marker.encode()), 3)
        for group in groups_of(self.stage.all_agents, self.stage.begin_s):
            os.rmdir(group)

    def on_step(self, step, end, pid):
        if step != self.c.step or end and end != end_of(self.c.kind, self.c.process):
            return
        with self.lock:
            if self.struck:
                return
            self.struck = True
        try:
            self.finished_before = self.stage.finished()
            self.strike(pid)
        except (OSError, Wrong, IndexError) as e:
            self.error = f"the fault could not be injected: {e!r}"

    def strike(self, command):
        fault = self.c.fault
        pids = [command] if self.c.process == "command" else self.pids()
        if len(pids) > 1:
            kill_together(pids)
        elif fault == STOP:
            stages.stop_for(1)(self.stage, pids[0])
        else:
            stages.send_signal(getattr(signal, fault))(self.stage, pids[0])

    def pids(self):
        stage, process = self.stage, self.c.process
        if process == "controller":
            return [stage.controller.pid]
        if process == "all":
            return [stage.controller.pid, *stage.agents.values()]
        if "service" in process:
            relays = [pid for pid in processes_with(stage.marker.encode()) if "relay" in words_of(pid)]
            return [relays[0] if process == "service" else parent_of(relays[0])]
        role, end = process.split(".")
        return [getattr(stage, f"{role}s")[end]]

    # ---- The checks

    def judge(self, status):
        if status < 0 and (self.c.process not in ("controller", "all") or self.c.fault != "SIGKILL"):
            raise Damage(f"the controller was killed by signal {-status}")
        way = ""
        if self.c.process == "all":
            way, status = self.recover(status)
        self.check_is_as_before()
        rows = self.finish_the_run(status)
        self.check_is_as_before()
        self.stage.check_nothing_is_left()
        outcome = ", ".join(filter(None, [way, *self.fates(rows)])) or "ok"
        return outcome, "; ".join(row["error"] for row in rows if row["error"] and row["variant"] != "broken")

    def check_is_as_before(self):
        stage = self.stage
        self.wait_for_processes()
        changed = difference(self.before, self.hosts.snapshot())
        if changed:
            raise Damage(f"the system is not as before: {changed}")
        if groups := groups_of(stage.all_agents, stage.begin_s):
            raise Damage(f"control groups remain: {groups}")
        for end in ENDS:  # an agent that was killed may leave a journal, but nothing in it
            if self.hosts.steps(end) or self.hosts.journals(end) and "SIGKILL" != self.c.fault:
                raise Damage(f"journals remain: {[j.read_text() for j in self.hosts.journals(end)]}")

    def wait_for_processes(self):
        if not eventually(lambda: not processes_with(self.stage.marker.encode()), 5):
            raise Damage(f"still running: {[words_of(pid) for pid in processes_with(self.stage.marker.encode())]}")

    def finish_the_run(self, status):
        """Resumes the run if it ended early. Returns its rows."""
        stage = self.stage
        self.check_finished_are_intact()
        self.was_signalled = self.c.process == "controller"
        rows = stage.rows() if stage.finished() else []
        self.was_interrupted = any(row["status"] == "interrupted" for row in rows)
        self.is_complete = len(rows) == 2 * BLOCKS and not self.was_interrupted
        if not self.is_complete or stage.missing_files():
            self.was_signalled = False
            status = stage.resume()
        if status not in (0, 3) and not (status == 130 and self.was_signalled):
            raise Wrong(f"the run ended with {status}")
        self.check_finished_are_intact()
        rows = stage.rows()
        if stage.finished() != (stage.directory() / "trials.csv").read_bytes():
            raise Damage("trials.csv ends in a torn row")
        plan = sorted((variant, str(block + 1)) for variant in ("plain", self.c.kind) for block in range(BLOCKS))
        if sorted((row["variant"], row["repetition"]) for row in rows) != plan:
            raise Damage("the rows are not those of the plan")
        if stage.missing_files():
            raise Damage(f"files of the run are missing: {stage.missing_files()}")
        return rows

    def check_finished_are_intact(self):
        if not self.stage.finished().startswith(self.finished_before):
            raise Damage("rows that were complete before the fault have changed")

    def fates(self, rows):
        """Returns what became of the run. Raises Wrong if a trial without a fault is not ok."""
        fate = "interrupted" if self.was_interrupted else "" if self.is_complete else "resumed"
        bad = [row for row in rows if row["status"] != ("refused" if row["variant"] == "broken" else "ok")]
        if any(not row["error"] for row in bad):
            raise Wrong("a trial that is not ok has no error text")
        # The fault hits the first trial of the variant, or the switch back before the trial after it.
        places = [(row["variant"], row["repetition"]) for row in bad]
        if len(bad) > 1 or any(place not in ((self.c.kind, "1"), ("plain", "2")) for place in places):
            raise Wrong(f"these trials are not ok: {[(row['case'], row['repetition'], row['error']) for row in bad]}")
        return [fate, *(row["status"] for row in bad)]

    # ---- All processes were killed

    def recover(self, status):
        """Checks what remains and lets one of the ways undo it. Returns the way and the exit status of the run."""
        stage = self.stage
        self.wait_for_processes()
        journals = {end: self.hosts.steps(end) for end in ENDS}
        left = self.hosts.snapshot()
        for end, steps in journals.items():
            self.check_remains(end, steps, left)
        ways = {"run": lambda: stage.command_line("run", "-o", stage.folder / "other",
                                                  stage.write_experiment("other", OTHER)),
                "clean": lambda: stage.command_line("doctor", "--clean", stage.write_experiment("other", OTHER)),
                "resume": self.resume}
        way = list(ways)[self.number % (3 if stage.finished() else 2)]
        ended, printed = ways[way]()
        if ended not in (0, 3) or ended == 3 and way != "resume":
            raise Wrong(f"{way} ended with {ended}: {printed}")
        for end, steps in journals.items():
            for command in (command_of(step) for step in steps if step["is_certain"]):
                if f"{end}: " not in printed or command not in printed:
                    raise Wrong(f"{way} does not print {command}: {printed}")
        return way, ended if way == "resume" else status

    def resume(self):
        status = self.stage.resume()
        return status, self.stage.printed["stderr"].decode()

    def check_remains(self, end, steps, left):
        """Checks that the journal of a host has all its changes, and no changes that are not made."""
        changed = {thing_of(key) for key in difference(self.before, left) if key[0] == end}
        changed |= groups_of({self.stage.agents[end]}, self.stage.begin_s)
        named = set().union(*map(things_of, steps))
        if not changed <= named:
            raise Damage(f"no journal has these changes: {changed - named}")
        missing = set().union(*(things_of(step) for step in steps if step["is_certain"])) - changed
        if missing:
            raise Damage(f"a journal has changes that were not made: {missing}")
