"""Attacks of unauthenticated peers on every listener: the servers of trials, pong and sink.

Each engine and transport has one run, with one attack per trial. The attack begins when the server
listens and before its client connects. Attacks that can do so last until the trial ends. The
figures of the trial must not change.
"""

import argparse
import os
import re
import resource
import sys
import time
from pathlib import Path

import page
from attackers import ATTACKS, Attackers
from listeners import attack_listeners
from processes import eventually, open_files
from stage import Stage, Wrong

BULK = {"kind": "throughput", "message_size": 65536, "bytes": 64 * 65536, "rate": "320mbit"}
DATAGRAMS = {"kind": "throughput", "message_size": 1000, "bytes": 200 * 1000, "rate": "10mbit"}
PINGS = {"kind": "latency", "messages": 5000}
CONNECTIONS = {"kind": "connect", "messages": 500}
MANY_CONNECTIONS = {**CONNECTIONS, "streams": 8}
HANDSHAKES = {"kind": "connect", "messages": 100}
IPERF3 = {"kind": "throughput", "duration": "1s", "warmup": "0ms", "rate": "10mbit", "message_size": 1000}
ENGINES = ("blocking", "spin", "hybrid", "epoll", "io_uring")
CASES = [
    *((engine, "tcp", BULK) for engine in ("blocking", "epoll", "io_uring", "splice", "tls")),
    ("blocking", "unix", BULK), ("epoll", "unix", BULK), ("blocking", "unix-seqpacket", BULK),
    *((engine, "udp", DATAGRAMS) for engine in ("blocking", "epoll", "io_uring")),
    ("blocking", "multicast", DATAGRAMS), ("blocking", "multicast", PINGS), ("epoll", "unix-seqpacket", PINGS),
    *((engine, transport, PINGS) for transport in ("tcp", "udp", "unix", "unix-datagram", "raw", "mptcp")
      for engine in ENGINES),
    ("tls", "tcp", PINGS), ("tls", "tcp", HANDSHAKES),
    *((engine, transport, CONNECTIONS) for transport in ("tcp", "unix", "mptcp")
      for engine in ("blocking", "epoll", "io_uring")),
    ("blocking", "tcp", MANY_CONNECTIONS),
    *((engine, "tcp", {**MANY_CONNECTIONS, "threads": 2}) for engine in ("epoll", "io_uring")),
    *(("iperf3", transport, IPERF3) for transport in ("tcp", "udp")),
]
MAX_PENDING = 256  # connections per listener (pending_connections.h)
MAX_EXTRA_MEMORY_KIB = 1024  # of the server's worker, compared with a trial without an attack


def address_from(text):
    """Converts the text of Address::to_string() to an address of Python's sockets."""
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


