"""Strikes a run with variants at every step of a switch, and checks that the system is as before.

The hosts are two network namespaces. The name of a combination is KIND/PROCESS/STEP/FAULT, where
KIND is what the variant changes. After a strike at all processes together, what remains is what the
journals say, and the next pingperf undoes it.
"""

import argparse
import fnmatch
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import page
import stage as stages
from hosts import ADDRESSES, Hosts, difference, groups_of
from stage import PYTHON, Damage, Stage, Wrong, eventually, kill_all_with, parent_of, processes_with, words_of

VARIANT_PROGRAM = Path(__file__).with_name("variant_program.py")
ENDS = ("client", "server")
BLOCKS = 2


def program(*words):
    return [*PYTHON, str(VARIANT_PROGRAM), *words]


# ---- Variants


def at_both(commands):
    """`commands` is a function of the end."""
    return {end: commands(end) for end in ENDS}


RMEM = "net.ipv4.tcp_rmem"
FIN_TIMEOUT = "net.ipv4.tcp_fin_timeout"
LINK, PEER, TABLE = "strike0", "strike1", "strikes"
KINDS = {
    "settings": {"sysctl": {RMEM: "4096 65536 262144", FIN_TIMEOUT: 17}, "mtu": 1400, "offloads": False},
    "commands": {
        "setup": at_both(lambda end: [
            ["ip", "link", "add", LINK, "type", "veth", "peer", "name", PEER], program("stop", "setup 1", end),
            ["nft", "add", "table", "ip", TABLE], program("stop", "setup 2", end)]),
        "teardown": at_both(lambda end: [
            program("stop", "teardown 1", end), ["ip", "link", "delete", LINK],
            program("stop", "teardown 2", end), ["nft", "delete", "table", "ip", TABLE]])},
    "cgroup": {"cgroup": {"cpu": "80%", "memory": "256MiB"}},
    "service": {"service": {"on": "server", "run": program("relay", "{service_port}", "{address}", "{port}")},
                "dial": "{service_port}"},
    "broken": {  # the client fails after the server has made its changes
        "sysctl": {FIN_TIMEOUT: 17},
        "setup": at_both(lambda end: [
            ["ip", "link", "add", LINK, "type", "veth", "peer", "name", PEER], program("stop", "setup 1", end),
            *([program("fail")] if end == "client" else [])]),
        "teardown": at_both(lambda end: [program("stop", "teardown 1", end), ["ip", "link", "delete", LINK]])},
}
LOAD = {"kind": "throughput", "engine": "blocking", "transport": "tcp", "rate": "50mbit", "duration": "200ms",
        "warmup": "100ms"}


def experiment_of(kind):
    return {"name": "struck",
            "plan": {"repetitions": BLOCKS, "order": "sequential", "cooldown": "50ms", "timeout": "20s"},
            "hosts": {"server": {"address": ADDRESSES["server"]}},
            "variants": {"plain": {}, kind: {**KINDS[kind], "settle": "300ms"}},
            "workloads": {"it": LOAD}}


# ---- Combinations


class Combination(NamedTuple):
    kind: str
    process: str
    step: str
    fault: str

    def __str__(self):
        return "/".join(self)


# The lines that an agent writes to its journal: {kind: (to make the changes, to undo them)}.
JOURNAL_LINES = {"settings": (8, 7), "commands": (2, 7), "cgroup": (4, 3), "broken": (4, 5), "service": (0, 0)}
SERVICE_STEPS = {"listen": "service", "stop": "stop"}  # {request about the service: step}
BROKEN_LINES = 3  # of the client: its setup never becomes whole
COMMANDS = {"commands": (("setup 1", "setup 2"), ("teardown 1", "teardown 2")),
            "broken": (("setup 1",), ("teardown 1",))}
STOP = "SIGSTOP 1 s"
FAULTS = {
    "controller": ("SIGKILL", "SIGTERM", "SIGINT", STOP),
    "agent.client": ("SIGKILL", "SIGTERM", "SIGINT", STOP),
    "agent.server": ("SIGKILL", "SIGTERM", "SIGINT", STOP),
    "launcher.client": ("SIGKILL",),
    "launcher.server": ("SIGKILL",),
    "all": ("SIGKILL",),
    "command": ("SIGKILL", "SIGTERM", STOP),
    "service": ("SIGKILL", "SIGTERM", STOP),
    "worker of the service": ("SIGKILL", "SIGTERM", STOP),
}


