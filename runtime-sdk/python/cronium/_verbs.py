"""Every verb as a generator of calls (see ``_call``); what it returns is what the verb returns."""

from __future__ import annotations

import json

from . import _local
from ._call import Pause, call, in_run, quote, to_json
from ._errors import (
    InvalidValueError,
    LockedError,
    NotFoundError,
    OutputTooLargeError,
)
from ._local import REQUIRED

MAX_OUTPUT_BYTES = 1_048_576
# The API may be asked to wait this long for a lock in one call; longer waits are several calls.
LOCK_CALL_S = 10.0


def get_input():
    if not in_run():
        return _local.local_input()
    return json.loads((yield from call("GET", "input")).body)


def put_output(value):
    body = to_json(value, "The output")
    if len(body) > MAX_OUTPUT_BYTES:
        raise OutputTooLargeError(
            f"The output is {len(body)} bytes of JSON; the most is {MAX_OUTPUT_BYTES}. "
            "Save large data as an artifact."
        )
    if in_run():
        yield from call("POST", "output", body)
    else:
        _local.show("output", body.decode())


def get_context():
    if not in_run():
        return _local.local_context()
    return json.loads((yield from call("GET", "context")).body)


def get_secret(name):
    if not in_run():
        return _local.local_secret(name)
    return json.loads((yield from call("GET", f"secrets/{quote(name)}")).body)


def get_variable(name, default):
    if not in_run():
        return _local.local_variable(name, default)
    value, version = yield from get_variable_with_version(name, default)
    if version == 0 and value is REQUIRED:
        raise _no_variable(name)
    return value


def get_variable_with_version(name, default):
    if not in_run():
        raise _local.needs_dev()
    try:
        answer = yield from call("GET", f"variables/{quote(name)}")
    except NotFoundError:
        return default, 0
    return json.loads(answer.body), int(answer.headers.get("cronium-version") or 1)


def _no_variable(name) -> NotFoundError:
    return NotFoundError(f"Neither the event nor the workspace has a variable {name!r}.")


def set_variable(name, value, if_version, scope):
    content = {"value": value}
    if if_version is not None:
        content["ifVersion"] = _whole("if_version", if_version)
    body = to_json(content, f"The value of {name!r}")
    if not in_run():
        raise _local.needs_dev()
    query = "" if scope is None else f"?scope={quote(scope)}"
    answer = yield from call("PUT", f"variables/{quote(name)}{query}", body)
    return json.loads(answer.body)["version"]


def delete_variable(name, if_version):
    if not in_run():
        raise _local.needs_dev()
    query = "" if if_version is None else f"?ifVersion={_whole('if_version', if_version)}"
    yield from call("DELETE", f"variables/{quote(name)}{query}")


def list_variables(prefix):
    if not in_run():
        raise _local.needs_dev()
    items: list = []
    cursor = ""
    while True:
        query = f"?prefix={quote(prefix)}" + (f"&cursor={quote(cursor)}" if cursor else "")
        page = json.loads((yield from call("GET", f"variables{query}")).body)
        items += page["items"]
        cursor = page["nextCursor"]
        if not cursor:
            return items


def acquire_lock(name, ttl_s, wait_s):
    """The id of the lock. Waits in calls of LOCK_CALL_S, so that none is near its timeout."""
    ttl_ms, left_ms = _milliseconds("ttl_s", ttl_s), _milliseconds("wait_s", wait_s)
    if not in_run():
        raise _local.needs_dev()
    while True:
        wait_ms = min(left_ms, int(LOCK_CALL_S * 1000))
        body = to_json({"ttlMs": ttl_ms, "waitMs": wait_ms}, "The lock")
        try:
            answer = yield from call("POST", f"locks/{quote(name)}", body)
        except LockedError:
            left_ms -= max(wait_ms, 100)
            if left_ms <= 0:
                raise
            yield Pause(0.1)
        else:
            return json.loads(answer.body)["lockId"]


def renew_lock(name, lock_id, ttl_s):
    body = to_json({"lockId": lock_id, "ttlMs": _milliseconds("ttl_s", ttl_s)}, "The lock")
    yield from call("PUT", f"locks/{quote(name)}", body)


def release_lock(name, lock_id):
    yield from call("DELETE", f"locks/{quote(name)}?lockId={quote(lock_id)}")


def set_condition(value):
    if not isinstance(value, bool):
        raise InvalidValueError(f"A condition is True or False, not {value!r}")
    body = to_json({"value": value}, "The condition")
    if in_run():
        yield from call("POST", "condition", body)
    else:
        _local.show("condition", "true" if value else "false")


def tool_action(name, params):
    body = to_json({"params": params}, f"What {name!r} is given")
    if not in_run():
        raise _local.needs_dev()
    answer = yield from call("POST", f"tool-actions/{quote(name)}", body)
    return json.loads(answer.body)["result"]


def report_progress(fraction, message):
    if fraction is not None and not (_is_number(fraction) and 0 <= fraction <= 1):
        raise InvalidValueError(f"Progress is a number from 0 to 1 or None, not {fraction!r}")
    body = to_json({"fraction": fraction, "message": message}, "The progress")
    if in_run():
        yield from call("POST", "progress", body)
    else:
        _local.show("progress", body.decode())


def set_run_name(name):
    body = to_json({"name": name}, "The name")
    if in_run():
        yield from call("POST", "name", body)
    else:
        _local.show("name", str(name))


def _is_number(value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _whole(what, value) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InvalidValueError(f"{what} is a whole number from 0, not {value!r}")
    return value


def _milliseconds(what, seconds) -> int:
    if not _is_number(seconds) or seconds < 0:
        raise InvalidValueError(f"{what} is a number of seconds from 0, not {seconds!r}")
    return int(seconds * 1000)
