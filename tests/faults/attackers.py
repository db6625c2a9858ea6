"""Attacks of unauthenticated peers on one listener, and the bytes that the peers received.

An attack is a function that takes an Attackers object. It returns when every peer that must arrive
before the trial's own client has arrived.
"""

import os
import random
import socket
import ssl
import threading
import time

MARK = b"pp\x01\x01"  # start of a raw message: version, ping (see raw.h)
RAW_PROTOCOL = 253
HELLO, END = b"\xff" * 8, b"\xfe" + b"\xff" * 7  # datagram numbers, little-endian
STREAMS = ("tcp", "mptcp", "unix", "unix-seqpacket")
AT_ONCE = 500  # connections of `many` that are pending at the same time
# A raw socket receives everything that is sent to its address, so attackers need their own address.
ATTACKER_ADDRESS = "127.0.0.2"


class Attackers:
    """The unauthenticated peers at one listener during one trial."""

    def __init__(self, transport, address, token, ended_token, many):
        self.transport = transport
        self.is_stream = transport in STREAMS
        self.address = address
        self.token, self.ended_token = token, ended_token
        self.many = many
        self.arrived = 0  # connections made, datagrams sent
        self.received = 0  # bytes that the server sent to attackers
        self.over = threading.Event()  # set when the trial has ended
        self.on_start = []  # functions to call when the server has accepted the trial's own client
        self.threads = []
        self.sockets = []

    # ---- Building blocks of an attack

    def dial(self):
        """Returns a socket that is connected to the listener."""
        if self.transport == "raw":
            s = socket.socket(socket.AF_INET, socket.SOCK_RAW, RAW_PROTOCOL)
            s.bind((ATTACKER_ADDRESS, 0))
        else:
            family = socket.AF_UNIX if self.transport.startswith("unix") else socket.AF_INET
            kind = socket.SOCK_STREAM if self.is_stream else socket.SOCK_DGRAM
            s = socket.socket(family, socket.SOCK_SEQPACKET if self.transport == "unix-seqpacket" else kind)
            if self.transport == "unix-datagram":
                s.bind("")  # the kernel assigns a name, so the server could answer
        s.settimeout(5)
        s.connect(self.address)
        if self.is_stream:
            self.arrived += 1
        else:
            s.setblocking(False)
        return s

    def send(self, s, data):
        """Sends as much as the server accepts, or one datagram."""
        try:
            s.send(MARK + self.token[:4] + data if self.transport == "raw" else data)
            if not self.is_stream:
                self.arrived += 1
        except OSError:
            pass  # the queue is full, or the listener is closed

    def keep(self, s):
        """Keeps the socket open until the trial has ended; leave() then counts its bytes."""
        self.sockets.append(s)

    def arrive(self, count, *messages):
        """Opens `count` sockets and sends the messages on each."""
        for _ in range(count):
            try:
                s = self.dial()
            except OSError:
                continue  # the listener is closed
            for message in messages:
                self.send(s, message() if callable(message) else message)
            self.keep(s)

    def until_over(self, work):
        """Repeats `work` on a thread until the trial has ended."""
        def loop():
            while not self.over.is_set():
                work()
        self.do_later(loop)

    def do_later(self, work):
        """Does `work` on a thread."""
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        self.threads.append(thread)

    def start(self):
        """Continues the attack after the server has accepted the trial's own client."""
        for step in self.on_start:
            step()

    def leave(self):
        """Ends the attack and counts the bytes that the server has sent to it."""
        self.over.set()
        for thread in self.threads:
            thread.join()
        for s in self.sockets:
            try:
                s.setblocking(False)
                while data := s.recv(1 << 16):
                    self.received += len(data)
            except OSError:
                pass  # no more data, or the attack has closed the socket
            s.close()
        self.sockets.clear()

    def hello(self, token):
        """Returns the message that opens a session with this token."""
        return token if self.is_stream else HELLO + token

    def wrong_token(self):
        """Returns the token with one wrong bit.

        The kernel's filter of raw sockets checks the first 4 bytes, so they stay correct there."""
        token = bytearray(self.token)
        token[random.randrange(4 if self.transport == "raw" else 0, 16)] ^= 1 << random.randrange(8)
        return bytes(token)


# ---- The attacks


def no_attack(attackers):
    pass


def port_scan(attackers):
    for _ in range(20):
        with attackers.dial() as s:
            if not attackers.is_stream:
                attackers.send(s, b"")


def random_bytes(attackers):
    attackers.arrive(50, lambda: random.randbytes(random.randrange(1, 4096)))


def half_handshake(attackers):
    """Sends the first message of a TLS handshake and waits for the answer."""
    hello = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), hello, server_hostname="localhost")
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        attackers.arrive(50, hello.read())


def slow_bytes(attackers):
    """Sends single bytes with pauses, or invalid datagrams."""
    slow = []
    for _ in range(10):
        slow.append(attackers.dial())
        attackers.keep(slow[-1])

    def drip():
        for s in slow:
            attackers.send(s, b"x")
        time.sleep(0.02)

    attackers.until_over(drip)


def late_token(attackers):
    """Completes the correct token only after the server has accepted the trial's own client."""
    if not attackers.is_stream:
        attackers.on_start.append(lambda: attackers.arrive(20, attackers.hello(attackers.token)))
        return
    late = [attackers.dial() for _ in range(20)]
    for s in late:
        attackers.send(s, attackers.token[:15])
        attackers.keep(s)
    attackers.on_start.append(lambda: [attackers.send(s, attackers.token[15:]) for s in late])


def wrong_token(attackers):
    attackers.arrive(50, lambda: attackers.hello(attackers.wrong_token()))


def ended_token(attackers):
    attackers.arrive(50, attackers.hello(attackers.ended_token))


def many(attackers):
    for _ in range(0, attackers.many, AT_ONCE):
        before = len(attackers.sockets)
        hello = [] if attackers.is_stream else [attackers.hello(attackers.wrong_token())]
        attackers.arrive(AT_ONCE, *hello)
        for s in attackers.sockets[before:]:
            s.close()
        del attackers.sockets[before:]


def flood(attackers):
    """Sends wrong tokens until the trial has ended. Datagrams include forged data and ends."""
    if attackers.is_stream:
        def connect():
            attackers.arrive(1, attackers.hello(attackers.wrong_token()))
            time.sleep(0.001)

        attackers.until_over(connect)
        return
    s = attackers.dial()
    attackers.keep(s)

    def pour():
        attackers.send(s, attackers.hello(attackers.wrong_token()))
        attackers.send(s, END + bytes(8))
        attackers.send(s, random.randrange(1000).to_bytes(8, "little") + bytes(1000))

    attackers.until_over(pour)


def oversized(attackers):
    """Sends 16 MiB on one connection, or the largest datagrams."""
    if not attackers.is_stream:
        attackers.arrive(20, os.urandom(65000))
        return
    chunk = os.urandom(1 << 20)
    with attackers.dial() as s:
        s.settimeout(1)
        for _ in range(16):
            try:
                s.sendall(chunk)
            except OSError:
                return


ATTACKS = {
    "no attack": no_attack,
    "port scan": port_scan,
    "random bytes": random_bytes,
    "half a TLS handshake": half_handshake,
    "slow bytes": slow_bytes,
    "right token late": late_token,
    "wrong token": wrong_token,
    "token of an ended trial": ended_token,
    "10 000 peers": many,
    "flood with wrong tokens": flood,
    "oversized": oversized,
}
