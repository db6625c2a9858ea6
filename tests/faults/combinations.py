"""The combinations of role, phase and fault: the point of each fault, and the allowed outcomes."""

from typing import NamedTuple

PHASES = ("launch", "relaunch", "listen", "connect", "warmup", "measure", "collect", "record", "summarise")
IN_TRIAL = PHASES[2:7]

SIGNALS = ("SIGKILL", "SIGTERM", "SIGSEGV", "SIGSTOP 3 s")
SHORTAGES = ("EMFILE", "ENOMEM")
# The faults that damage a line, with their commands to launcher.py.
LINES = {"garbage line": "garbage", "half a line": "half", "64 MB line": "huge"}


class Combination(NamedTuple):
    role: str  # controller, agent, worker, launcher; command or daemon of a program
    end: str  # client or server; empty for the controller
    phase: str
    fault: str
    load: str = "bulk"

    def __str__(self):
        process = ".".join(filter(None, (self.role, self.end)))
        return f"{process}/{self.phase}/{self.fault}" + ("" if self.load == "bulk" else f"/{self.load}")


# ---- Loads


class Load(NamedTuple):
    """A workload: its parameters, the server if it is an external program, and the lab if it runs in one."""
    parameters: dict
    external: str = ""
    lab: dict = {}


BULK = {"kind": "throughput", "engine": "blocking", "transport": "tcp", "rate": "50mbit", "duration": "400ms",
        "warmup": "300ms"}
IPERF3 = {**BULK, "engine": "iperf3", "duration": "700ms"}
PING = {"kind": "latency", "engine": "blocking", "transport": "tcp", "frequency": 500, "messages": 400,
        "warmup": "300ms"}
XDP = {"kind": "latency", "engine": "xdp", "transport": "ethernet", "duration": "700ms", "warmup": "300ms",
       "interface": {"client": "client0", "server": "server0"}}
LOADS = {
    "bulk": Load(BULK),
    "iperf3": Load(IPERF3),
    "udp": Load({**BULK, "transport": "udp", "message_size": 1400}),
    "ping": Load(PING),  # has a histogram, so the controller writes one more file
    "epoll": Load({**BULK, "engine": "epoll"}),
    "pong": Load(PING, "pong"),
    "sink": Load(BULK, "sink"),
    "iperf3 -s": Load(IPERF3, "iperf3 -s"),
    "lab": Load(BULK, lab={"rate": "100mbit"}),
    "xdp": Load(XDP, lab={"router": False}),
    "program": Load({"kind": "throughput", "engine": "program", "transport": "tcp", "duration": "400ms"}),
}


# ---- The combinations


LAB_MOMENTS = {"launch": "hello", "listen": "listen", "connect": "connect", "warmup": "start", "measure": "start",
               "collect": "result", "record": "record", "summarise": "summarise"}


def combinations():
    """Yields all combinations in the order of the table."""
    ends = ("client", "server")
    common = (*SIGNALS, "stdout closed")
    for load, faults in (("bulk", (*common, *LINES, "clock step")), ("ping", (*SHORTAGES, "disk full"))):
        for fault in faults:
            for phase in PHASES:
                yield Combination("controller", "", phase, fault, load)
    for fault in SIGNALS:
        for phase in LAB_MOMENTS:
            if phase != "measure":  # a bulk transfer is struck there without a lab
                yield Combination("controller", "", phase, fault, "lab")
    yield from combinations_of_xdp()
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
    for load in ("bulk", "udp", "epoll", "iperf3", "program"):
        yield Combination("worker", "server", "listen", "port stolen", load)
    yield from combinations_of_program()


def combinations_of_xdp():
    """Yields those in which XDP programs are attached to the interfaces of a lab."""
    for fault in ("SIGKILL", "SIGTERM", "Ctrl-C"):
        for phase in (*IN_TRIAL, "record"):
            yield Combination("controller", "", phase, fault, "xdp")
    for role, faults in (("agent", ("SIGKILL",)), ("worker", ("SIGKILL", "SIGTERM", "peer silent"))):
        for end in ("client", "server"):
            for fault in faults:
                for phase in ("connect", "warmup", "measure"):
                    if (role, end, phase) == ("worker", "client", "connect") and fault != "peer silent":
                        continue  # a spare worker, which the agent replaces
                    yield Combination(role, end, phase, fault, "xdp")


