"""One HTTP exchange with the sidecar, over a unix socket or a local port.

Shared by the SDK and the images' bootstrap, which pays for every import before a script's first line:
http.client costs 17 ms and socket 5 ms, the module below it none. HTTP/1.0 makes every answer end
with its connection and never chunked.
"""

from __future__ import annotations

import _socket

# The same as TimeoutError from Python 3.10 on.
Timeout = _socket.timeout
DEFAULT_API = "unix:///run/cronium/api.sock"
CHUNK = 1 << 18


class Request:
    """What is sent: ``headers`` are whole lines, each with ``\\r\\n`` at its end.

    The body is ``body``, or the content of the file ``upload`` of ``upload_size`` bytes. The body of
    a good answer goes into the binary file ``sink`` where there is one.
    """

    __slots__ = (
        "body",
        "content_type",
        "headers",
        "method",
        "path",
        "sink",
        "upload",
        "upload_size",
    )

    def __init__(self, method: str, path: str, headers: str = "", body: bytes = b"") -> None:
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body
        self.content_type = "application/json"
        self.upload: str | None = None
        self.upload_size = 0
        self.sink = None

    def head(self) -> bytes:
        lines = f"{self.method} {self.path} HTTP/1.0\r\nHost: cronium\r\n{self.headers}"
        if self.method != "GET":
            size = len(self.body) if self.upload is None else self.upload_size
            lines += f"Content-Type: {self.content_type}\r\nContent-Length: {size}\r\n"
        return f"{lines}\r\n".encode()


class Answer:
    """Takes an answer as it arrives; ``finish`` raises ConnectionError where it is not whole."""

    __slots__ = ("_pending", "_received", "_sink", "_size", "body", "headers", "status")

    def __init__(self, sink=None) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self._pending: list[bytes] = []
        self._received = 0
        self._size: int | None = None
        self._sink = sink

    def take(self, chunk: bytes) -> None:
        if self.status == 0:
            head, blank, chunk = b"".join([*self._pending, chunk]).partition(b"\r\n\r\n")
            if not blank:
                self._pending = [head]
                return
            self._pending = []
            self._read_head(head)
        self._received += len(chunk)
        if self._sink is not None and self.status == 200:
            self._sink.write(chunk)
        else:
            self._pending.append(chunk)

    def _read_head(self, head: bytes) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        for line in lines:
            name, _, value = line.partition(":")
            self.headers[name.strip().lower()] = value.strip()
        self.status = int(first.split(" ", 2)[1])
        if "content-length" in self.headers:
            self._size = int(self.headers["content-length"])

    def finish(self) -> Answer:
        if self.status == 0:
            raise ConnectionError("the connection was closed without an answer")
        if self._size is not None and self._received != self._size:
            raise ConnectionError(
                f"the answer broke off after {self._received} of {self._size} bytes"
            )
        self.body = b"".join(self._pending)
        return self


def exchange(
    api: str,
    method: str,
    path: str,
    *,
    headers: str = "",
    body: bytes = b"",
    timeout_s: float | None = None,
    while_waiting=None,
) -> tuple[int, bytes]:
    """Sends one request and returns status and body of the answer.

    ``while_waiting()`` is called once when no answer has come after 50 ms. Raises ValueError for an
    address of another kind, Timeout after ``timeout_s`` without a byte, and OSError when the
    connection fails or breaks off.
    """
    answer = perform(api, Request(method, path, headers, body), timeout_s, while_waiting)
    return answer.status, answer.body


def perform(
    api: str, request: Request, timeout_s: float | None = None, while_waiting=None
) -> Answer:
    """Sends one request and returns the whole answer; raises as ``exchange`` does."""
    connection = _connect(api, timeout_s)
    try:
        try:  # noqa: SIM105 - contextlib costs an import
            _send(connection, request)
        except (BrokenPipeError, ConnectionResetError):
            # A body that is too large is refused before it is read: the answer may be there.
            pass
        if while_waiting is not None:
            connection.settimeout(0.05)
            try:
                connection.recv(1, _socket.MSG_PEEK)
            except Timeout:
                while_waiting()
            connection.settimeout(timeout_s)
        answer = Answer(request.sink)
        while True:
            chunk = connection.recv(CHUNK)
            if not chunk:
                return answer.finish()
            answer.take(chunk)
    finally:
        connection.close()


def _send(connection: _socket.socket, request: Request) -> None:
    connection.sendall(request.head() + request.body)
    if request.upload is not None:
        with open(request.upload, "rb") as file:  # noqa: PTH123 - pathlib costs 3 ms
            while chunk := file.read(CHUNK):
                connection.sendall(chunk)


def parse_address(api: str) -> tuple[str | None, str, int]:
    """Path of a unix socket, or host and port. Raises ValueError for an address of another kind."""
    if api.startswith("unix://"):
        return api[len("unix://") :], "", 0
    if api.startswith("http://"):
        host, _, port = api[len("http://") :].split("/")[0].rpartition(":")
        return None, host.strip("[]"), int(port)
    raise ValueError(f"CRONIUM_API is {api!r}; it must start with unix:// or http://")


def _connect(api: str, timeout_s: float | None) -> _socket.socket:
    path, host, port = parse_address(api)
    if path is not None:
        family, address = _socket.AF_UNIX, path
    else:
        family = _socket.AF_INET6 if ":" in host else _socket.AF_INET
        address = (host, port)
    connection = _socket.socket(family, _socket.SOCK_STREAM)
    connection.settimeout(timeout_s)
    try:
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection
