"""The verbs. Outside a run they work on CRONIUM_INPUT, so that a script can be tried anywhere.

A sidecar that was killed is back within a second under the same address, and every call may be
repeated safely. So a connection that is refused or breaks off is tried again for RETRY_S; an answer,
whatever it says, is final.
"""

from __future__ import annotations

import json
import os
import sys
import time

from ._errors import (
    ApiTimeoutError,
    ApiUnreachableError,
    CroniumError,
    InvalidJsonError,
    NotFoundError,
    NotInRunError,
    OutputTooLargeError,
    error_for,
)
from ._http import DEFAULT_API, Timeout, exchange

MAX_OUTPUT_BYTES = 1_048_576
RETRY_S = 5.0
ANSWER_S = 30.0
_FIRST_PAUSE_S = 0.02
_LONGEST_PAUSE_S = 0.25


def input():
    """The input of this run: any JSON value as Python data, ``None`` when there is none."""
    return json.loads(_call("GET", "input")) if _in_run() else _local_input()


def output(value) -> None:
    """Sets the result of this run: any JSON value up to 1 MiB. The last call counts.

    The value is stored on the runner's disk when this returns.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        body = text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidJsonError(f"The output cannot be written as JSON: {error}") from error
    if len(body) > MAX_OUTPUT_BYTES:
        raise OutputTooLargeError(
            f"The output is {len(body)} bytes of JSON; the most is {MAX_OUTPUT_BYTES}. "
            "Write large data to a mount."
        )
    if _in_run():
        _call("POST", "output", body)
    else:
        _local_input()
        print(f"cronium output: {text}", file=sys.stderr)


def secret(name: str) -> str:
    """The value of a secret that the event names.

    Raises SecretNotFoundError for any other. Outside a run it is the environment variable ``name``.
    """
    if _in_run():
        return json.loads(_call("GET", f"secrets/{_quote(name)}"))
    value = os.environ.get(name)
    if value is None:
        raise _not_in_run(f"give it the secret: {name}=value python3 main.py")
    return value


_REQUIRED = object()


def get_variable(name: str, default=_REQUIRED):
    """The value of a variable of the event or the workspace: any JSON value as Python data.

    Where there is none, ``default``, or NotFoundError without one. The value is the one of the
    moment the run was handed to its runner. Outside a run it is the environment variable ``name``,
    as JSON where it is JSON, and as text otherwise.
    """
    if not _in_run():
        return _local_variable(name, default)
    try:
        return json.loads(_call("GET", f"variables/{_quote(name)}"))
    except NotFoundError:
        if default is _REQUIRED:
            raise
        return default


def _local_variable(name: str, default):
    text = os.environ.get(name)
    if text is None:
        if default is _REQUIRED:
            raise _not_in_run(f"give it the variable: {name}=value python3 main.py")
        return default
    try:
        return json.loads(text)
    except ValueError:
        return text


def _quote(name: str) -> str:
    """As a part of a path; urllib's own function costs an import."""
    return "".join(
        chr(byte) if chr(byte).isalnum() or byte == 95 else f"%{byte:02X}"
        for byte in name.encode("ascii", "backslashreplace")
    )


def context() -> dict:
    """What this run is: runId, attempt, eventId, eventName, eventVersion, workspaceId, trigger,
    runnerName, queuedAt and startedAt (ISO 8601, UTC), timeoutMs, memoryMb."""
    if _in_run():
        return json.loads(_call("GET", "context"))
    _local_input()
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    return {**_LOCAL_CONTEXT, "queuedAt": now, "startedAt": now}


_LOCAL_CONTEXT = {
    "runId": "local",
    "attempt": 1,
    "eventId": None,
    "eventName": "local",
    "eventVersion": None,
    "workspaceId": "local",
    "trigger": "manual",
    "runnerName": "local",
    "timeoutMs": 3_600_000,
    "memoryMb": 512,
}


def _call(method: str, name: str, body: bytes = b"") -> bytes:
    api = os.environ.get("CRONIUM_API") or DEFAULT_API
    path = f"/v1/executions/{os.environ['CRONIUM_RUN_ID']}/{name}"
    headers = f"Authorization: Bearer {os.environ['CRONIUM_TOKEN']}\r\n"
    give_up = time.monotonic() + RETRY_S
    pause = _FIRST_PAUSE_S
    while True:
        try:
            status, answer = exchange(
                api, method, path, headers=headers, body=body, timeout_s=ANSWER_S
            )
            break
        except Timeout as error:
            raise ApiTimeoutError(
                f"The runtime API at {api} did not answer {method} {path} within {ANSWER_S:.0f} s"
            ) from error
        except ValueError as error:
            raise ApiUnreachableError(str(error)) from error
        except OSError as error:
            if time.monotonic() + pause > give_up:
                raise ApiUnreachableError(
                    f"The runtime API at {api} could not be reached for {RETRY_S:.0f} s: {error}"
                ) from error
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_S)
    if 200 <= status < 300:
        return answer
    raise _problem(status, answer)


def _problem(status: int, answer: bytes) -> CroniumError:
    try:
        problem = json.loads(answer)
        return error_for(str(problem["code"]), str(problem["detail"]))
    except (ValueError, KeyError, TypeError):
        return CroniumError("internal", f"The runtime API answered with status {status}")


def _in_run() -> bool:
    return bool(os.environ.get("CRONIUM_RUN_ID") and os.environ.get("CRONIUM_TOKEN"))


def _local_input():
    text = os.environ.get("CRONIUM_INPUT")
    if text is None:
        raise _not_in_run('give it an input: CRONIUM_INPUT=\'{"name": "value"}\' python3 main.py')
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidJsonError(f"CRONIUM_INPUT is not JSON: {error}") from error


def _not_in_run(what: str) -> NotInRunError:
    return NotInRunError(
        "This script does not run under Cronium (CRONIUM_RUN_ID and CRONIUM_TOKEN are not set). "
        f"To try it here, {what}"
    )
