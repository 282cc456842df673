"""HTTP/1.1 to the sidecar, over a unix socket or a local port.

A sidecar that was killed is back within a second under the same address, and every call may be
repeated safely. So a connection that is refused or breaks off is tried again for RETRY_S; an answer,
whatever it says, is final.
"""

from __future__ import annotations

import json
import os
import socket
import time
from http.client import HTTPConnection, HTTPException
from typing import Any, Optional

from ._errors import ApiTimeoutError, ApiUnreachableError, CroniumError, error_for

DEFAULT_API = "unix:///run/cronium/api.sock"
RETRY_S = 5.0
ANSWER_S = 30.0
_FIRST_PAUSE_S = 0.02
_LONGEST_PAUSE_S = 0.25


class _UnixConnection(HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("cronium", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _connection(api: str) -> HTTPConnection:
    if api.startswith("unix://"):
        return _UnixConnection(api[len("unix://") :], ANSWER_S)
    if api.startswith("http://"):
        return HTTPConnection(api[len("http://") :].split("/")[0], timeout=ANSWER_S)
    raise ApiUnreachableError(f"CRONIUM_API is {api!r}; it must start with unix:// or http://")


def request(method: str, path: str, token: str, body: Optional[bytes] = None) -> bytes:
    """Sends one request and returns the body of a 2xx answer; everything else raises."""
    api = os.environ.get("CRONIUM_API") or DEFAULT_API
    headers = {"Authorization": f"Bearer {token}", "Connection": "close"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    give_up = time.monotonic() + RETRY_S
    pause = _FIRST_PAUSE_S
    while True:
        connection = _connection(api)
        try:
            status, answer = _exchange(connection, method, path, body, headers)
            break
        except socket.timeout as error:
            raise ApiTimeoutError(
                f"The runtime API at {api} did not answer {method} {path} within {ANSWER_S:.0f} s"
            ) from error
        except (OSError, HTTPException) as error:
            if time.monotonic() + pause > give_up:
                raise ApiUnreachableError(
                    f"The runtime API at {api} could not be reached for {RETRY_S:.0f} s: {error}"
                ) from error
        finally:
            connection.close()
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_S)
    if 200 <= status < 300:
        return answer
    raise _problem(status, answer)


def _exchange(
    connection: HTTPConnection,
    method: str,
    path: str,
    body: Optional[bytes],
    headers: dict[str, str],
) -> tuple[int, bytes]:
    try:
        connection.request(method, path, body=body, headers=headers)
    except (BrokenPipeError, ConnectionResetError):
        # The sidecar refuses a body that is too large before it has read it; the answer is there.
        if connection.sock is None:
            raise
    response = connection.getresponse()
    return response.status, response.read()


def _problem(status: int, answer: bytes) -> CroniumError:
    try:
        problem: dict[str, Any] = json.loads(answer)
        return error_for(str(problem["code"]), str(problem["detail"]))
    except (ValueError, KeyError, TypeError):
        return CroniumError("internal", f"The runtime API answered with status {status}")
