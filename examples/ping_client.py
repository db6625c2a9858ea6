"""Measures TCP round trips. Usage: ping_client.py ADDRESS PORT BYTES WARMUP_S DURATION_S"""
import json
import socket
import sys
import time

address, port, size, warmup, duration = sys.argv[1:]
message = b"x" * int(size)
connection = socket.create_connection((address, int(port)))
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
begin = time.perf_counter_ns() + int(float(warmup) * 1e9)
end = begin + int(float(duration) * 1e9)
rtts = []
while (sent := time.perf_counter_ns()) < end:
    connection.sendall(message)
    if len(connection.recv(len(message), socket.MSG_WAITALL)) < len(message):
        sys.exit("the server closed the connection")
    if sent >= begin:
        rtts.append(time.perf_counter_ns() - sent)
window = (time.perf_counter_ns() - begin) / 1e9
print(json.dumps({"pingperf": 1, "rtt_ns": rtts, "end": {"window_s": window}}))
