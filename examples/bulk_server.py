"""Receives, and reports the goodput. Usage: bulk_server.py ADDRESS PORT WARMUP_S DURATION_S"""
import json
import socket
import sys
import time

address, port, warmup, duration = sys.argv[1:]
server = socket.create_server((address, int(port)))
connection, _ = server.accept()
warm = time.monotonic() + float(warmup)
buffer = bytearray(131072)
begin = edge = None
received = 0
while count := connection.recv_into(buffer):
    now = time.monotonic()
    received += count
    if now < warm or (begin and (now - edge < 0.1 or edge - begin >= float(duration))):
        continue
    if begin is None:
        begin = now
    else:
        interval = {"start_s": edge - begin, "end_s": now - begin, "bytes_received": received}
        print(json.dumps({"pingperf": 1, "interval": interval}), flush=True)
    edge, received = now, 0
