"""The combinations of role, phase and fault that make sense, where each strikes, and which outcomes of it are right."""

from typing import NamedTuple

PHASES = ("launch", "relaunch", "listen", "connect", "warmup", "measure", "collect", "record", "summarise")
IN_TRIAL = PHASES[2:7]

SIGNALS = ("SIGKILL", "SIGTERM", "SIGSEGV", "SIGSTOP 3 s")
SHORTAGES = ("EMFILE", "ENOMEM")
LINES = {"garbage line": "garbage", "half a line": "half", "64 MB line": "huge"}  # of launcher.py


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
PING = {"kind": "latency", "engine": "blocking", "transport": "tcp", "frequency": 500, "messages": 400,
        "warmup": "300ms"}
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


# ---- Which there are


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


# ---- What is right


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


# ---- When each strikes


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
