"""The program of the fault suite: each end is a command with a daemon.

The client sends, and waits for an answer, so each end notices if the other one stops. Both ends
print pingperf's lines. The daemon leaves the process group and its parent, and ignores SIGTERM.

Usage: program.py command|daemon client|server ADDRESS PORT SECONDS
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time

ROLE, END, ADDRESS, PORT, SECONDS = sys.argv[1:]
REQUEST = bytes(10_000)
INTERVAL_S = 0.05


class Intervals:
    """Prints the bytes of each interval since the first call."""

    def __init__(self, figure):
        self.figure = figure
        self.start = self.end = 0
        self.bytes = 0

    def add(self, size):
        now = time.monotonic()
        self.start = self.start or now
        self.end = self.end or now
        self.bytes += size
        if now >= self.end + INTERVAL_S:
            interval = {"start_s": self.end - self.start, "end_s": now - self.start, self.figure: self.bytes}
            print(json.dumps({"pingperf": 1, "interval": interval}), flush=True)
            self.end, self.bytes = now, 0


def serve():
    server = socket.create_server((ADDRESS, int(PORT)))
    connection, _ = server.accept()
    intervals = Intervals("bytes_received")
    while data := connection.recv(len(REQUEST), socket.MSG_WAITALL):
        intervals.add(len(data))
        connection.sendall(b"x")
    signal.pause()


def send():
    with socket.create_connection((ADDRESS, int(PORT))) as connection:
        intervals = Intervals("bytes_sent")
        end = time.monotonic() + float(SECONDS)
        while time.monotonic() < end:
            connection.sendall(REQUEST)
            if not connection.recv(1):
                sys.exit("the server has closed the connection")
            intervals.add(len(REQUEST))
            time.sleep(0.005)


def start_daemon():
    """Returns when the daemon has no parent of the command any more."""
    command = [sys.executable, "-S", "-E", sys.argv[0], "daemon", *sys.argv[2:]]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def become_daemon():
    """Keeps stdout and stderr, so that they do not end with the command."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.setsid()
    if os.fork() > 0:
        os._exit(0)
    time.sleep(600)


def main():
    if ROLE == "daemon":
        become_daemon()
    start_daemon()
    if END == "server":
        serve()
    else:
        send()


main()
