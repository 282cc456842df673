"""Outside a run: what the verbs do with values injected by the environment, and what they explain."""

from __future__ import annotations

import json
import os
import sys
import time

from ._errors import InvalidJsonError, NotInRunError

REQUIRED = object()

_CONTEXT = {
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


def local_input():
    text = os.environ.get("CRONIUM_INPUT")
    if text is None:
        raise not_in_run('give it an input: CRONIUM_INPUT=\'{"name": "value"}\' python3 main.py')
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidJsonError(f"CRONIUM_INPUT is not JSON: {error}") from error


def local_context() -> dict:
    local_input()
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    return {**_CONTEXT, "queuedAt": now, "startedAt": now}


def local_secret(name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise not_in_run(f"give it the secret: {name}=value python3 main.py")
    return value


def local_variable(name: str, default):
    text = os.environ.get(name)
    if text is None:
        if default is REQUIRED:
            raise not_in_run(f"give it the variable: {name}=value python3 main.py")
        return default
    try:
        return json.loads(text)
    except ValueError:
        return text


def show(what: str, text: str) -> None:
    """For what only the run's page would show."""
    local_input()
    print(f"cronium {what}: {text}", file=sys.stderr)


def needs_dev() -> NotInRunError:
    """For verbs that need something to answer them."""
    return not_in_run("run it with values of your own: cronium dev run main.py")


def not_in_run(what: str) -> NotInRunError:
    return NotInRunError(
        "This script does not run under Cronium (CRONIUM_RUN_ID and CRONIUM_TOKEN are not set). "
        f"To try it here, {what}"
    )
