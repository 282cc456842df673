"""The verbs for blocking code: each drives its generator to the end."""

from __future__ import annotations

from . import _verbs
from ._call import run
from ._local import REQUIRED


def input():
    """The input of this run: any JSON value as Python data, ``None`` when there is none."""
    return run(_verbs.get_input())


def output(value) -> None:
    """Sets the result of this run: any JSON value up to 1 MiB. The last call counts.

    The value is stored on the runner's disk when this returns.
    """
    run(_verbs.put_output(value))


def context() -> dict:
    """What this run is: runId, attempt, eventId, eventName, eventVersion, workspaceId, trigger,
    runnerName, queuedAt and startedAt (ISO 8601, UTC), timeoutMs, memoryMb."""
    return run(_verbs.get_context())


def secret(name: str) -> str:
    """The value of a secret that the event names.

    Raises SecretNotFoundError for any other. Outside a run it is the environment variable ``name``.
    """
    return run(_verbs.get_secret(name))


def get_variable(name: str, default=REQUIRED):
    """The value of a variable of the event or the workspace: any JSON value as Python data.

    Where there is none, ``default``, or NotFoundError without one. Outside a run it is the
    environment variable ``name``, as JSON where it is JSON, and as text otherwise.
    """
    return run(_verbs.get_variable(name, default))


def get_variable_with_version(name: str, default=None) -> tuple:
    """Value and version of a variable: what ``set_variable(…, if_version=)`` takes.

    Where there is none, ``(default, 0)``.
    """
    return run(_verbs.get_variable_with_version(name, default))


def set_variable(
    name: str, value, *, if_version: int | None = None, scope: str | None = None
) -> int:
    """Sets a variable to any JSON value up to 64 KiB and returns its new version.

    The value is stored in the control plane when this returns. With ``if_version`` it is set only
    if the variable still has that version, 0 meaning that it is not there; VersionConflictError
    otherwise. ``scope`` is "event" or "workspace"; by default the variable that ``get_variable``
    would read.
    """
    return run(_verbs.set_variable(name, value, if_version, scope))


def delete_variable(name: str, *, if_version: int | None = None) -> None:
    """Removes a variable; one that is not there is no error, unless ``if_version`` names a version."""
    run(_verbs.delete_variable(name, if_version))


def list_variables(prefix: str = "") -> list:
    """All variables whose name begins with ``prefix``, as dicts of name, version and value."""
    return run(_verbs.list_variables(prefix))


def lock(name: str, *, ttl_s: float = 30, wait_s: float = 30):
    """A lock over all runs of the workspace, to be held by ``with``.

    >>> with cronium.lock("ledger"):
    ...     book()

    It is renewed while the block runs and given back at its end; where a renewal fails, the
    lock ends after ``ttl_s``, and the block ends with LockLostError. LockedError when it cannot be
    had within ``wait_s``.
    """
    from ._lock import Lock

    return Lock(name, ttl_s, wait_s)


def set_condition(value: bool) -> None:
    """The verdict of this run, shown on it and seen by what follows it. The last call counts."""
    run(_verbs.set_condition(value))


def tool_action(name: str, params=None):
    """Has the control plane perform an action, with any JSON value, and returns its result.

    Raises UnknownActionError. The action ``echo`` gives back what it is given.
    """
    return run(_verbs.tool_action(name, params))


def progress(fraction: float | None, message: str | None = None) -> None:
    """How far this run is, from 0 to 1 or ``None``, with a line about what it does."""
    run(_verbs.report_progress(fraction, message))


def set_run_name(name: str) -> None:
    """Gives this run a name, which lists show beside its event's."""
    run(_verbs.set_run_name(name))


def save_artifact(path, name: str | None = None, *, content_type: str | None = None) -> dict:
    """Keeps a file with this run; returns its name, bytes and sha256.

    ``name`` is the file's own by default, ``content_type`` goes by it. Saving the same content again
    is no error, other content under the same name is ArtifactExistsError.
    """
    from ._artifacts import save_artifact

    return run(save_artifact(path, name, content_type))


def load_artifact(name: str, path) -> None:
    """Writes an artifact of this run into the file ``path``. Raises NotFoundError."""
    from ._artifacts import load_artifact

    run(load_artifact(name, path))


def list_artifacts() -> list:
    """The artifacts of this run, as dicts of name, bytes and sha256."""
    from ._artifacts import list_artifacts

    return run(list_artifacts())


class log_group:
    """What the block prints is one group of the log, which a viewer may fold.

    Lines ``##[group]title`` and ``##[endgroup]`` on stdout say so: plain text, never a command.
    """

    def __init__(self, title: str) -> None:
        self._title = " ".join(str(title).split())

    def __enter__(self) -> None:
        print(f"##[group]{self._title}", flush=True)

    def __exit__(self, *_) -> None:
        print("##[endgroup]", flush=True)
