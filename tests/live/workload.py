#!/usr/bin/env python3
"""Connections with every way of closing, between two network namespaces.

    workload.py serve ADDRESS              behaviours by port, until its standard input is closed
    workload.py connect ADDRESS ROUNDS     goes through all of them, then keeps open what is to stay open
    workload.py refused ADDRESS            tries a port where nobody listens

`connect` prints `ready` when it will do nothing more until its standard input is closed. No step depends on time: each
reads from its socket what shows that the one before has happened at the other end. Only BOTH leaves open which end is
first.
"""
import socket
import struct
import sys
import threading

CLIENT_FIRST, SERVER_FIRST, CLIENT_ABORT, SERVER_ABORT = 8001, 8002, 8003, 8004
HALF_CLOSE, STUCK, OPEN, BULK, BOTH = 8005, 8006, 8007, 8008, 8009
REFUSED, LAST = 8099, 8098
kept = []


def abort(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def read_all(s):
    total = 0
    while True:
        data = s.recv(65536)
        if not data:
            return total
        total += len(data)


def handle(port, s):
    try:
        if port == SERVER_FIRST:
            s.recv(100)
            s.sendall(b"x" * 2000)
            s.close()
        elif port == SERVER_ABORT:
            s.recv(1)
            abort(s)
        elif port == HALF_CLOSE:
            n = read_all(s)
            s.sendall(b"%d bytes" % n)
            s.close()
        elif port == STUCK:
            read_all(s)
            kept.append(s)
        elif port == BULK:
            s.recv(100)
            s.sendall(b"x" * 2_000_000)
            read_all(s)
            s.close()
        elif port == BOTH:
            s.recv(100)
            s.sendall(b"y")
            s.shutdown(socket.SHUT_WR)
            read_all(s)
            s.close()
        elif port == OPEN:
            kept.append(s)
        else:
            s.sendall(b"z" * len(s.recv(100)))
            read_all(s)
            s.close()
    except OSError:
        s.close()


def serve(address):
    def accept(port, listener):
        while True:
            s, _ = listener.accept()
            threading.Thread(target=handle, args=(port, s), daemon=True).start()

    for port in (CLIENT_FIRST, SERVER_FIRST, CLIENT_ABORT, SERVER_ABORT, HALF_CLOSE, STUCK, OPEN, BULK, BOTH):
        listener = socket.create_server((address, port), backlog=64, family=family(address))
        threading.Thread(target=accept, args=(port, listener), daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def connect(address, port):
    s = socket.socket(family(address))
    s.connect((address, port))
    return s


def go(address, rounds):
    for _ in range(rounds):
        s = connect(address, CLIENT_FIRST)
        s.sendall(b"hello")
        s.recv(100)
        s.close()

        s = connect(address, SERVER_FIRST)
        s.sendall(b"hello")
        read_all(s)
        s.close()

        s = connect(address, CLIENT_ABORT)
        s.sendall(b"hello")
        s.recv(100)
        abort(s)

        s = connect(address, SERVER_ABORT)
        s.sendall(b"hello")
        try:
            read_all(s)
        except ConnectionResetError:
            pass
        s.close()

        s = connect(address, HALF_CLOSE)
        s.sendall(b"a" * 5000)
        s.shutdown(socket.SHUT_WR)
        read_all(s)
        s.close()

        s = connect(address, BULK)
        s.sendall(b"go")
        got = 0
        while got < 2_000_000:
            got += len(s.recv(65536))
        s.close()

        s = connect(address, BOTH)
        s.sendall(b"go")
        s.recv(1)
        s.shutdown(socket.SHUT_WR)
        read_all(s)
        s.close()

        try:
            connect(address, REFUSED)
        except ConnectionRefusedError:
            pass

    for _ in range(2):
        s = connect(address, STUCK)
        s.sendall(b"bye")
        s.shutdown(socket.SHUT_WR)
        kept.append(s)
        s = connect(address, OPEN)
        s.sendall(b"hello")
        kept.append(s)
    print("ready", flush=True)
    sys.stdin.read()


if sys.argv[1] == "serve":
    serve(sys.argv[2])
elif sys.argv[1] == "refused":
    try:
        connect(sys.argv[2], LAST)
    except ConnectionRefusedError:
        pass
else:
    go(sys.argv[2], int(sys.argv[3]))
