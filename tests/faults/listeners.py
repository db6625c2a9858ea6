"""Strangers at pong and sink, which serve whoever comes: they must answer no more than they got, hold a bounded amount,
and still serve the next one who behaves.
"""

import os
import random
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import NamedTuple

from attackers import MARK, RAW_PROTOCOL, STRANGER
from stage import open_files

MOST_CLIENTS = 1000  # at a time (sockets/lesson_server.cpp, lesson_sink.cpp)
DESCRIPTORS = 20  # beside those of clients
CROWD = 1200  # more than it serves at a time
POLITE_EVERY_S = 2


class Service(NamedTuple):
    name: str
    command: tuple
    transport: str
    most_kib: int  # resident
    ping: tuple = ()  # what it answers, of `pingperf ping`; empty: it answers nothing


BASE_KIB = 12 * 1024
SERVICES = (
    Service("pong", ("pong",), "tcp", BASE_KIB, ("--transport", "tcp")),
    Service("pong --concurrent", ("pong", "--concurrent"), "tcp", BASE_KIB + MOST_CLIENTS * 96, ("--transport", "tcp")),
    Service("pong --transport udp", ("pong", "--transport", "udp"), "udp", BASE_KIB, ("--transport", "udp")),
    Service("pong --transport raw", ("pong", "--transport", "raw"), "raw", BASE_KIB, ("--transport", "raw")),
    Service("sink", ("sink",), "tcp", BASE_KIB + MOST_CLIENTS * 320),
    Service("sink --transport udp", ("sink", "--transport", "udp"), "udp", BASE_KIB + 2048),
)


class Visit:
    """One service, its strangers, and what they did to it."""

    def __init__(self, pingperf, service, end):
        self.pingperf, self.service, self.end = pingperf, service, end
        self.sent = self.got = self.connections = 0
        self.peak_kib = self.peak_files = self.peak_threads = 0
        self.polite = self.answered = 0
        self.lock = threading.Lock()
        port = () if service.transport == "raw" else ("--port", "0")
        self.process = subprocess.Popen([pingperf, *service.command, *port], stdout=subprocess.PIPE, text=True)
        self.where = self.process.stdout.readline().split()[2]  # "PONG on 127.0.0.1:5202 over tcp"
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        host, _, port = self.where.rpartition(":")
        self.address = (host or self.where, int(port) if host else 0)

    def run(self):
        """Until the end, one attack after another, two of them at a time; the server is looked at meanwhile."""
        threads = [threading.Thread(target=self.attack, args=(seed,)) for seed in (1, 2)]
        threads.append(threading.Thread(target=self.be_polite))
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            self.look()
            time.sleep(0.1)

    def left(self):
        return self.end - time.monotonic()

    def look(self):
        try:
            status = dict(line.split(":", 1) for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines())
        except OSError:
            return
        self.peak_kib = max(self.peak_kib, int(status.get("VmHWM", "0 kB").split()[0]))
        self.peak_threads = max(self.peak_threads, int(status["Threads"]))
        self.peak_files = max(self.peak_files, open_files(self.process.pid) or 0)

    def be_polite(self):
        """Somebody who behaves, now and then. He may have to wait for his turn, and may not get it meanwhile."""
        while self.service.ping and self.left() > POLITE_EVERY_S:
            self.polite += 1
            self.answered += self.ping()
            time.sleep(min(POLITE_EVERY_S, max(0, self.left())))

    def ping(self):
        where = self.address[0] if self.service.transport == "raw" else self.where
        command = [self.pingperf, "ping", "--count", "3", "--quiet", *self.service.ping, where]
        return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0

    def count(self, sent=0, got=0, connections=0):
        with self.lock:
            self.sent += sent
            self.got += got
            self.connections += connections

    # ---- Strangers

    def attack(self, seed):
        dice = random.Random(seed)
        attacks = (STREAM_ATTACKS if self.service.transport == "tcp" else DATAGRAM_ATTACKS)
        while self.left() > 0:
            try:
                dice.choice(attacks)(self, dice)
            except OSError:
                time.sleep(0.01)  # full, or it has had enough of this one

    def dial(self):
        s = socket.create_connection(self.address, timeout=1)
        self.count(connections=1)
        return s

    def say(self, s, data):
        s.sendall(data)
        self.count(sent=len(data))

    def hear(self, s, seconds=0.05):
        """All that comes back until it is quiet."""
        s.settimeout(seconds)
        try:
            while data := s.recv(1 << 16):
                self.count(got=len(data))
        except OSError:
            pass

    def verdict(self):
        """What is wrong with it now, all strangers gone; empty when nothing is."""
        status = self.process.poll()
        if status is not None:
            return f"it has ended with {status}"
        if self.address[0] != "127.0.0.1":
            return f"it has bound {self.address[0]} unasked"
        if self.service.ping and not self.ping():
            return "it serves nobody any more"
        if self.got > self.sent:
            return f"it gave {self.got} bytes for {self.sent}"
        if self.peak_kib > self.service.most_kib:
            return f"it took {self.peak_kib} KiB of memory"
        if self.peak_files > MOST_CLIENTS + DESCRIPTORS:
            return f"it had {self.peak_files} descriptors open"
        return ""

    def close(self):
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def scan(visit, dice):
    for _ in range(100):
        visit.dial().close()


