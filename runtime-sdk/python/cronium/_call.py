"""One call of the runtime API with its repetitions, written once for blocking and async code.

A call is a generator: it yields an ``Exchange`` or a ``Pause`` and is sent what came of it. ``run``
drives it in blocking code, ``cronium.aio`` in an event loop.

A sidecar that was killed is back within a second under the same address, and every call may be
repeated safely: writes carry the same Idempotency-Key each time. So a connection that is refused or
breaks off is tried again for RETRY_S, an answer 429 or 503 for BUSY_S; any other answer is final.
"""

from __future__ import annotations

import json
import os
import time

from ._errors import (
    ApiTimeoutError,
    ApiUnreachableError,
    CroniumError,
    InvalidJsonError,
    error_for,
)
from ._http import DEFAULT_API, Answer, Request, Timeout, perform

RETRY_S = 5.0
BUSY_S = 30.0
ANSWER_S = 30.0
_FIRST_PAUSE_S = 0.02
_LONGEST_PAUSE_S = 0.25
_LONGEST_BUSY_PAUSE_S = 5.0
# A token that ends sooner than this is renewed before it is used.
_RENEW_BEFORE_S = 300.0
_RENEW_AGAIN_AFTER_S = 30.0


class Exchange:
    __slots__ = ("api", "request", "timeout_s")

    def __init__(self, api: str, request: Request, timeout_s: float) -> None:
        self.api = api
        self.request = request
        self.timeout_s = timeout_s


class Pause:
    __slots__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


def run(call):
    """Drives a call to its end in the calling thread and returns its result."""
    try:
        step = next(call)
        while True:
            try:
                if isinstance(step, Pause):
                    result = time.sleep(step.seconds)
                else:
                    result = perform(step.api, step.request, step.timeout_s)
            except Exception as error:
                step = call.throw(error)
            else:
                step = call.send(result)
    except StopIteration as end:
        return end.value


def in_run() -> bool:
    return bool(os.environ.get("CRONIUM_RUN_ID") and os.environ.get("CRONIUM_TOKEN"))


def quote(name: str) -> str:
    """As a part of a path or a query; urllib's own function costs an import."""
    return "".join(
        chr(byte) if byte < 128 and (chr(byte).isalnum() or byte == 95) else f"%{byte:02X}"
        for byte in name.encode("utf-8", "backslashreplace")
    )


def call(method: str, name: str, body: bytes = b"", **details):
    """One call: ``name`` comes after ``/v1/executions/{id}/``.

    ``details`` are fields of ``Request``; ``headers`` are added to those of every call.
    """
    request = Request(method, f"/v1/executions/{os.environ['CRONIUM_RUN_ID']}/{name}", body=body)
    own = details.pop("headers", "")
    for field, given in details.items():
        setattr(request, field, given)
    if method != "GET":
        own += f"Idempotency-Key: {os.urandom(16).hex()}\r\n"
    if _ends_soon(os.environ["CRONIUM_TOKEN"]):
        yield from _renew()
    answer = yield from _repeat(request, own)
    if answer.status == 401 and (yield from _renew()):
        answer = yield from _repeat(request, own)
    if 200 <= answer.status < 300:
        return answer
    raise _problem(answer)


def _repeat(request: Request, headers: str):
    api = os.environ.get("CRONIUM_API") or DEFAULT_API
    request.headers = f"Authorization: Bearer {os.environ['CRONIUM_TOKEN']}\r\n{headers}"
    unreachable_after = busy_after = None
    pause, busy_pause = _FIRST_PAUSE_S, _LONGEST_PAUSE_S
    while True:
        try:
            answer = yield Exchange(api, request, ANSWER_S)
        except Timeout as error:
            raise ApiTimeoutError(
                f"The runtime API at {api} did not answer {request.method} {request.path} "
                f"within {ANSWER_S:.0f} s"
            ) from error
        except ValueError as error:
            raise ApiUnreachableError(str(error)) from error
        except OSError as error:
            wait = _jittered(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)
            unreachable_after = unreachable_after or time.monotonic() + RETRY_S
            if time.monotonic() + wait > unreachable_after:
                raise ApiUnreachableError(
                    f"The runtime API at {api} could not be reached for {RETRY_S:.0f} s: {error}"
                ) from error
        else:
            if answer.status not in (429, 503):
                return answer
            unreachable_after = None
            busy_after = busy_after or time.monotonic() + BUSY_S
            wait = _asked_for(answer) or _jittered(busy_pause)
            busy_pause = min(busy_pause * 2, _LONGEST_BUSY_PAUSE_S)
            if time.monotonic() + wait > busy_after:
                return answer
        if request.sink is not None:
            request.sink.seek(0)
            request.sink.truncate()
        yield Pause(wait)


def _jittered(seconds: float) -> float:
    return seconds * (0.5 + os.urandom(1)[0] / 255)


def _asked_for(answer: Answer) -> float | None:
    """Retry-After in seconds, spread a little so that many jobs do not come back at once."""
    text = answer.headers.get("retry-after", "")
    return int(text) + _jittered(0.1) if text.isascii() and text.isdigit() else None


_known_end: tuple[str, float] = ("", 0.0)
_not_before = 0.0


def _ends_soon(token: str) -> bool:
    global _known_end
    if _known_end[0] != token:
        _known_end = (token, _end_of(token))
    return time.time() > _known_end[1] - _RENEW_BEFORE_S and time.monotonic() > _not_before


def _end_of(token: str) -> float:
    """When the token ends, in seconds since 1970; never where it does not say."""
    import binascii

    try:
        claims = token.split(".")[1].replace("-", "+").replace("_", "/")
        return float(json.loads(binascii.a2b_base64(claims + "=" * (-len(claims) % 4)))["exp"])
    except (IndexError, ValueError, KeyError, TypeError):
        return float("inf")


def _renew():
    """A new token into the environment, where the script's own children find it too.

    The call that needed it is made in any case: whether the old token still works is its answer.
    """
    global _not_before
    _not_before = time.monotonic() + _RENEW_AGAIN_AFTER_S
    request = Request("POST", f"/v1/executions/{os.environ['CRONIUM_RUN_ID']}/token")
    try:
        answer = yield from _repeat(request, f"Idempotency-Key: {os.urandom(16).hex()}\r\n")
        token = json.loads(answer.body)["token"] if answer.status == 200 else None
    except (CroniumError, ValueError, KeyError, TypeError):
        return False
    if not isinstance(token, str):
        return False
    os.environ["CRONIUM_TOKEN"] = token
    return True


def to_json(value, what: str) -> bytes:
    """Compact JSON in UTF-8. Raises InvalidJsonError; ``what`` begins its message."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidJsonError(f"{what} cannot be written as JSON: {error}") from error


def _problem(answer: Answer) -> CroniumError:
    try:
        problem = json.loads(answer.body)
        return error_for(str(problem["code"]), str(problem["detail"]))
    except (ValueError, KeyError, TypeError):
        return CroniumError("internal", f"The runtime API answered with status {answer.status}")
