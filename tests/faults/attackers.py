"""Strangers at a listener: what each kind of them does, and what they got for it.

An attack is a function of a Crowd; it returns once all of it has come that must be there before the trial's own client.
"""

import os
import random
import socket
import threading
import time

MARK = b"pp\x01\x01"  # a raw message's: version, ping (sockets/raw.h)
RAW_PROTOCOL = 253
HELLO, END = b"\xff" * 8, b"\xfe" + b"\xff" * 7  # a datagram's number (sockets/carrier.h), little-endian
STREAMS = ("tcp", "mptcp", "unix")
AT_ONCE = 500  # connections of `many` that stand at the door together
STRANGER = "127.0.0.2"  # a raw socket gets what is sent to its address: that of strangers must be their own


class Crowd:
    """The strangers at one listener during one trial."""

    def __init__(self, transport, address, token, ended_token, many):
        self.transport = transport
        self.is_stream = transport in STREAMS
        self.address = address
        self.token, self.ended_token = token, ended_token
        self.many = many
        self.came = 0  # connections made, datagrams sent
        self.got = 0  # bytes that a stranger was given
        self.over = threading.Event()  # the trial is
        self.upon_start = []  # what is done when the trial's own client has been admitted
        self.threads = []
        self.guests = []

    # ---- What an attack is made of

    def dial(self):
        """A socket to the listener."""
        if self.transport == "raw":
            s = socket.socket(socket.AF_INET, socket.SOCK_RAW, RAW_PROTOCOL)
            s.bind((STRANGER, 0))
        else:
            family = socket.AF_UNIX if self.transport.startswith("unix") else socket.AF_INET
            s = socket.socket(family, socket.SOCK_STREAM if self.is_stream else socket.SOCK_DGRAM)
            if self.transport == "unix-datagram":
                s.bind("")  # the kernel names it, so that it could be answered
        s.settimeout(5)
        s.connect(self.address)
        if self.is_stream:
            self.came += 1
        else:
            s.setblocking(False)
        return s

    def send(self, s, data):
        """As much as it will have; one datagram, in a message of its transport."""
        try:
            s.send(MARK + self.token[:4] + data if self.transport == "raw" else data)
            if not self.is_stream:
                self.came += 1
        except OSError:
            pass  # a full queue, or the door has been shut

    def keep(self, s):
        """Looked after until the trial is over, then asked what it got."""
        self.guests.append(s)

    def come(self, count, *messages):
        """So many strangers, each with these messages."""
        for _ in range(count):
            try:
                s = self.dial()
            except OSError:
                continue  # the door has been shut
            for message in messages:
                self.send(s, message() if callable(message) else message)
            self.keep(s)

    def until_over(self, work):
        """Does it again and again until the trial is over."""
        def loop():
            while not self.over.is_set():
                work()
        thread = threading.Thread(target=loop, daemon=True)
        thread.start()
        self.threads.append(thread)

    def leave(self):
        """Ends what still goes on, and counts what they got."""
        self.over.set()
        for thread in self.threads:
            thread.join()
        for s in self.guests:
            try:
                s.setblocking(False)
                while data := s.recv(1 << 16):
                    self.got += len(data)
            except OSError:
                pass  # nothing more, or its attack has just closed it
            s.close()
        self.guests.clear()

    def hello(self, token):
        """What opens a session with this token."""
        return token if self.is_stream else HELLO + token

    def wrong_token(self):
        """One bit is not as it should be; of a raw message the kernel's filter has seen to the first four bytes."""
        token = bytearray(self.token)
        token[random.randrange(4 if self.transport == "raw" else 0, 16)] ^= 1 << random.randrange(8)
        return bytes(token)


# ---- The attacks


def nobody(crowd):
    pass


def port_scan(crowd):
    for _ in range(20):
        with crowd.dial() as s:
            if not crowd.is_stream:
                crowd.send(s, b"")


def random_bytes(crowd):
    crowd.come(50, lambda: random.randbytes(random.randrange(1, 4096)))


def slow_bytes(crowd):
    """A byte now and then; of datagrams, a wrong one."""
    slow = []
    for _ in range(10):
        slow.append(crowd.dial())
        crowd.keep(slow[-1])

    def drip():
        for s in slow:
            crowd.send(s, b"x")
        time.sleep(0.02)

    crowd.until_over(drip)


def late_token(crowd):
    """The right one, complete only when the trial's own client is in already."""
    if not crowd.is_stream:
        crowd.upon_start.append(lambda: crowd.come(20, crowd.hello(crowd.token)))
        return
    late = [crowd.dial() for _ in range(20)]
    for s in late:
        crowd.send(s, crowd.token[:15])
        crowd.keep(s)
    crowd.upon_start.append(lambda: [crowd.send(s, crowd.token[15:]) for s in late])


def wrong_token(crowd):
    crowd.come(50, lambda: crowd.hello(crowd.wrong_token()))


def ended_token(crowd):
    crowd.come(50, crowd.hello(crowd.ended_token))


def many(crowd):
    for _ in range(0, crowd.many, AT_ONCE):
        guests = len(crowd.guests)
        crowd.come(AT_ONCE, *([] if crowd.is_stream else [crowd.hello(crowd.wrong_token())]))
        for s in crowd.guests[guests:]:
            s.close()
        del crowd.guests[guests:]


def flood(crowd):
    """Wrong tokens for as long as the trial lasts; of datagrams also what its client would send, and its end."""
    if crowd.is_stream:
        crowd.until_over(lambda: (crowd.come(1, crowd.hello(crowd.wrong_token())), time.sleep(0.001)))
        return
    s = crowd.dial()
    crowd.keep(s)

    def pour():
        crowd.send(s, crowd.hello(crowd.wrong_token()))
        crowd.send(s, END + bytes(8))
        crowd.send(s, random.randrange(1000).to_bytes(8, "little") + bytes(1000))

    crowd.until_over(pour)


def oversized(crowd):
    """16 MiB that nobody asked for; the largest datagrams that there are."""
    if not crowd.is_stream:
        crowd.come(20, os.urandom(65000))
        return
    rubbish = os.urandom(1 << 20)
    with crowd.dial() as s:
        s.settimeout(1)
        for _ in range(16):
            try:
                s.sendall(rubbish)
            except OSError:
                return


ATTACKS = {
    "nobody": nobody,
    "port scan": port_scan,
    "random bytes": random_bytes,
    "slow bytes": slow_bytes,
    "right token late": late_token,
    "wrong token": wrong_token,
    "token of an ended trial": ended_token,
    "10 000 strangers": many,
    "flood with wrong tokens": flood,
    "oversized": oversized,
}
