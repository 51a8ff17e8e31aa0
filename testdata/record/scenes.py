"""The scenes: each sets things up on a stage, and returns how many seconds to record."""

import socket
import time

from talk import ANSWER, REQUEST, abort, answer, serve_once, serve_well, take, to_the_end
from wire import FIN

ALICE, BOB, CAROL = "192.0.2.10", "192.0.2.11", "192.0.2.12"
APP, DB = "198.51.100.20", "198.51.100.30"
CLIENT_ADDRESSES = [f"{a}/24" for a in (ALICE, BOB, CAROL)] + ["2001:db8:1::10/64"]
SERVER_ADDRESSES = [f"{a}/24" for a in (APP, DB)] + ["2001:db8:2::20/64"]


def once(matches):
    """True for the first thing that matches."""
    left = [True]

    def rule(frame):
        if left and matches(frame):
            left.clear()
            return True
        return False

    return rule


def clean(stage, wire):
    """Everything ends as it should: closed by clients, by servers, over IPv4 and IPv6."""
    stage.listen(APP, 80, serve_well)
    stage.listen("2001:db8:2::20", 80, serve_well)
    stage.listen(DB, 5432, serve_once)
    for n in range(4):
        stage.at(0.5 * n, stage.ask, (ALICE, 40001 + n), (APP, 80), requests=1 + n)
        stage.at(0.5 * n + 0.2, stage.ask, (BOB, 41001 + n), (DB, 5432), close=False)
        stage.at(0.5 * n + 0.3, stage.ask, ("2001:db8:1::10", 42001 + n), ("2001:db8:2::20", 80), requests=2)
    return 4


def leak(stage, wire):
    """The same service as `clean` in a version that forgets to close: every second connection stays in CLOSE_WAIT."""
    forgotten = [0]

    def serve(sock):
        while answer(sock):
            pass
        forgotten[0] += 1
        if forgotten[0] % 2 == 0:
            stage.hold(sock)
        else:
            sock.close()

    stage.listen(APP, 80, serve)
    stage.listen(DB, 5432, serve_once)
    for n in range(8):
        stage.at(0.5 * n, stage.ask, (ALICE, 40001 + n), (APP, 80), requests=1 + n % 3)
        stage.at(0.5 * n + 0.2, stage.ask, (BOB, 41001 + n), (DB, 5432), close=False)
    # Something to be captured until the end: without packets a capture shows no time passing.
    for n in range(8):
        stage.at(9 + 9 * n, stage.ask, (BOB, 43001 + n), (DB, 5432), close=False)
    return 75


def trouble(stage, wire):
    """A server on a bad day; see MANIFEST.md for what each client port shows."""
    lost_fin = once(lambda f: f.sport == 5432 and f.dport == 41003 and f.has(FIN))
    gone = []

    def rule(frame, place):
        # A packet filter on the server: behind its tap, nothing comes through to port 9000.
        if place == "server":
            return frame.from_client and frame.dport == 9000
        # A client that loses power: nothing to it or from it arrives any more.
        if frame.of(40020) and gone:
            return True
        # The server's FIN is lost on the way, once.
        return lost_fin(frame)

    wire.rule = rule

    def leaking(sock):
        while answer(sock):
            pass
        stage.hold(sock)

    def aborting(sock):
        """Closes without having read all: Linux sends a RST instead of a FIN."""
        sock.recv(10)
        time.sleep(0.1)
        sock.close()

    def feeding(sock):
        """Takes requests until end-of-file, and only then sends, for a while: a half-close in use."""
        to_the_end(sock)
        for _ in range(6):
            sock.sendall(ANSWER)
            time.sleep(0.5)
        sock.close()

    def pushing(sock):
        """Sends news long after the last request."""
        answer(sock)
        time.sleep(30)
        try:
            for _ in range(3):
                sock.sendall(ANSWER)
                time.sleep(2)
        except OSError:
            pass
        stage.hold(sock)

    def late(sock):
        """Sends when the client has closed for good: the answer is a RST."""
        sock.recv(len(REQUEST))
        time.sleep(1)
        for _ in range(2):
            try:
                sock.sendall(ANSWER)
            except OSError:
                break
            time.sleep(0.2)
        sock.close()

    stage.listen(APP, 80, serve_well)
    stage.listen(APP, 8080, leaking)
    stage.listen(APP, 8081, aborting)
    stage.listen(APP, 8082, feeding)
    stage.listen(APP, 8083, pushing)
    stage.listen(APP, 8084, late)
    stage.listen(DB, 5432, serve_once)

    # Opened before the recording begins.
    wire.recording = False
    old = stage.connect((ALICE, 39999), (APP, 80))
    old.sendall(REQUEST)
    take(old, len(ANSWER))
    wire.recording = True

    def finish_old():
        old.sendall(REQUEST)
        take(old, len(ANSWER))
        old.close()

    def refused():
        try:
            stage.connect((CAROL, 40013), (APP, 8888))
        except ConnectionRefusedError:
            return
        raise AssertionError("it was not refused")

    def unanswered():
        sock = stage.hold(stage.client.socket())
        sock.bind((CAROL, 40014))
        sock.setblocking(False)
        sock.connect_ex((APP, 9000))

    def aborted():
        sock = stage.connect((BOB, 40015), (APP, 80))
        sock.sendall(REQUEST)
        take(sock, len(ANSWER))
        abort(sock)

    def unread():
        sock = stage.connect((BOB, 40016), (APP, 8081))
        sock.sendall(REQUEST * 3)
        try:
            to_the_end(sock)
        except ConnectionResetError:
            pass

    def half_closing():
        sock = stage.connect((CAROL, 40017), (APP, 8082))
        sock.sendall(REQUEST)
        sock.shutdown(socket.SHUT_WR)
        to_the_end(sock)
        sock.close()

    def closing_too_early():
        sock = stage.connect((CAROL, 40018), (APP, 8084))
        sock.sendall(REQUEST)
        sock.close()

    def losing_power():
        sock = stage.hold(stage.connect((ALICE, 40020), (APP, 8083)))
        sock.sendall(REQUEST)
        take(sock, len(ANSWER))
        time.sleep(5)
        gone.append(True)

    stage.at(0.3, finish_old)
    for n in range(3):
        stage.at(1 + 3 * n, stage.ask, (ALICE, 40001 + n), (APP, 80), requests=3)
        stage.at(2 + 3 * n, stage.ask, (BOB, 41001 + n), (DB, 5432), close=False)
    for n, client in enumerate((ALICE, BOB, ALICE, CAROL, ALICE, BOB)):
        stage.at(3 + 7 * n, stage.ask, (client, 42001 + n), (APP, 8080), requests=2)
    stage.at(4, unanswered)
    stage.at(5, refused)
    stage.at(6, aborted)
    stage.at(7, unread)
    stage.at(9, half_closing)
    stage.at(11, closing_too_early)
    stage.at(12, losing_power)
    return 130