def end_of(kind, process):
    """Returns the end at whose steps the process is struck."""
    end = process.partition(".")[2]
    return end or ("client" if kind == "broken" else "server")


def steps_of(kind, end):
    """Returns the steps of the first switch to a variant and back, in their order."""
    if kind == "service" and end == "client":  # it changes nothing there
        return ["settle", "trial", "record", "end"]
    make, undo = JOURNAL_LINES[kind]
    setup, teardown = COMMANDS.get(kind, ((), ()))
    if (kind, end) == ("broken", "client"):
        make = BROKEN_LINES
    making = ["request", *(f"journal {n + 1}" for n in range(make)), *setup]
    undoing = [*teardown, *(f"undo journal {n + 1}" for n in range(undo))]
    if kind == "service":
        return [*making, "switched", "service", "settle", "trial", "record", "stop", "undo", "end"]
    if kind != "broken":
        return [*making, "switched", "settle", "trial", "record", "undo", *undoing, "end"]
    if end == "client":  # undone within the same request
        return [*making, *undoing, "switched", "undo", "record", "end"]
    return [*making, "switched", "undo", *undoing, "record", "end"]


def exists(process, kind, step, fault):
    writes_journal = process == "all" or process.startswith("agent")
    if not (writes_journal and fault == "SIGKILL") and "journal" in step and not step.endswith((" 1", " 2")):
        return False  # the other faults cannot tell one line from another
    if fault == "SIGINT" and process.startswith("agent"):  # ignored: the controller has to end it
        return step in ("switched", "trial")
    if process == "command":
        return step.startswith(("setup", "teardown"))
    if "service" in process:
        return kind == "service" and step in ("settle", "trial", "record", "stop")
    return True


def combinations():
    for kind in KINDS:
        for process, faults in FAULTS.items():
            for fault in faults:
                for step in steps_of(kind, end_of(kind, process)):
                    if exists(process, kind, step, fault):
                        yield Combination(kind, process, step, fault)


def short_selection():
    """Returns one combination per kind and role, with the steps and the faults in turn."""
    groups = {}
    for c in combinations():
        groups.setdefault((c.kind, c.process.partition(".")[0]), []).append(c)
    # A prime stride visits the faults and the steps evenly.
    return [group[number * 7 % len(group)] for number, group in enumerate(groups.values())]


# ---- The run


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
    if section == "sysctl" and name in (RMEM, FIN_TIMEOUT):
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
    return f"{step['content'].split()[-1]}' > {step['file']}" if " " in step["content"] or "\t" in step["content"] else \
        f"> {step['file']}" if step["file"] else shlex.join(step["command"])


# ---- The strike


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
                self.clean()
                raise type(wrong)("\n    ".join([str(wrong), *(line[:200] for line in lines[-8:])])) from None

    def clean(self):
        """Removes what an error of pingperf has left outside the namespaces."""
        kill_all_with(self.stage.marker.encode())
        eventually(lambda: not processes_with(self.stage.marker.encode()), 3)
        for group in groups_of(self.stage.all_agents):
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
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
            eventually(lambda: not any(map(stages.is_running, pids)), 1)
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
        if groups := groups_of(stage.all_agents):
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
        self.was_interrupted = any(row["status"] == "interrupted" for row in stage.rows()) if stage.finished() else False
        self.is_complete = stage.finished() and len(stage.rows()) == 2 * BLOCKS and not self.was_interrupted
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
        changed |= groups_of({self.stage.agents[end]})
        named = set().union(*map(things_of, steps))
        if not changed <= named:
            raise Damage(f"no journal has these changes: {changed - named}")
        missing = set().union(*(things_of(step) for step in steps if step["is_certain"])) - changed
        if missing:
            raise Damage(f"a journal has changes that were not made: {missing}")


# ---- Other checks


