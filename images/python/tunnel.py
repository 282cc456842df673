"""Carries connections of this container to the runner over stdin and stdout.

For an engine that shares no folder with the runner. A frame: u32 connection, u8 kind, u32 length,
bytes; big-endian. Kinds: 0 ready (from here, once it listens) or a sign of life (from the runner);
1 open, with the door: 0 the runtime API, 1 the proxy; 2 data; 3 end; 4 reset; 5 credit, with a u32:
so many bytes were passed on. A sender stops once WINDOW bytes are not passed on yet.
"""

import errno
import os
import selectors
import socket
import struct
import sys
import time

READY, OPEN, DATA, END, RESET, CREDIT = range(6)
PORTS = (8081, 3128)
WINDOW, CHUNK = 65536, 32768
SILENCE_S, PORT_WITHIN_S = 60, 60
MOST = min(120, os.sysconf("SC_OPEN_MAX") - 16)
HEADER = struct.Struct("!IBI")
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Flow:
    def __init__(self, number, sock):
        self.number, self.sock, self.out, self.sent = number, sock, bytearray(), 0
        self.near_ended = self.far_ended = self.shut = self.closed = False


class Tunnel:
    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.flows, self.next, self.received, self.out = {}, 1, bytearray(), bytearray()

    def frame(self, number, kind, payload=b""):
        self.out += HEADER.pack(number, kind, len(payload)) + payload

    def drop(self, flow, *, abruptly):
        if abruptly:
            flow.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.watch(flow.sock, 0, flow)
        del self.flows[flow.number]
        flow.closed = True
        flow.sock.close()

    def broken(self, flow):
        self.frame(flow.number, RESET)
        self.drop(flow, abruptly=True)

    def settle(self, flow):
        """What has ended on both sides is over."""
        if flow.far_ended and not flow.out and not flow.closed:
            if not flow.shut:
                flow.shut = True
                try:
                    flow.sock.shutdown(socket.SHUT_WR)
                except OSError:
                    self.broken(flow)
                    return
            if flow.near_ended:
                self.drop(flow, abruptly=False)

    def accept(self, listener, door):
        try:
            sock, _ = listener.accept()
        except OSError:
            return
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        number, self.next = self.next, self.next + 1
        self.flows[number] = Flow(number, sock)
        self.frame(number, OPEN, bytes([door]))

    def read_near(self, flow):
        try:
            chunk = flow.sock.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            self.broken(flow)
            return
        if chunk:
            flow.sent += len(chunk)
            self.frame(flow.number, DATA, chunk)
        else:
            flow.near_ended = True
            self.frame(flow.number, END)
            self.settle(flow)

    def write_near(self, flow):
        try:
            count = flow.sock.send(flow.out)
        except BlockingIOError:
            return
        except OSError:
            self.broken(flow)
            return
        del flow.out[:count]
        self.frame(flow.number, CREDIT, struct.pack("!I", count))
        self.settle(flow)

    def take(self, number, kind, payload):
        flow = self.flows.get(number)
        if flow is None:
            return
        if kind == DATA:
            flow.out += payload
            self.write_near(flow)
        elif kind == CREDIT:
            flow.sent -= struct.unpack("!I", payload)[0]
        elif kind == END:
            flow.far_ended = True
            self.settle(flow)
        elif kind == RESET:
            self.drop(flow, abruptly=True)

    def read_runner(self):
        """False once the runner has gone."""
        chunk = os.read(0, 65536)
        self.received += chunk
        while len(self.received) >= HEADER.size:
            number, kind, length = HEADER.unpack_from(self.received)
            end = HEADER.size + length
            if len(self.received) < end:
                break
            payload = bytes(self.received[HEADER.size : end])
            del self.received[:end]
            self.take(number, kind, payload)
        return chunk != b""

    def write_runner(self):
        try:
            del self.out[: os.write(1, self.out)]
        except BlockingIOError:
            pass
        except OSError:
            return False
        return True

    def watch(self, source, events, data):
        known = self.selector.get_map().get(source)
        if events and known is None:
            self.selector.register(source, events, data)
        elif events and known.events != events:
            self.selector.modify(source, events, data)
        elif not events and known is not None:
            self.selector.unregister(source)

    def run(self, listeners):
        os.set_blocking(1, False)
        self.frame(0, READY)
        self.watch(0, READ, None)
        while True:
            for door, listener in enumerate(listeners):
                self.watch(listener, READ if len(self.flows) < MOST else 0, door)
            for flow in self.flows.values():
                reads = READ if not flow.near_ended and flow.sent < WINDOW else 0
                self.watch(flow.sock, reads | (WRITE if flow.out else 0), flow)
            self.watch(1, WRITE if self.out else 0, None)
            ready = self.selector.select(SILENCE_S)
            if not ready:
                return
            for key, events in ready:
                source, data = key.fileobj, key.data
                if source == 0:
                    if not self.read_runner():
                        return
                elif source == 1:
                    if not self.write_runner():
                        return
                elif isinstance(data, int):
                    self.accept(source, data)
                else:
                    if events & READ and not data.closed and not data.near_ended:
                        self.read_near(data)
                    if events & WRITE and not data.closed and data.out:
                        self.write_near(data)


def listen(port):
    """The program of an earlier runner lets go of the port when it notices that it is gone."""
    until = time.monotonic() + PORT_WITHIN_S
    while True:
        try:
            listener = socket.create_server(("127.0.0.1", port), backlog=128)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > until:
                sys.exit(f"port {port}: {error}")
            time.sleep(0.05)
        else:
            listener.setblocking(False)
            return listener


Tunnel().run([listen(port) for port in PORTS])
