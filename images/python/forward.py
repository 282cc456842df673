"""Leads connections on 127.0.0.1 to the runner's proxy, for a job that may reach some hosts.

The job's container has no network: ``HTTP_PROXY`` names this address, and the proxy's socket is
mounted. Says ``.`` once it listens.
"""

import selectors
import socket
import sys

CHUNK = 65536


class Way:
    """One direction of a connection; holds back its source while its target takes nothing."""

    def __init__(self, source, target):
        self.source, self.target, self.waiting = source, target, b""

    def move(self):
        """False once the source has ended and everything has arrived."""
        if not self.waiting:
            try:
                self.waiting = self.source.recv(CHUNK)
            except BlockingIOError:
                return True
            if not self.waiting:
                self.target.shutdown(socket.SHUT_WR)
                return False
        try:  # noqa: SIM105 - contextlib costs an import
            self.waiting = self.waiting[self.target.send(self.waiting) :]
        except BlockingIOError:
            pass
        return True


class Pair:
    def __init__(self, near, far):
        for sock in (near, far):
            sock.setblocking(False)
        self.near, self.far = near, far
        self.ways = [Way(near, far), Way(far, near)]

    def interests(self):
        """What each socket is waited for."""
        wanted = {self.near: 0, self.far: 0}
        for way in self.ways:
            if way.waiting:
                wanted[way.target] |= selectors.EVENT_WRITE
            else:
                wanted[way.source] |= selectors.EVENT_READ
        return wanted

    def close(self):
        self.near.close()
        self.far.close()


def watch(selector, pair):
    for sock, events in pair.interests().items():
        known = sock in selector.get_map()
        if events and known:
            selector.modify(sock, events, pair)
        elif events:
            selector.register(sock, events, pair)
        elif known:
            selector.unregister(sock)


def drop(selector, pair):
    for sock in (pair.near, pair.far):
        if sock.fileno() >= 0 and sock in selector.get_map():
            selector.unregister(sock)
    pair.close()


def main(port, proxy):
    listener = socket.create_server(("127.0.0.1", port), backlog=128)
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ, None)
    sys.stdout.write(".")
    sys.stdout.close()
    while True:
        for key, _events in selector.select():
            pair = key.data
            if pair is None:
                near, _ = listener.accept()
                far = socket.socket(socket.AF_UNIX)
                try:
                    far.connect(proxy)
                except OSError:
                    near.close()
                    far.close()
                    continue
                watch(selector, Pair(near, far))
                continue
            if pair.near.fileno() < 0:
                continue
            try:
                pair.ways = [way for way in pair.ways if way.move()]
            except OSError:
                pair.ways = []
            if pair.ways:
                watch(selector, pair)
            else:
                drop(selector, pair)


main(int(sys.argv[1]), sys.argv[2])
