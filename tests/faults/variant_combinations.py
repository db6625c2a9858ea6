"""The variants of the fault suite, and the combinations of variant, process, step and fault."""

from pathlib import Path
from typing import NamedTuple

from hosts import ADDRESSES
from stage import PYTHON

VARIANT_PROGRAM = Path(__file__).with_name("variant_program.py")
ENDS = ("client", "server")
BLOCKS = 2


def program(*words):
    return [*PYTHON, str(VARIANT_PROGRAM), *words]


def at_both(commands):
    """`commands` is a function of the end."""
    return {end: commands(end) for end in ENDS}


RMEM = "net.ipv4.tcp_rmem"
FIN_TIMEOUT = "net.ipv4.tcp_fin_timeout"
RESERVED_PORTS = "net.ipv4.ip_local_reserved_ports"  # is empty before
LINK, PEER, TABLE = "strike0", "strike1", "strikes"
KINDS = {
    "settings": {"sysctl": {RMEM: "4096 65536 262144", FIN_TIMEOUT: 17, RESERVED_PORTS: 8080},
                 "mtu": 1400, "offloads": False},
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
JOURNAL_LINES = {"settings": (10, 9), "commands": (2, 7), "cgroup": (4, 3), "broken": (4, 5), "service": (0, 0)}
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
    if "journal" in step and not (writes_journal and fault == "SIGKILL"):
        return False  # the other faults cannot tell one line from another
    if fault == "SIGINT" and process.startswith("agent"):  # ignored: the controller has to end it
        return step in ("switched", "trial")
    if fault == "SIGINT":  # handled as SIGTERM
        return step.startswith(("setup", "settle", "trial", "teardown"))
    if fault == STOP and kind not in ("commands", "service"):
        return False  # the same waiting in the same code
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