class AttackedRun:
    """One run with one trial per attack."""

    def __init__(self, pingperf, inject, case, attacks, many):
        self.engine, self.transport, parameters = case
        self.kind = parameters["kind"]
        self.attacks = attacks
        self.many = many
        self.attackers, self.peaks, self.files = [], [], []
        self.token = os.urandom(16)
        self.errors = []
        workload = {"warmup": "0ms", **parameters, "engine": self.engine, "transport": self.transport}
        self.stage = Stage(pingperf, inject, {
            "name": "attacked",
            "plan": {"repetitions": len(attacks), "order": "sequential", "cooldown": "0ms",
                     "timeout": "5s" if self.engine == "iperf3" else "20s"},
            "workloads": {"it": workload}})

    def rows(self):
        """Runs the trials. Returns (attack, attackers, row, peak KiB, descriptors) of each trial.

        Raises Wrong."""
        with self.stage as stage:
            stage.on_point = self.on_point
            status = stage.run()
            if self.errors or status not in (0, 3):
                printed = stage.printed["stderr"].decode()[-1000:]
                raise Wrong(f"{'; '.join(self.errors)} exit status {status} {printed}")
            stage.check_nothing_is_left()
            return list(
                zip(self.attacks, self.attackers, stage.rows(), self.peaks, self.files))

    def on_point(self, point, end):
        try:
            if (point, end) == ("connect", "client"):
                self.prepare()
                if self.engine != "iperf3":
                    self.attack()
            elif (point, end) == ("start", "client"):
                if self.engine == "iperf3":
                    self.await_iperf3(listens=True)
                    self.attack()
                    self.attackers[-1].do_later(self.when_iperf3_has_its_client)
                else:
                    self.attackers[-1].start()
            elif (point, end) == ("result", "server") or point == "error":
                self.end()
        except (OSError, Wrong, ValueError) as e:
            self.errors.append(repr(e))

    def prepare(self):
        request = self.stage.messages["client"]
        token = bytes.fromhex(request["token"])
        # The listener of libiperf is that of its control connection.
        transport = "tcp" if self.engine == "iperf3" else self.transport
        self.attackers.append(
            Attackers(transport, address_from(request["address"]), token, self.token, self.many))
        self.token = token

    def attack(self):
        ATTACKS[self.attacks[len(self.attackers) - 1]](self.attackers[-1])

    def await_iperf3(self, listens):
        """Waits until libiperf listens, or no longer does, because its client has connected.

        Reads /proc, because a connection would count as a peer."""
        port = f":{self.attackers[-1].address[1]:04X}"
        eventually(lambda: listens == any(line.split()[1].endswith(port) and line.split()[3] == "0A"
                                          for line in Path("/proc/net/tcp").read_text().splitlines()[1:]), 2)

    def when_iperf3_has_its_client(self):
        try:
            self.await_iperf3(listens=False)
        except Wrong as e:
            self.errors.append(repr(e))
        self.attackers[-1].start()

    def end(self):
        """Ends the attack when the server's result is ready or the trial has failed."""
        if len(self.peaks) == len(self.attackers):
            return
        try:
            pid = self.stage.worker("server")
            self.peaks.append(peak_kib(pid))
            self.files.append(open_files(pid))
        except (Wrong, OSError):  # the worker has exited
            self.peaks.append(None)
            self.files.append(None)
        self.attackers[-1].leave()


def whole(row, kind, transport):
    """Returns the figures of a trial without an attack."""
    if row["engine"] == "iperf3":
        return {}
    if kind != "throughput":
        counts_losses = transport in ("udp", "unix-datagram", "raw", "multicast")
        return {"exchanges": row["messages_limit"], "lost": "0" if counts_losses else None}
    if transport in ("udp", "multicast"):
        return {"datagrams_received": "200", "datagrams_lost": "0", "out_of_order": "0", "duplicates": "0"}
    return {"total_bytes_received": str(BULK["bytes"])}


def judge(run, attack, attackers, row, peak, files, baseline):
    """Raises Wrong if the trial or its attackers had a result that is not allowed."""
    if row["status"] != "ok":
        raise Wrong(f"{row['status']} {row['error']}")
    for name, value in whole(row, run.kind, run.transport).items():
        if value is not None and row[name] != value:
            raise Wrong(f"{name} is {row[name]} instead of {value}")
    if attackers.received:
        raise Wrong(f"the server sent {attackers.received} bytes to attackers")
    if int(row["rejected_peers"]) > attackers.arrived:
        raise Wrong(f"{row['rejected_peers']} peers were rejected, {attackers.arrived} arrived")
    are_all_counted = attack in ALL_COUNTED and run.transport != "raw"
    if are_all_counted and int(row["rejected_peers"]) != attackers.arrived:
        raise Wrong(f"{row['rejected_peers']} of {attackers.arrived} peers were rejected")
    is_known = peak is not None and baseline[0] is not None
    if is_known and peak > baseline[0] + MAX_EXTRA_MEMORY_KIB:
        raise Wrong(f"{peak} KiB of memory, {baseline[0]} without an attack")
    is_known = files is not None and baseline[1] is not None
    if is_known and files > baseline[1] + MAX_PENDING:
        raise Wrong(f"{files} descriptors, {baseline[1]} without an attack")