def accept_queue(stage, wire):
    """Nobody accepts. Five clients at once: three fill the queue, two believe that they are connected, too. Then one more:
    its SYN is dropped."""
    stage.listen(APP, 80, None, backlog=2)

    def client(n):
        sock = stage.hold(stage.client.socket())
        sock.bind((ALICE, 40001 + n))
        sock.connect((APP, 80))
        sock.sendall(REQUEST)

    def turned_away(n):
        sock = stage.hold(stage.client.socket())
        sock.bind((ALICE, 40001 + n))
        sock.setblocking(False)
        sock.connect_ex((APP, 80))

    for n in range(5):
        stage.at(0.1 + 0.001 * n, client, n)
    stage.at(3, turned_away, 5)
    return 20


def time_wait(stage, wire):
    """A client without a connection pool: 300 connections in 30 seconds, each closed by the client."""
    stage.listen(APP, 80, serve_well)
    for n in range(300):
        stage.at(0.1 * n, stage.ask, (ALICE, 33001 + n), (APP, 80), pause=0)
    return 32


def loss(stage, wire):
    """A lossy wire between two taps: every fifth TCP segment is lost, whatever it is."""
    seen = [0]

    def rule(frame, place):
        if place == "server" or frame.flags == 0:
            return False
        seen[0] += 1
        return seen[0] % 5 == 0

    wire.rule = rule
    stage.listen(APP, 80, serve_well)
    stage.listen(DB, 5432, serve_once)
    for n in range(6):
        stage.at(0.4 * n, stage.ask, (ALICE, 40001 + n), (APP, 80), requests=2)
        stage.at(0.4 * n + 0.2, stage.ask, (BOB, 41001 + n), (DB, 5432), close=False)
    return 15


def simultaneous(stage, wire):
    """Both ends open at once, and both close at once; 20 ms apart they cannot know of each other."""
    ends = []
    for host, here, there in ((stage.client, (ALICE, 7001), (APP, 7002)), (stage.server, (APP, 7002), (ALICE, 7001))):
        sock = stage.hold(host.socket())
        sock.bind(here)
        ends.append((sock, there))

    # A SYN that arrives before the other end has sent its own is refused, so both leave within the wire's delay.
    def both():
        for sock, there in ends:
            sock.setblocking(False)
            sock.connect_ex(there)
        time.sleep(0.3)
        for sock, _ in ends:
            sock.setblocking(True)
            sock.sendall(b"hello")
        time.sleep(0.3)
        for sock, _ in ends:
            sock.shutdown(socket.SHUT_WR)

    stage.at(0.1, both)
    return 2