def combinations_of_program():
    """Yields those with a program: faults of pingperf's processes and of the program's."""
    ends = ("client", "server")
    common = ("SIGKILL", "SIGTERM", "SIGSTOP 3 s")
    for fault in common:
        for phase in (*IN_TRIAL, "record"):
            yield Combination("controller", "", phase, fault, "program")
    for end in ends:
        for fault in common:
            for phase in IN_TRIAL:
                yield Combination("agent", end, phase, fault, "program")
    for end in ends:
        for fault in (*common, "exit()", "peer silent"):
            for phase in phases_of_worker(end, fault):
                if (end, phase, fault) != ("server", "collect", "peer silent"):  # the client has ended by then
                    yield Combination("worker", end, phase, fault, "program")
    for role, faults in (("command", (*common, "peer silent")), ("daemon", ("SIGKILL", "SIGTERM", "peer silent"))):
        for end in ends:
            for fault in faults:
                for phase in IN_TRIAL[:4] if end == "server" else IN_TRIAL[2:4]:
                    yield Combination(role, end, phase, fault, "program")


def needs_root(c):
    return bool(LOADS[c.load].lab) or c.fault == "disk full"


def phases_of_worker(end, fault):
    """Returns the phases in which the process exists."""
    if fault == "peer silent" and end == "server":  # the peer is the client's worker
        return IN_TRIAL[2:]
    return IN_TRIAL if end == "server" else IN_TRIAL[1:]


def short_selection():
    """Returns one combination per role, end, load and fault, with the phases in turn."""
    groups = {}
    for c in combinations():
        groups.setdefault((c.role, c.end, c.fault, c.load), []).append(c)
    return [group[number % len(group)] for number, group in enumerate(groups.values())]


# ---- Allowed outcomes


ENDS_THE_CONTROLLER = {"SIGKILL", "SIGSEGV", "ENOMEM", "stdout closed"}


def allowed(c):
    """Returns the allowed outcomes. If there are several, milliseconds decide between them."""
    if c.fault == "clock step" or c.fault == "SIGSTOP 3 s" and c.role == "controller":
        return {"ok"}
    if c.fault == "SIGSTOP 3 s" or c.fault in SHORTAGES and c.role == "worker":
        return {"ok", "failed"}
    if c.role == "daemon":
        return {"ok"}
    if c.role == "command":
        return {"timeout"} if c.fault == "peer silent" else {"failed"}
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
    if c.phase == "relaunch":  # the round waits for another start
        return {"ok"}
    return {"timeout", "failed"} if c.fault == "peer silent" else {"failed"}


def allowed_of_controller(c):
    if c.fault in LINES:
        return {"launch": {"no run"}, "relaunch": {"ok"}, "summarise": {"ok"}}.get(c.phase, {"failed"})
    if c.fault == "stdout closed":
        return {"complete"}
    if c.fault in SHORTAGES:
        return {"no run"} if c.phase == "launch" else {"ok", "failed", "resumed", "complete", "complete, failed"}
    if c.fault in ("SIGTERM", "Ctrl-C"):
        return {"launch": {"resumed", "no run"}, "relaunch": {"resumed"}, "record": {"resumed"}, "summarise": {"complete"}}.get(
            c.phase, {"interrupted"})
    return {"launch": {"no run"}, "summarise": {"complete"}}.get(c.phase, {"resumed"})


def allowed_of_worker(c):
    if c.fault == "port stolen":
        return {"failed"} if LOADS[c.load].external else {"refused"}
    if c.fault.startswith("peer"):
        outcomes = {"timeout", "failed"} if c.fault == "peer silent" else {"failed"}
        # A silent sink is too late because all data fits into its buffer.
        is_too_late = c.phase == "collect" or (c.fault, c.load) == ("peer silent", "sink")
        return outcomes | {"ok"} if is_too_late else outcomes
    return {"failed"}


# ---- The point of each fault


def point_of(c):
    """Returns the point of the fault and the end that reaches it."""
    is_worker = c.role in ("worker", "command", "daemon")
    if LOADS[c.load].lab:
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
    """Returns the end that is launched."""
    return c.end or ("server" if c.fault in LINES else "client")


def is_timed(c):
    """Returns True if the load reports no progress: libiperf and ping-pongs."""
    return c.load.startswith("iperf3") or LOADS[c.load].parameters["kind"] == "latency"


def delay_of(c):
    """Returns the seconds from the point to the fault. None: the process waits for the fault."""
    if c.phase == "warmup":
        return 0.06
    return 0.5 if c.phase == "measure" and is_timed(c) else None