def check_two_controllers(pingperf, inject):
    """A second run with changes is refused, one without is not, and neither disturbs the first."""
    with Hosts() as hosts, VariantStage(pingperf, inject, "settings", hosts) as stage:
        before, found = hosts.snapshot(), []

        def on_step(step, end, pid):
            if step == "switched" and end == "client" and not found:
                changed = hosts.snapshot()
                twin = stage.write_experiment("twin", {**experiment_of("settings"), "hosts": {}})
                found.append(stage.command_line("run", "-o", stage.folder / "twin", twin))
                other = stage.write_experiment("other", OTHER)
                found.append(stage.command_line("run", "-o", stage.folder / "other", other))
                found.append(stage.command_line("doctor", "--clean", other))
                found.append(difference(changed, hosts.snapshot()))

        stage.on_step = on_step
        status = stage.run()
        (twin, error), (other, _), (doctor, _), changed = found
        if twin != 2 or "another run" not in error or (stage.folder / "twin").exists():
            raise Wrong(f"the second run ended with {twin}: {error}")
        if other != 0 or doctor != 0 or changed:
            raise Wrong(f"another run ended with {other}, doctor with {doctor}; changed: {changed}")
        rows = [row["status"] for row in stage.rows()]
        if status != 0 or rows != ["ok"] * 2 * BLOCKS:
            raise Wrong(f"the first run ended with {status}: {rows}")
        if difference(before, hosts.snapshot()):
            raise Damage("the system is not as before")
    return "the second exited with 2"


def check_torn_journals(pingperf, inject, every):
    """Recovers a journal that is cut in its last line, at every byte or at every so many."""
    with Hosts() as hosts, VariantStage(pingperf, inject, "settings", hosts) as stage:
        before = hosts.snapshot()

        def on_step(step, end, pid):
            if (step, end) == ("journal 3", "server"):  # the step of the second sysctl is half written
                os.kill(stage.agents["server"], signal.SIGSTOP)
                texts.append(hosts.journals("server")[0].read_text())
                changed.append(hosts.snapshot())
                for pid in (stage.controller.pid, *stage.agents.values()):
                    os.kill(pid, signal.SIGKILL)

        texts, changed = [], []
        stage.on_step = on_step
        stage.run()
        stage.check_nothing_is_left()
        journal, = hosts.journals("server")
        first = texts[0].split("\n", 1)[0]
        steps = hosts.steps("server")
        whole_lines = texts[0][:texts[0].rindex("\n") + 1]
        # The step of the second sysctl, as the agent would have written it.
        second = first.replace(RMEM.replace(".", "/"), FIN_TIMEOUT.replace(".", "/")).replace(
            json.dumps(steps[0]["content"]), json.dumps("60")) + "\n"
        value = difference(before, changed[0])[("server", "sysctl", RMEM)][1]
        cuts = range(0, len(second) + 1, every)
        for cut in cuts:
            subprocess.run([*hosts.enter("server"), "sysctl", "-qw", f"{RMEM}={value}"], check=True)
            journal.write_text(whole_lines + second[:cut])
            agent = subprocess.run([*hosts.enter("server"), pingperf, "agent"], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False, timeout=20)
            if agent.returncode != 0 or journal.exists():
                raise Wrong(f"cut at byte {cut}: exit status {agent.returncode}, {agent.stderr.decode()}")
            now = subprocess.run([*hosts.enter("server"), "sysctl", "-n", RMEM], stdout=subprocess.PIPE, check=True)
            if now.stdout.decode().strip() != before[("server", "sysctl", RMEM)]:
                raise Damage(f"cut at byte {cut}: {RMEM} is {now.stdout.decode()}")
        if difference(before, hosts.snapshot()):
            raise Damage("the system is not as before")
    return f"{len(cuts)} cuts recovered"


# ---- Main


MAX_SECOND_ATTEMPTS = 20


