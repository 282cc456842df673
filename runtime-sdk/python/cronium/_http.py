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

    ``headers`` are whole lines, each with ``\\r\\n`` at its end. ``while_waiting()`` is called once when
    no answer has come after 50 ms. Raises ValueError for an address of another kind, Timeout
    after ``timeout_s`` without a byte, and OSError when the connection fails or breaks off.
    """
    connection = _connect(api, timeout_s)
    try:
        head = f"{method} {path} HTTP/1.0\r\nHost: cronium\r\n{headers}"
        if method != "GET":
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        try:  # noqa: SIM105 - contextlib costs an import
            connection.sendall(f"{head}\r\n".encode() + body)
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
        chunks = []
        while True:
            chunk = connection.recv(1 << 18)
            if not chunk:
                return _parse(b"".join(chunks))
            chunks.append(chunk)
    finally:
        connection.close()


def _connect(api: str, timeout_s: float | None) -> _socket.socket:
    if api.startswith("unix://"):
        family, address = _socket.AF_UNIX, api[len("unix://") :]
    elif api.startswith("http://"):
        host, _, port = api[len("http://") :].split("/")[0].rpartition(":")
        family = _socket.AF_INET6 if host.startswith("[") else _socket.AF_INET
        address = (host.strip("[]"), int(port))
    else:
        raise ValueError(f"CRONIUM_API is {api!r}; it must start with unix:// or http://")
    connection = _socket.socket(family, _socket.SOCK_STREAM)
    connection.settimeout(timeout_s)
    try:
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


def _parse(answer: bytes) -> tuple[int, bytes]:
    head, blank, body = answer.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    for line in lines[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and len(body) != int(value):
            raise ConnectionError(f"the answer broke off after {len(body)} of {int(value)} bytes")
    if not blank:
        raise ConnectionError("the connection was closed without an answer")
    return int(lines[0].split(b" ", 2)[1]), body
