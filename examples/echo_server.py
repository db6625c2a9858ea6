"""Sends every byte back. Usage: echo_server.py ADDRESS PORT"""
import socket
import sys

server = socket.create_server((sys.argv[1], int(sys.argv[2])))
connection, _ = server.accept()
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
while data := connection.recv(65536):
    connection.sendall(data)
