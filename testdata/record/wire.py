"""Two hosts with a wire between them, and taps that record what passes.

Each host is a network namespace with a TAP device; real Linux TCP sockets live in it. This process carries the
frames from one to the other, later by the one-way delay of the wire, and writes those that pass a tap:

    client host ── tap "client" ──── wire: delay, loss ──── tap "server" ──── server host

Needs Linux, root (or a user namespace), /dev/net/tun and the `ip` command; touches no other namespace.
"""

import ctypes
import fcntl
import heapq
import os
import select
import socket
import struct
import subprocess
import threading
import time

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def check(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class Host:
    """A network namespace with one TAP device that has all the addresses of one side."""

    def __init__(self, name, mac, addresses, routes):
        check(LIBC.unshare(CLONE_NEWNET))
        self.namespace = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        self.tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self.tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
        run = lambda *words: subprocess.run(words, check=True)
        run("ip", "link", "set", name, "address", mac)
        for path in ("all", name):
            for setting in ("accept_dad", "accept_ra", "autoconf"):
                with open(f"/proc/sys/net/ipv6/conf/{path}/{setting}", "w") as file:
                    file.write("0")
        # No router solicitations and no multicast listener reports of this machine in the captures.
        run("ip", "link", "set", name, "addrgenmode", "none")
        run("ip", "link", "set", name, "multicast", "off", "up")
        run("ip", "link", "set", "lo", "up")
        for address in addresses:
            run("ip", "address", "add", address, "dev", name)
        for route in routes:
            run("ip", "route", "add", route, "dev", name)

    def sysctl(self, name, value):
        self.enter()
        with open("/proc/sys/" + name.replace(".", "/"), "w") as file:
            file.write(str(value))

    def enter(self):
        check(LIBC.setns(self.namespace, CLONE_NEWNET))

    def socket(self, family=socket.AF_INET):
        """A TCP socket of this host."""
        self.enter()
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock


class Frame:
    """What the rules of the wire may ask of a frame."""

    def __init__(self, data, from_client):
        self.from_client, self.flags, self.payload = from_client, 0, 0
        self.sport = self.dport = None
        kind = data[12:14]
        if kind == b"\x08\x00" and data[23] == 6:
            at, total = 14 + 4 * (data[14] & 15), 14 + int.from_bytes(data[16:18], "big")
        elif kind == b"\x86\xdd" and data[20] == 6:
            at, total = 54, 54 + int.from_bytes(data[18:20], "big")
        else:
            return
        self.sport, self.dport = struct.unpack_from(">HH", data, at)
        self.flags = data[at + 13]
        self.payload = total - at - 4 * (data[at + 12] >> 4)

    def of(self, port):
        return port in (self.sport, self.dport)

    def has(self, flag):
        return self.flags & flag != 0


class Wire:
    """Carries frames. `rule(frame, place)` says whether one is lost, at the place "wire" or, behind the server's
    tap, at the place "server"."""

    def __init__(self, client, server, delay):
        self.client, self.server, self.delay = client, server, delay
        self.rule = lambda frame, place: False
        self.taps = {"client": [], "server": []}
        self.recording = True
        self.running = True
        self.thread = threading.Thread(target=self.carry)

    def record(self, tap, data):
        if self.recording:
            self.taps[tap].append((time.monotonic_ns(), data))

    def carry(self):
        due, count = [], 0
        while self.running:
            wait = max(0.0, due[0][0] - time.monotonic()) if due else 0.05
            ready, _, _ = select.select([self.client.tap, self.server.tap], [], [], min(wait, 0.05))
            for tap in ready:
                data = os.read(tap, 65536)
                from_client = tap == self.client.tap
                frame = Frame(data, from_client)
                if from_client:
                    self.record("client", data)
                else:
                    self.record("server", data)
                    if self.rule(frame, "server"):
                        continue
                if not self.rule(frame, "wire"):
                    count += 1
                    heapq.heappush(due, (time.monotonic() + self.delay, count, frame, data))
            while due and due[0][0] <= time.monotonic():
                _, _, frame, data = heapq.heappop(due)
                if frame.from_client:
                    self.record("server", data)
                    if not self.rule(frame, "server"):
                        os.write(self.server.tap, data)
                else:
                    self.record("client", data)
                    os.write(self.client.tap, data)
