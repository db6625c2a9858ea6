"""Strangers at every listener: at those of trials, whose figures must not know of them, and at pong and sink, which
serve anyone.

Of each engine and transport one run, an attack a trial: it comes when the server listens and its client has not been
told so yet, and goes on for as long as the trial does where it can.
"""

import argparse
import os
import resource
import sys
import time
from pathlib import Path

import page
from attackers import ATTACKS, Crowd
from listeners import visit_open_doors
from stage import Stage, Wrong, eventually, open_files

MESSAGES = {"throughput": 200, "latency": 5000, "connect": 500}
BULK = {"kind": "throughput", "message_size": 65536, "bytes": 64 * 65536, "rate": "320mbit"}
DATAGRAMS = {"kind": "throughput", "message_size": 1000, "bytes": 200 * 1000, "rate": "10mbit"}
PINGS = {"kind": "latency", "messages": 5000}
CONNECTIONS = {"kind": "connect", "messages": 500}
IPERF3 = {"kind": "throughput", "duration": "1s", "warmup": "0ms", "rate": "10mbit", "message_size": 1000}
ENGINES = ("blocking", "spin", "hybrid", "epoll", "io_uring")
CASES = [
    *((engine, "tcp", BULK) for engine in ("blocking", "epoll", "io_uring", "splice")),
    ("blocking", "unix", BULK), ("epoll", "unix", BULK), ("blocking", "udp", DATAGRAMS),
    *((engine, transport, PINGS) for transport in ("tcp", "udp", "unix", "unix-datagram", "raw", "mptcp")
      for engine in ENGINES),
    *(("blocking", transport, CONNECTIONS) for transport in ("tcp", "unix", "mptcp")),
    *(("iperf3", transport, IPERF3) for transport in ("tcp", "udp")),
]
MOST_GUESTS = 256  # that stand at a door (sockets/door.h)
MORE_MEMORY_KIB = 1024  # than without strangers, of the server's worker


def address_from(text):
    """Of Address::to_string(), as Python's sockets want it."""
    if text.startswith("unix:"):
        path = text[len("unix:"):]
        return "\0" + path[1:] if path.startswith("@") else path
    host, _, port = text.rpartition(":")
    return host, int(port)