ALL_COUNTED = ("no attack", "port scan", "random bytes", "half a TLS handshake", "wrong token",
               "token of an ended trial")


def column_of(run):
    if run.engine == "iperf3":
        return run.engine
    return run.kind if run.kind == "connect" else run.transport


def attack_all(pingperf, inject, short, only, omit):
    """Returns {(attack, column): (trials, rejected peers)} and the number of errors."""
    cells, wrong = {}, 0
    for number, case in enumerate(CASES):
        names = [name for name in ATTACKS if name != "no attack"]
        if short:  # two attacks per case; all cases together have all attacks
            names = [names[(2 * number + i) % len(names)] for i in range(2)]
        if case[1] == "raw" and os.geteuid() != 0:
            continue
        run = AttackedRun(pingperf, inject, case, ["no attack", *names], 1000 if short else 10_000)
        title = f"{case[0]} {case[2]['kind']} {case[1]}"
        if not re.search(only, title) or omit and re.search(omit, title):
            continue
        try:
            results = run.rows()
        except Wrong as e:
            print(f"WRONG {title}: {e}", flush=True)
            wrong += 1
            continue
        baseline = results[0][3:]
        for attack, attackers, row, peak, files in results:
            try:
                judge(run, attack, attackers, row, peak, files, baseline)
            except Wrong as e:
                print(f"WRONG {title}, {attack}: {e}", flush=True)
                wrong += 1
            trials, rejected = cells.get((attack, column_of(run)), (0, 0))
            cells[attack, column_of(run)] = (trials + 1, rejected + int(row["rejected_peers"] or 0))
            print(f"{title:<32} {attack:<25} {row['status']:<8} {attackers.arrived:>6} arrived, "
                  f"{row['rejected_peers'] or '–':>6} rejected, {peak or '?'} KiB {row['error']}",
                  flush=True)
    return cells, wrong


def table(cells):
    columns = list(dict.fromkeys(column for _, column in cells))
    lines = ["| attack | " + " | ".join(columns) + " |", "|---" * (1 + len(columns)) + "|"]
    for attack in ATTACKS:
        def text(column):
            if (attack, column) not in cells:
                return ""
            _, rejected = cells[attack, column]
            return f"ok, {rejected}"
        lines.append(f"| {attack} | " + " | ".join(text(column) for column in columns) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pingperf", type=os.path.abspath)
    parser.add_argument("inject", type=os.path.abspath)
    parser.add_argument("--short", action="store_true", help="two attacks per engine and transport")
    parser.add_argument("--only", default="", metavar="REGEX",
                        help="run the cases with REGEX in engine, kind or transport")
    parser.add_argument("--omit", default="", metavar="REGEX", help="omit the cases with REGEX there")
    parser.add_argument("--seconds", type=float, default=600,
                        help="duration of the attacks on pong and sink; 0 omits them")
    page.add_write(parser)
    arguments = parser.parse_args()
    max_files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (max_files, max_files))
    begin = time.monotonic()
    cells, wrong = attack_all(arguments.pingperf, arguments.inject, arguments.short, arguments.only,
                              arguments.omit)
    took_s = time.monotonic() - begin
    listeners, bad_listeners = "", 0
    if arguments.seconds:
        listeners, bad_listeners = attack_listeners(arguments.pingperf, arguments.seconds)
    trials = sum(count for count, _ in cells.values())
    attacked = f"{trials} trials, in {took_s:.0f} s.\n\n{table(cells)}"
    print(attacked, listeners, sep="\n\n")
    if arguments.write and not wrong and not bad_listeners:
        page.write_part(arguments.write, "unauthenticated peers", attacked)
        if listeners:
            page.write_part(arguments.write, "pong and sink", listeners)
    return 1 if wrong or bad_listeners else 0


if __name__ == "__main__":
    sys.exit(main())