def run_all(pingperf, inject, chosen, jobs):
    """Returns {combination: (outcome, errors)} of the correct ones, and how many required a second attempt."""
    outcomes, damaged = {}, set()

    def one(number):
        c = chosen[number]
        try:
            outcomes[c] = Strike(pingperf, inject, c, number).outcome()
        except Exception as e:  # the other combinations continue
            print(f"WRONG {c}: {e if isinstance(e, Wrong) else repr(e)}", flush=True)
            if isinstance(e, Damage):
                damaged.add(c)

    with ThreadPoolExecutor(jobs) as pool:
        try:
            list(pool.map(one, range(len(chosen))))
        except BaseException:  # a signal to the suite
            pool.shutdown(cancel_futures=True)
            raise
    again = [number for number, c in enumerate(chosen) if c not in outcomes and c not in damaged]
    for number in again[:MAX_SECOND_ATTEMPTS]:
        print(f"second attempt: {chosen[number]}", flush=True)
        one(number)
    return {c: outcomes[c] for c in chosen if c in outcomes}, sum(chosen[n] in outcomes for n in again)


COLUMNS = ("request", "journal", "setup", "switched", "service", "settle", "trial", "record", "stop", "undo", "teardown", "undo journal",
           "end")


def table(outcomes):
    """One row per kind, process and fault, one column per step."""
    cells = {}
    for c, outcome in outcomes.items():
        row = cells.setdefault((c.kind, c.process, c.fault), {})
        row.setdefault(c.step.rstrip("0123456789 "), {})[outcome] = None  # an ordered set
    lines = ["| variant | process | fault | " + " | ".join(COLUMNS) + " |", "|---" * (3 + len(COLUMNS)) + "|"]
    for names, row in cells.items():
        lines.append(f"| {' | '.join(names)} | " + " | ".join(" / ".join(row.get(step, "")) for step in COLUMNS) + " |")
    return "\n".join(lines)


def missing_tools():
    """Returns why the suite cannot run here, or ""."""
    if os.geteuid() != 0:
        return "requires root"
    missing = [name for name in ("ip", "nft", "ethtool", "tc", "sysctl", "nsenter") if not shutil.which(name)]
    return f"requires {', '.join(missing)}" if missing else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pingperf", type=os.path.abspath)
    parser.add_argument("inject", type=os.path.abspath)
    parser.add_argument("--short", action="store_true", help="one combination per kind and process")
    parser.add_argument("--only", default="*", metavar="GLOB")
    parser.add_argument("--jobs", type=int, default=6)
    parser.add_argument("--list", action="store_true", help="print the combinations, run nothing")
    page.add_write(parser)
    arguments = parser.parse_args()
    chosen = short_selection() if arguments.short else list(combinations())
    chosen = [c for c in chosen if fnmatch.fnmatch(str(c), arguments.only)]
    if arguments.list:
        print(*chosen, f"{len(chosen)} combinations", sep="\n")
        return 0
    if reason := missing_tools():
        print(f"skipped: {reason}")
        return 77
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    begin = time.monotonic()
    outcomes, again = run_all(arguments.pingperf, arguments.inject, chosen, arguments.jobs)
    for c, (outcome, errors) in outcomes.items():
        print(f"{str(c):<60} {outcome:<12} {errors[:100]}".rstrip())
    checks = 0
    for name, check in {"two controllers": lambda: check_two_controllers(arguments.pingperf, arguments.inject),
                        "torn journals": lambda: check_torn_journals(arguments.pingperf, arguments.inject,
                                                                     9 if arguments.short else 1)}.items():
        if not fnmatch.fnmatch(name, arguments.only):
            checks += 1
            continue
        try:
            print(f"{name}: {check()}")
            checks += 1
        except Wrong as wrong:
            print(f"WRONG {name}: {wrong}")
    took_s = time.monotonic() - begin
    print(f"{len(outcomes)} of {len(chosen)} combinations correct, in {took_s:.0f} s")
    is_well = len(outcomes) == len(chosen) and checks == 2
    if arguments.write and is_well and len(chosen) == len(list(combinations())):
        text = table({c: outcome for c, (outcome, _) in outcomes.items()})
        second = f" ({again} at the second attempt)" if again else ""
        page.write_part(arguments.write, "variants",
                        f"{len(chosen)} combinations, all correct{second}, in {took_s:.0f} s.\n\n{text}")
    elif arguments.write:
        print("not written: the table requires all combinations")
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