def speak(visit, dice):
    with visit.dial() as s:
        visit.say(s, dice.randbytes(dice.randrange(1, 20000)))
        visit.hear(s)


def drip(visit, dice):
    with visit.dial() as s:
        for _ in range(20):
            visit.say(s, b"x")
            time.sleep(0.01)
        visit.hear(s)


def pour_and_not_hear(visit, dice):
    """It may answer until its peer's window is full: what it said then is not read, so not more than was sent."""
    with visit.dial() as s:
        s.settimeout(0.2)
        sent = 0
        try:
            while sent < 16 << 20:
                sent += s.send(bytes(1 << 16))
        except OSError:
            pass
        visit.count(sent=sent)


def crowd(visit, dice):
    """More at once than it serves, mute."""
    guests = []
    try:
        for _ in range(CROWD):
            guests.append(visit.dial())
    except OSError:
        pass
    time.sleep(0.1)
    for s in guests:
        s.close()


def datagram_socket(visit):
    if visit.service.transport == "raw":
        s = socket.socket(socket.AF_INET, socket.SOCK_RAW, RAW_PROTOCOL)
        s.bind((STRANGER, 0))
    else:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect(visit.address)
    return s


def datagrams(visit, dice, sizes, count):
    with datagram_socket(visit) as s:
        for _ in range(count):
            data = dice.randbytes(dice.choice(sizes))
            if visit.service.transport == "raw" and dice.random() < 0.5:
                data = MARK + data
            elif dice.random() < 0.3:  # a hello, an end
                data = dice.choice((b"\xff", b"\xfe")) + b"\xff" * 7 + data
            try:
                visit.say(s, data)
            except OSError:
                pass
            if dice.random() < 0.05:
                hear_datagrams(visit, s, 0)
        hear_datagrams(visit, s, 0.05)


def hear_datagrams(visit, s, seconds):
    s.settimeout(seconds)
    try:
        while True:
            data = s.recv(1 << 17)
            visit.count(got=len(data) - (20 if visit.service.transport == "raw" else 0))
    except OSError:
        s.settimeout(1)


def small_datagrams(visit, dice):
    datagrams(visit, dice, range(0, 1500), 1000)


def large_datagrams(visit, dice):
    datagrams(visit, dice, (9000, 65000), 30)


STREAM_ATTACKS = (scan, speak, drip, pour_and_not_hear, crowd)
DATAGRAM_ATTACKS = (small_datagrams, large_datagrams)


def visit_open_doors(pingperf, seconds):
    """All services at once for so long. Returns a table, and how many did wrong."""
    services = [s for s in SERVICES if s.transport != "raw" or os.geteuid() == 0]
    end = time.monotonic() + seconds
    visits = [Visit(pingperf, service, end) for service in services]
    threads = []
    for visit in visits:
        threads.append(threading.Thread(target=visit.run))
        threads[-1].start()
    for thread in threads:
        thread.join()
    bad = 0
    lines = [f"Visited for {seconds:.0f} s, all at once:", "",
             "| | connections | sent to it | it answered | memory | descriptors | threads | somebody polite was answered |",
             "|---|---|---|---|---|---|---|---|"]
    for visit in visits:
        wrong = visit.verdict()
        visit.close()
        bad += bool(wrong)
        if wrong:
            print(f"WRONG {visit.service.name}: {wrong}", flush=True)
        polite = f"{visit.answered} of {visit.polite}, and afterwards" if visit.service.ping else ""
        lines.append(f"| `pingperf {visit.service.name}` | {visit.connections or ''} | {visit.sent / 1e6:.1f} MB | "
                     f"{visit.got / 1e6:.1f} MB | {visit.peak_kib / 1024:.0f} MiB | {visit.peak_files} | "
                     f"{visit.peak_threads} | {polite} |")
    return "\n".join(lines), bad
