"""Sends as fast as it can. Usage: bulk_client.py ADDRESS PORT BYTES WARMUP_S DURATION_S"""
import socket
import sys
import time

address, port, size, warmup, duration = sys.argv[1:]
message = bytes(int(size))
connection = socket.create_connection((address, int(port)))
end = time.monotonic() + float(warmup) + float(duration)
while time.monotonic() < end:
    connection.sendall(message)
