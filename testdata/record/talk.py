"""What the programs on the two hosts do: small requests and answers over real sockets, one thread for each talk."""

import socket
import struct
import threading
import time

REQUEST = b"GET /status HTTP/1.1\r\nHost: app.example\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"." * 1000


class Stage:
    """Both hosts, and everything that must stay open until the recording ends."""

    def __init__(self, client, server):
        self.client, self.server = client, server
        self.held, self.threads, self.failures = [], [], []

    def hold(self, sock):
        self.held.append(sock)
        return sock

    def at(self, seconds, action, *arguments, **options):
        """Runs `action` so many seconds after now, in a thread."""

        def run():
            time.sleep(seconds)
            try:
                action(*arguments, **options)
            except Exception as failure:  # shown at the end, so that no scene is recorded by half unseen
                self.failures.append((action.__name__, arguments, failure))

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        self.threads.append(thread)

    def wait(self):
        for thread in self.threads:
            thread.join()
        if self.failures:
            raise SystemExit(f"scenes that failed: {self.failures}")

    def listen(self, address, port, serve, backlog=64):
        """`serve(connection)` runs in a thread for each connection; without it nobody accepts."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sock = self.hold(self.server.socket(family))
        sock.bind((address, port))
        sock.listen(backlog)

        def accept():
            while True:
                connection, _ = sock.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

        if serve:
            threading.Thread(target=accept, daemon=True).start()

    def connect(self, source, target):
        """A connected socket of the client, from a stated port."""
        family = socket.AF_INET6 if ":" in target[0] else socket.AF_INET
        sock = self.client.socket(family)
        sock.bind(source)
        sock.connect(target)
        return sock

    def ask(self, source, target, requests=1, pause=0.05, close=True):
        """Requests and answers; then the client closes, or waits for the server to close and closes then."""
        sock = self.connect(source, target)
        for _ in range(requests):
            sock.sendall(REQUEST)
            take(sock, len(ANSWER))
            time.sleep(pause)
        if not close:
            to_the_end(sock)
        sock.close()


def take(sock, count):
    while count > 0:
        got = sock.recv(count)
        if not got:
            return
        count -= len(got)


def to_the_end(sock):
    while sock.recv(65536):
        pass


def answer(sock):
    """Answers requests until the client closes, then closes. Returns whether there was one."""
    got = sock.recv(len(REQUEST), socket.MSG_WAITALL)
    if len(got) < len(REQUEST):
        return False
    time.sleep(0.01)
    sock.sendall(ANSWER)
    return True


def serve_well(sock):
    try:
        while answer(sock):
            pass
    except ConnectionResetError:
        pass
    sock.close()


def serve_once(sock):
    """Answers once and closes first."""
    answer(sock)
    sock.close()


def abort(sock):
    """Closes with a RST instead of a FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
