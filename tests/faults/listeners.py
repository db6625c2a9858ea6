"""Attacks on pong and sink, which serve peers without a token.

They must not send more than they received, must use bounded resources, and must still serve an
ordinary client afterwards.
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

from attackers import ATTACKER_ADDRESS, MARK, RAW_PROTOCOL
from processes import open_files

MAX_CLIENTS = 1000  # per server at a time (pong_server.cpp, sink_server.cpp)
DESCRIPTORS = 20  # of a server without clients
EXCESS_CLIENTS = 1200  # more than a server serves at a time
PING_EVERY_S = 2


class Service(NamedTuple):
    name: str
    command: tuple
    transport: str
    max_kib: int  # resident memory
    ping: tuple = ()  # arguments of `pingperf ping`; empty: the server answers no pings


BASE_KIB = 12 * 1024
SERVICES = (
    Service("pong", ("pong",), "tcp", BASE_KIB, ("--transport", "tcp")),
    Service("pong --concurrent", ("pong", "--concurrent"), "tcp", BASE_KIB + MAX_CLIENTS * 96, ("--transport", "tcp")),
    Service("pong --transport udp", ("pong", "--transport", "udp"), "udp", BASE_KIB, ("--transport", "udp")),
    Service("pong --transport raw", ("pong", "--transport", "raw"), "raw", BASE_KIB, ("--transport", "raw")),
    Service("sink", ("sink",), "tcp", BASE_KIB + MAX_CLIENTS * 320),
    Service("sink --transport udp", ("sink", "--transport", "udp"), "udp", BASE_KIB + 2048),
)


class Attack:
    """One server, its attackers, and the resources that the server uses meanwhile."""

    def __init__(self, pingperf, service, end):
        self.pingperf, self.service, self.end = pingperf, service, end
        self.sent = self.received = self.connections = 0
        self.peak_kib = self.peak_files = self.peak_threads = 0
        self.pings = self.answered = 0
        self.lock = threading.Lock()
        port = () if service.transport == "raw" else ("--port", "0")
        self.process = subprocess.Popen([pingperf, *service.command, *port], stdout=subprocess.PIPE, text=True)
        self.where = self.process.stdout.readline().split()[2]  # "PONG on 127.0.0.1:5202 over tcp"
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        host, _, port = self.where.rpartition(":")
        self.address = (host or self.where, int(port) if host else 0)

    def run(self):
        """Runs random attacks on two threads until the end, and samples the server meanwhile."""
        threads = [threading.Thread(target=self.attack, args=(seed,)) for seed in (1, 2)]
        threads.append(threading.Thread(target=self.ping_repeatedly))
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            self.sample()
            time.sleep(0.1)

    def left(self):
        return self.end - time.monotonic()

    def sample(self):
        try:
            text = Path(f"/proc/{self.process.pid}/status").read_text()
        except OSError:
            return
        status = dict(line.split(":", 1) for line in text.splitlines())
        self.peak_kib = max(self.peak_kib, int(status.get("VmHWM", "0 kB").split()[0]))
        self.peak_threads = max(self.peak_threads, int(status["Threads"]))
        self.peak_files = max(self.peak_files, open_files(self.process.pid) or 0)

    def ping_repeatedly(self):
        """Pings the server as an ordinary client. A busy server may leave some pings unanswered."""
        while self.service.ping and self.left() > PING_EVERY_S:
            self.pings += 1
            self.answered += self.ping()
            time.sleep(min(PING_EVERY_S, max(0, self.left())))

    def ping(self):
        where = self.address[0] if self.service.transport == "raw" else self.where
        command = [self.pingperf, "ping", "--count", "3", "--quiet", *self.service.ping, where]
        return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0

    def count(self, sent=0, received=0, connections=0):
        with self.lock:
            self.sent += sent
            self.received += received
            self.connections += connections

    # ---- Attackers

    def attack(self, seed):
        dice = random.Random(seed)
        attacks = (STREAM_ATTACKS if self.service.transport == "tcp" else DATAGRAM_ATTACKS)
        while self.left() > 0:
            try:
                dice.choice(attacks)(self, dice)
            except OSError:
                time.sleep(0.01)  # the server is full, or it has closed the connection

    def dial(self):
        s = socket.create_connection(self.address, timeout=1)
        self.count(connections=1)
        return s

    def send(self, s, data):
        s.sendall(data)
        self.count(sent=len(data))

    def receive(self, s, seconds=0.05):
        """Counts the bytes that arrive until nothing arrives for so many seconds."""
        s.settimeout(seconds)
        try:
            while data := s.recv(1 << 16):
                self.count(received=len(data))
        except OSError:
            pass

    def verdict(self):
        """Returns the error of the server after the attacks, or an empty text."""
        status = self.process.poll()
        if status is not None:
            return f"it exited with {status}"
        if self.address[0] != "127.0.0.1":
            return f"it listens on {self.address[0]} instead of 127.0.0.1"
        if self.service.ping and not self.ping():
            return "it no longer answers pings"
        if self.received > self.sent:
            return f"it sent {self.received} bytes and received {self.sent}"
        if self.peak_kib > self.service.max_kib:
            return f"it used {self.peak_kib} KiB of memory"
        if self.peak_files > MAX_CLIENTS + DESCRIPTORS:
            return f"it had {self.peak_files} descriptors open"
        return ""

    def close(self):
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def scan(attack, dice):
    for _ in range(100):
        attack.dial().close()


def send_random(attack, dice):
    with attack.dial() as s:
        attack.send(s, dice.randbytes(dice.randrange(1, 20000)))
        attack.receive(s)


def drip(attack, dice):
    with attack.dial() as s:
        for _ in range(20):
            attack.send(s, b"x")
            time.sleep(0.01)
        attack.receive(s)


def send_and_not_read(attack, dice):
    """Sends up to 16 MiB and reads no answer. The server can answer until its window is full."""
    with attack.dial() as s:
        s.settimeout(0.2)
        sent = 0
        try:
            while sent < 16 << 20:
                sent += s.send(bytes(1 << 16))
        except OSError:
            pass
        attack.count(sent=sent)


def exceed_limit(attack, dice):
    """Opens more connections than the server serves, and sends nothing."""
    clients = []
    try:
        for _ in range(EXCESS_CLIENTS):
            clients.append(attack.dial())
    except OSError:
        pass
    time.sleep(0.1)
    for s in clients:
        s.close()


def datagram_socket(attack):
    if attack.service.transport == "raw":
        s = socket.socket(socket.AF_INET, socket.SOCK_RAW, RAW_PROTOCOL)
        s.bind((ATTACKER_ADDRESS, 0))
    else:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect(attack.address)
    return s


def datagrams(attack, dice, sizes, count):
    with datagram_socket(attack) as s:
        for _ in range(count):
            data = dice.randbytes(dice.choice(sizes))
            if attack.service.transport == "raw" and dice.random() < 0.5:
                data = MARK + data
            elif dice.random() < 0.3:  # a hello or an end
                data = dice.choice((b"\xff", b"\xfe")) + b"\xff" * 7 + data
            try:
                attack.send(s, data)
            except OSError:
                pass
            if dice.random() < 0.05:
                receive_datagrams(attack, s, 0)
        receive_datagrams(attack, s, 0.05)


def receive_datagrams(attack, s, seconds):
    s.settimeout(seconds)
    try:
        while True:
            data = s.recv(1 << 17)
            attack.count(received=len(data) - (20 if attack.service.transport == "raw" else 0))
    except OSError:
        s.settimeout(1)


def small_datagrams(attack, dice):
    datagrams(attack, dice, range(0, 1500), 1000)


def large_datagrams(attack, dice):
    datagrams(attack, dice, (9000, 65000), 30)


STREAM_ATTACKS = (scan, send_random, drip, send_and_not_read, exceed_limit)
DATAGRAM_ATTACKS = (small_datagrams, large_datagrams)


def attack_listeners(pingperf, seconds):
    """Attacks all servers at the same time. Returns a table and the number of failed servers."""
    services = [s for s in SERVICES if s.transport != "raw" or os.geteuid() == 0]
    end = time.monotonic() + seconds
    attacks = [Attack(pingperf, service, end) for service in services]
    threads = []
    for attack in attacks:
        threads.append(threading.Thread(target=attack.run))
        threads[-1].start()
    for thread in threads:
        thread.join()
    bad = 0
    lines = [f"All servers, attacked at the same time for {seconds:.0f} s:", "",
             "| server | connections | received | sent | memory | descriptors | threads | pings answered |",
             "|---|---|---|---|---|---|---|---|"]
    for attack in attacks:
        wrong = attack.verdict()
        attack.close()
        bad += bool(wrong)
        if wrong:
            print(f"WRONG {attack.service.name}: {wrong}", flush=True)
        pings = f"{attack.answered} of {attack.pings}, and afterwards" if attack.service.ping else ""
        lines.append(f"| `pingperf {attack.service.name}` | {attack.connections or ''} | {attack.sent / 1e6:.1f} MB | "
                     f"{attack.received / 1e6:.1f} MB | {attack.peak_kib / 1024:.0f} MiB | {attack.peak_files} | "
                     f"{attack.peak_threads} | {pings} |")
    return "\n".join(lines), bad
