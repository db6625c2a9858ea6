"""The commands and the service of the variants of the fault suite.

Usage: variant_program.py stop POINT END   reports the point to the suite and waits for its answer
       variant_program.py fail             ends with an error
       variant_program.py relay PORT ADDRESS PORT   passes connections on
"""

import json
import os
import socket
import sys
import threading


def stop(point, end):
    try:
        with socket.socket(socket.AF_UNIX) as suite:
            suite.connect(os.environ["PINGPERF_FAULT_SOCKET"])
            suite.sendall(json.dumps({"point": point, "end": end, "pid": os.getpid()}).encode() + b"\n")
            suite.recv(1)
    except (OSError, KeyError):
        pass  # the suite has ended


def pump(source, sink):
    try:
        while data := source.recv(1 << 16):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        source.close()


def relay(port, address, to):
    listener = socket.create_server(("", int(port)), backlog=10)
    while True:
        one, _ = listener.accept()
        other = socket.create_connection((address, int(to)))
        for pair in ((one, other), (other, one)):
            threading.Thread(target=pump, args=pair, daemon=True).start()


def fail():
    sys.exit("this command always fails")


{"stop": stop, "fail": fail, "relay": relay}[sys.argv[1]](*sys.argv[2:])
