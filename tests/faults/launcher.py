"""The launcher of the fault suite.

It starts the agent and reports each line of the conversation to the suite before it passes the line
on. On commands of the suite it damages the conversation.

Usage: launcher.py SOCKET END COMMAND…
"""

import json
import os
import socket
import subprocess
import sys
import threading

SOCKET, END, COMMAND = sys.argv[1], sys.argv[2], sys.argv[3:]


class Suite:
    """A connection to the suite, which answers each report with one line."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(SOCKET)
        self.lines = self.socket.makefile("rb")

    def report(self, point, **more):
        message = {"point": point, "end": END, "pid": os.getpid(), **more}
        self.socket.sendall(json.dumps(message).encode() + b"\n")
        return self.lines.readline()


def parsed(line):
    try:
        message = json.loads(line)
        return message if "type" in message else {"type": "nonsense"}
    except (ValueError, TypeError):
        return {"type": "nonsense"}


def summary_of(message):
    """Returns the type of a message, with the address, the token and the endpoint if it has them."""
    return {key: message[key] for key in ("type", "address", "token", "endpoint") if key in message}


class Line:
    """One direction of the conversation."""

    def __init__(self, source, sink):
        self.source = source
        self.sink = sink
        self.lock = threading.Lock()

    def write(self, text):
        with self.lock:
            view = memoryview(text)
            while view:
                view = view[os.write(self.sink, view):]

    def pump(self):
        suite = Suite()
        try:
            with os.fdopen(self.source, "rb", closefd=False) as lines:
                for line in lines:
                    suite.report("line", message=summary_of(parsed(line)))
                    self.write(line)
        except (OSError, ValueError):
            pass  # the other side has ended, or the suite has damaged the line


def hang_up(line):
    """Closes the output of a line, but keeps its descriptor number in use."""
    with open("/dev/null", "wb") as null:
        os.dup2(null.fileno(), line.sink)


def obey(events, requests, agent):
    """Executes the commands of the suite. A command is one line: the action and the receiver."""
    suite = Suite()
    command = suite.report("control").split()
    while command:
        what, to = command[0], requests if command[1] == b"agent" else events
        try:
            if what == b"garbage":
                to.write(b"Segmentation fault (core dumped)\n")
            elif what == b"half":
                to.write(b'{"type":"progr')
                if to is events:
                    os._exit(9)
                hang_up(to)
            elif what == b"huge":
                for _ in range(64):
                    to.write(b"{" * (1 << 20))
            elif what == b"mute":  # the output of the agent is no longer read
                agent.shutdown(socket.SHUT_RD)
            elif what == b"close":
                hang_up(events)
        except OSError:
            pass
        command = suite.report("done").split()


def main():
    Suite().report("launcher")
    ours, theirs = socket.socketpair()  # unlike a pipe, can be shut down while a thread reads it
    child = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=theirs)
    theirs.close()
    Suite().report("agent", agent=child.pid)
    requests = Line(0, child.stdin.fileno())
    events = Line(ours.fileno(), 1)
    threading.Thread(target=obey, args=(events, requests, ours), daemon=True).start()

    def pump_requests():
        requests.pump()
        hang_up(requests)

    threading.Thread(target=pump_requests, daemon=True).start()
    events.pump()
    os._exit(abs(child.wait()))


main()
