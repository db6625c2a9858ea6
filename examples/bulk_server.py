"""Receives, and prints the goodput. Usage: bulk_server.py ADDRESS PORT WARMUP_S DURATION_S"""
import json
import socket
import sys
import time

address, port, warmup, duration = sys.argv[1:]
server = socket.create_server((address, int(port)))
connection, _ = server.accept()
begin = edge = time.monotonic() + float(warmup)
end = begin + float(duration)
buffer = bytearray(131072)
received = 0
count = 1
while count:  # the last interval ends with the connection
    count = connection.recv_into(buffer)
    now = time.monotonic()
    if now < begin or edge >= end:
        continue
    received += count
    if now - edge < 0.1 and count:
        continue
    interval = {"start_s": edge - begin, "end_s": now - begin, "bytes_received": received}
    print(json.dumps({"pingperf": 1, "interval": interval}), flush=True)
    edge, received = now, 0
