"""A runtime API on a unix socket or a port that answers as a test tells it to."""

from __future__ import annotations

import os
import socketserver
import tempfile
import threading
import unittest
from http.server import BaseHTTPRequestHandler
from unittest import mock


class Handler(BaseHTTPRequestHandler):
    """Answers with what the test put into ``server.answers``, one after the other."""

    def handle_one_request(self):
        self.raw_requestline = self.rfile.readline()
        if not self.raw_requestline or not self.parse_request():
            return
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append(
            (self.command, self.path, self.headers["Authorization"], body.decode(errors="replace"))
        )
        self.server.headers.append(dict(self.headers))
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        self.wfile.write(answer)

    def address_string(self):
        return "test"

    def log_message(self, *_):
        pass


class UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


class TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True


def answer(body: bytes, status: str = "200 OK", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\n\r\n".encode() + body


class ServedTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        clean = {name: value for name, value in os.environ.items() if "CRONIUM" not in name}
        patched = mock.patch.dict(os.environ, clean, clear=True)
        patched.start()
        self.addCleanup(patched.stop)

    def serve(self, *answers: bytes, tcp: bool = False):
        path = f"{self.folder.name}/api.sock"
        server = TcpServer(("127.0.0.1", 0), Handler) if tcp else UnixServer(path, Handler)
        server.answers, server.seen, server.headers = list(answers), [], []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        os.environ["CRONIUM_API"] = (
            f"http://127.0.0.1:{server.server_address[1]}/" if tcp else f"unix://{path}"
        )
        os.environ["CRONIUM_RUN_ID"] = "run_1"
        os.environ["CRONIUM_TOKEN"] = "secret"
        return server
