"""The launcher of the fault suite: starts the agent, shows the suite each line of the conversation before it passes it
on, and spoils the conversation as it is told.

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
    """A connection to the suite: what is told is answered by a line."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(SOCKET)
        self.lines = self.socket.makefile("rb")

    def tell(self, point, **more):
        message = {"point": point, "end": END, "pid": os.getpid(), **more}
        self.socket.sendall(json.dumps(message).encode() + b"\n")
        return self.lines.readline()


def parsed(line):
    try:
        message = json.loads(line)
        return message if "type" in message else {"type": "nonsense"}
    except (ValueError, TypeError):
        return {"type": "nonsense"}


def told_of(message):
    """The kind of a message, and of one that names an endpoint's place, how to get there."""
    return {key: message[key] for key in ("type", "address", "token") if key in message}


class Line:
    """One direction of the conversation."""

    def __init__(self, source, sink):
        self.source = source
        self.sink = sink
        self.lock = threading.Lock()

    def say(self, text):
        with self.lock:
            view = memoryview(text)
            while view:
                view = view[os.write(self.sink, view):]

    def pump(self):
        suite = Suite()
        try:
            with os.fdopen(self.source, "rb", closefd=False) as lines:
                for line in lines:
                    suite.tell("line", said=told_of(parsed(line)))
                    self.say(line)
        except (OSError, ValueError):
            pass  # the other side is gone, or the suite spoilt it


def hang_up(line):
    """Ends what is said on a line; its number is not free for another descriptor."""
    with open("/dev/null", "wb") as null:
        os.dup2(null.fileno(), line.sink)


def obey(events, requests, agent):
    """Does what the suite says, a line a command: what, then to whom."""
    suite = Suite()
    command = suite.tell("control").split()
    while command:
        what, to = command[0], requests if command[1] == b"agent" else events
        try:
            if what == b"garbage":
                to.say(b"Segmentation fault (core dumped)\n")
            elif what == b"half":
                to.say(b'{"type":"progr')
                if to is events:
                    os._exit(9)
                hang_up(to)
            elif what == b"huge":
                for _ in range(64):
                    to.say(b"{" * (1 << 20))
            elif what == b"mute":  # nobody reads what the agent says
                agent.shutdown(socket.SHUT_RD)
            elif what == b"close":
                hang_up(events)
        except OSError:
            pass
        command = suite.tell("done").split()


def main():
    Suite().tell("launcher")
    ours, theirs = socket.socketpair()  # can be shut while it is read, unlike a pipe
    child = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=theirs)
    theirs.close()
    Suite().tell("agent", agent=child.pid)
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
