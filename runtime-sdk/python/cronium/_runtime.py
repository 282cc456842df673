"""The verbs. Outside a run they work on CRONIUM_INPUT, so that a script can be tried anywhere."""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime, timezone
from typing import Any, Optional
from urllib.parse import quote

from ._errors import InvalidJsonError, NotInRunError, OutputTooLargeError
from ._transport import request

MAX_OUTPUT_BYTES = 1_048_576


def input() -> Any:
    """The input of this run: any JSON value as Python data, ``None`` when there is none."""
    run = _run()
    if run is None:
        return _local_input()
    return json.loads(request("GET", f"/v1/executions/{quote(run[0], safe='')}/input", run[1]))


def output(value: Any) -> None:
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
    run = _run()
    if run is None:
        _local_input()
        print(f"cronium output: {text}", file=sys.stderr)
        return
    request("POST", f"/v1/executions/{quote(run[0], safe='')}/output", run[1], body)


def context() -> dict[str, Any]:
    """What this run is: runId, attempt, eventId, eventName, eventVersion, workspaceId, trigger,
    runnerName, queuedAt and startedAt (ISO 8601, UTC), timeoutMs, memoryMb."""
    run = _run()
    if run is None:
        _local_input()
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {**_LOCAL_CONTEXT, "queuedAt": now, "startedAt": now}
    answer: dict[str, Any] = json.loads(
        request("GET", f"/v1/executions/{quote(run[0], safe='')}/context", run[1])
    )
    return answer


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


def _run() -> Optional[tuple[str, str]]:
    run_id, token = os.environ.get("CRONIUM_RUN_ID"), os.environ.get("CRONIUM_TOKEN")
    return (run_id, token) if run_id and token else None


def _local_input() -> Any:
    text = os.environ.get("CRONIUM_INPUT")
    if text is None:
        raise NotInRunError(
            "This script does not run under Cronium (CRONIUM_RUN_ID and CRONIUM_TOKEN are not set). "
            "To try it here, give it an input: "
            "CRONIUM_INPUT='{\"name\": \"value\"}' python3 main.py"
        )
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidJsonError(f"CRONIUM_INPUT is not JSON: {error}") from error