def peak_kib(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0


class Siege:
    """One run: a trial for each attack."""

    def __init__(self, pingperf, inject, case, attacks, many):
        self.engine, self.transport, parameters = case
        self.kind = parameters["kind"]
        self.attacks = attacks
        self.many = many
        self.crowds, self.peaks, self.files = [], [], []
        self.token = os.urandom(16)
        self.errors = []
        workload = {"warmup": "0ms", **parameters, "engine": self.engine, "transport": self.transport}
        self.stage = Stage(pingperf, inject, {
            "name": "besieged",
            "plan": {"repetitions": len(attacks), "order": "sequential", "cooldown": "0ms", "timeout": "5s" if self.engine == "iperf3" else "20s"},
            "workloads": {"it": workload}})

    def rows(self):
        """(attack, crowd, row, peak memory in KiB, descriptors) of each trial. Throws Wrong."""
        with self.stage as stage:
            stage.on_point = self.on_point
            status = stage.run()
            if self.errors or status not in (0, 3):
                raise Wrong(f"{'; '.join(self.errors)} exit status {status} {stage.printed['stderr'].decode()[-1000:]}")
            stage.check_nothing_is_left()
            return list(zip(self.attacks, self.crowds, stage.rows(), self.peaks, self.files))

    def on_point(self, point, end):
        try:
            if (point, end) == ("connect", "client"):
                self.prepare()
                if self.engine != "iperf3":
                    self.attack()
            elif (point, end) == ("start", "client"):
                if self.engine == "iperf3":
                    self.await_iperf3()
                    self.attack()
                for step in self.crowds[-1].upon_start:
                    step()
            elif (point, end) == ("result", "server") or point == "error":
                self.end()
        except (OSError, Wrong, ValueError) as e:
            self.errors.append(repr(e))

    def prepare(self):
        request = self.stage.said["client"]
        token = bytes.fromhex(request["token"])
        transport = "tcp" if self.engine == "iperf3" else self.transport  # its control connection
        self.crowds.append(Crowd(transport, address_from(request["address"]), token, self.token, self.many))
        self.token = token

    def attack(self):
        try:
            ATTACKS[self.attacks[len(self.crowds) - 1]](self.crowds[-1])
        except OSError:
            if self.engine != "iperf3":  # whose only test the first stranger may have ended
                raise

    def await_iperf3(self):
        """It listens a moment after its start, and a look at it would be a stranger's."""
        port = f":{self.crowds[-1].address[1]:04X}"
        eventually(lambda: any(line.split()[1].endswith(port) and line.split()[3] == "0A"
                               for line in Path("/proc/net/tcp").read_text().splitlines()[1:]), 2)

    def end(self):
        """Once a trial: its server's result stands before the door, or it has failed."""
        if len(self.peaks) == len(self.crowds):
            return
        try:
            pid = self.stage.worker("server")
            self.peaks.append(peak_kib(pid))
            self.files.append(open_files(pid))
        except (Wrong, OSError):  # it has gone
            self.peaks.append(None)
            self.files.append(None)
        self.crowds[-1].leave()


def whole(row, kind, transport):
    """What the figures of a trial must be that nobody disturbed."""
    if row["engine"] == "iperf3":
        return {}
    if kind != "throughput":
        return {"exchanges": str(MESSAGES[kind]), "lost": "0" if transport in ("udp", "unix-datagram", "raw") else None}
    if transport == "udp":
        return {"datagrams_received": "200", "datagrams_lost": "0", "out_of_order": "0", "duplicates": "0"}
    return {"total_bytes_received": str(BULK["bytes"])}


def judge(siege, attack, crowd, row, peak, files, baseline):
    """Throws Wrong when the trial or its strangers fared otherwise than they must."""
    if siege.engine == "iperf3":  # it lets anyone in (SECURITY.md): the run goes on, that is all
        if row["status"] not in ("ok", "failed", "timeout"):
            raise Wrong(f"{row['status']} {row['error']}")
        return
    if row["status"] != "ok":
        raise Wrong(f"{row['status']} {row['error']}")
    for name, value in whole(row, siege.kind, siege.transport).items():
        if value is not None and row[name] != value:
            raise Wrong(f"{name} is {row[name]} instead of {value}")
    if crowd.got:
        raise Wrong(f"strangers got {crowd.got} bytes")
    if int(row["rejected_peers"]) > crowd.came:
        raise Wrong(f"{row['rejected_peers']} were turned away, {crowd.came} came")
    if attack in ALL_COUNTED and siege.transport != "raw" and int(row["rejected_peers"]) != crowd.came:
        raise Wrong(f"{row['rejected_peers']} were turned away, all of {crowd.came} should have been")
    if peak is not None and baseline[0] is not None and peak > baseline[0] + MORE_MEMORY_KIB:
        raise Wrong(f"{peak} KiB of memory, {baseline[0]} without strangers")
    if files is not None and baseline[1] is not None and files > baseline[1] + MOST_GUESTS:
        raise Wrong(f"{files} descriptors, {baseline[1]} without strangers")


ALL_COUNTED = ("nobody", "port scan", "random bytes", "wrong token", "token of an ended trial")


def column_of(siege):
    return siege.engine if siege.engine == "iperf3" else siege.kind if siege.kind == "connect" else siege.transport


def besiege_all(pingperf, inject, short, only):
    """{(attack, column): (trials, not ok, turned away)}, and what went wrong."""
    cells, wrong = {}, 0
    for number, case in enumerate(CASES):
        names = [name for name in ATTACKS if name != "nobody"]
        if short:  # each case sees two, all see all
            names = [names[(2 * number + i) % len(names)] for i in range(2)]
        if case[1] == "raw" and os.geteuid() != 0:
            continue
        siege = Siege(pingperf, inject, case, ["nobody", *names], 1000 if short else 10_000)
        title = f"{case[0]} {case[2]['kind']} {case[1]}"
        if only not in title:
            continue
        try:
            results = siege.rows()
        except Wrong as e:
            print(f"WRONG {title}: {e}", flush=True)
            wrong += 1
            continue
        baseline = results[0][3:]
        for attack, crowd, row, peak, files in results:
            try:
                judge(siege, attack, crowd, row, peak, files, baseline)
            except Wrong as e:
                print(f"WRONG {title}, {attack}: {e}", flush=True)
                wrong += 1
            trials, bad, turned_away = cells.get((attack, column_of(siege)), (0, 0, 0))
            cells[attack, column_of(siege)] = (trials + 1, bad + (row["status"] != "ok"),
                                               turned_away + int(row["rejected_peers"] or 0))
            print(f"{title:<32} {attack:<25} {row['status']:<8} {crowd.came:>6} came, {row['rejected_peers'] or '–':>6} "
                  f"turned away, {peak or '?'} KiB {row['error']}", flush=True)
    return cells, wrong


def table(cells):
    columns = list(dict.fromkeys(column for _, column in cells))
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (1 + len(columns)) + "|"]
    for attack in ATTACKS:
        def text(column):
            if (attack, column) not in cells:
                return ""
            trials, bad, turned_away = cells[attack, column]
            if column == "iperf3":
                return f"{bad} of {trials} lost" if bad else "ok"
            return f"ok, {turned_away}"
        lines.append(f"| {attack} | " + " | ".join(text(column) for column in columns) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pingperf", type=os.path.abspath)
    parser.add_argument("inject", type=os.path.abspath)
    parser.add_argument("--short", action="store_true", help="each engine and transport meets two of the attacks")
    parser.add_argument("--only", default="", metavar="TEXT", help="of an engine, kind or transport")
    parser.add_argument("--seconds", type=float, default=600, help="how long pong and sink are visited, 0: not")
    page.add_write(parser)
    arguments = parser.parse_args()
    most_files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    begin = time.monotonic()
    cells, wrong = besiege_all(arguments.pingperf, arguments.inject, arguments.short, arguments.only)
    took_s = time.monotonic() - begin
    doors, bad_doors = visit_open_doors(arguments.pingperf, arguments.seconds) if arguments.seconds else ("", 0)
    trials = sum(count for count, _, _ in cells.values())
    besieged = f"{trials} trials, in {took_s:.0f} s.\n\n{table(cells)}"
    print(besieged, doors, sep="\n\n")
    if arguments.write and not wrong and not bad_doors:
        page.write_part(arguments.write, "strangers", besieged)
        if doors:
            page.write_part(arguments.write, "pong and sink", doors)
    return 1 if wrong or bad_doors else 0


if __name__ == "__main__":
    sys.exit(main())
