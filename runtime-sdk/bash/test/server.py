"""A runtime API for the bats tests: server.py SOCKET RECORD.

Answers by the run id in the path: `ok` with the JSON it was sent or {"n":1}, `newlines` with a body
that ends in two, `problem` and `odd` with errors. Appends method, path, token and body to RECORD.
"""

import socketserver
import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path

ANSWERS = {
    "ok": ("200 OK", b'{"n":1}'),
    "newlines": ("200 OK", b'{"n":1}\n\n'),
    "empty": ("204 No Content", b""),
    "problem": (
        "409 Conflict",
        b'{"type":"x","detail":"Say \\"please\\" (first).","code":"brand_new","errors":[]}',
    ),
    "odd": ("500 Internal Server Error", b"<html>"),
}


class Handler(BaseHTTPRequestHandler):
    def handle_one_request(self):
        self.raw_requestline = self.rfile.readline()
        if not self.raw_requestline or not self.parse_request():
            return
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        with Path(sys.argv[2]).open("a", encoding="utf-8") as record:
            record.write(f"{self.command} {self.path} {self.headers['Authorization']} {body}\n")
        status, answer = ANSWERS[self.path.split("/")[3]]
        length = f"Content-Length: {len(answer)}\r\n" if answer else ""
        self.wfile.write(
            f"HTTP/1.1 {status}\r\n{length}Connection: close\r\n\r\n".encode() + answer
        )
        self.close_connection = True

    def address_string(self):
        return "test"

    def log_message(self, *_):
        pass


with socketserver.UnixStreamServer(sys.argv[1], Handler) as server:
    server.serve_forever()
