"""The verbs of ``cronium`` for asyncio: the same names, arguments, defaults and errors.

>>> from cronium import aio
>>> name = (await aio.input())["name"]
>>> async with aio.lock("ledger"):
...     await aio.set_variable("LAST", name)

A call that is cancelled closes its connection; whether it was done is then not known.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from . import _artifacts, _verbs
from ._call import Pause
from ._errors import CroniumError, LockLostError
from ._http import CHUNK, Answer, Request, Timeout, parse_address
from ._local import REQUIRED
from ._runtime import log_group

__all__ = [
    "context",
    "delete_variable",
    "get_variable",
    "get_variable_with_version",
    "input",
    "list_artifacts",
    "list_variables",
    "load_artifact",
    "lock",
    "log_group",
    "output",
    "progress",
    "save_artifact",
    "secret",
    "set_condition",
    "set_run_name",
    "set_variable",
    "tool_action",
]


async def _run(call):
    """Drives a call of ``_call`` to its end in the running loop."""
    try:
        step = next(call)
        while True:
            try:
                if isinstance(step, Pause):
                    result = await asyncio.sleep(step.seconds)
                else:
                    result = await _perform(step.api, step.request, step.timeout_s)
            except Exception as error:
                step = call.throw(error)
            else:
                step = call.send(result)
    except StopIteration as end:
        return end.value
    finally:
        call.close()


async def _within(seconds: float, what):
    try:
        return await asyncio.wait_for(what, seconds)
    except asyncio.TimeoutError as error:
        # Before Python 3.11 this is not the TimeoutError of sockets.
        raise Timeout(str(error)) from error


async def _perform(api: str, request: Request, timeout_s: float) -> Answer:
    path, host, port = parse_address(api)
    opening = (
        asyncio.open_connection(host, port) if path is None else asyncio.open_unix_connection(path)
    )
    reader, writer = await _within(timeout_s, opening)
    try:
        # A body that is too large is refused before it is read: the answer may be there.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            await _send(writer, request, timeout_s)
        answer = Answer(request.sink)
        while True:
            chunk = await _within(timeout_s, reader.read(CHUNK))
            if not chunk:
                return answer.finish()
            answer.take(chunk)
    finally:
        writer.close()


async def _send(writer: asyncio.StreamWriter, request: Request, timeout_s: float) -> None:
    writer.write(request.head() + request.body)
    await _within(timeout_s, writer.drain())
    if request.upload is not None:
        with Path(request.upload).open("rb") as file:
            while chunk := file.read(CHUNK):
                writer.write(chunk)
                await _within(timeout_s, writer.drain())


async def input():
    """See ``cronium.input``."""
    return await _run(_verbs.get_input())


async def output(value) -> None:
    """See ``cronium.output``."""
    await _run(_verbs.put_output(value))


async def context() -> dict:
    """See ``cronium.context``."""
    return await _run(_verbs.get_context())


async def secret(name: str) -> str:
    """See ``cronium.secret``."""
    return await _run(_verbs.get_secret(name))


async def get_variable(name: str, default=REQUIRED):
    """See ``cronium.get_variable``."""
    return await _run(_verbs.get_variable(name, default))


async def get_variable_with_version(name: str, default=None) -> tuple:
    """See ``cronium.get_variable_with_version``."""
    return await _run(_verbs.get_variable_with_version(name, default))


async def set_variable(
    name: str, value, *, if_version: int | None = None, scope: str | None = None
) -> int:
    """See ``cronium.set_variable``."""
    return await _run(_verbs.set_variable(name, value, if_version, scope))


async def delete_variable(name: str, *, if_version: int | None = None) -> None:
    """See ``cronium.delete_variable``."""
    await _run(_verbs.delete_variable(name, if_version))


async def list_variables(prefix: str = "") -> list:
    """See ``cronium.list_variables``."""
    return await _run(_verbs.list_variables(prefix))


def lock(name: str, *, ttl_s: float = 30, wait_s: float = 30) -> Lock:
    """See ``cronium.lock``; held by ``async with``."""
    return Lock(name, ttl_s, wait_s)


async def set_condition(value: bool) -> None:
    """See ``cronium.set_condition``."""
    await _run(_verbs.set_condition(value))


async def tool_action(name: str, params=None):
    """See ``cronium.tool_action``."""
    return await _run(_verbs.tool_action(name, params))


async def progress(fraction: float | None, message: str | None = None) -> None:
    """See ``cronium.progress``."""
    await _run(_verbs.report_progress(fraction, message))


async def set_run_name(name: str) -> None:
    """See ``cronium.set_run_name``."""
    await _run(_verbs.set_run_name(name))


async def save_artifact(path, name: str | None = None, *, content_type: str | None = None) -> dict:
    """See ``cronium.save_artifact``."""
    return await _run(_artifacts.save_artifact(path, name, content_type))


async def load_artifact(name: str, path) -> None:
    """See ``cronium.load_artifact``."""
    await _run(_artifacts.load_artifact(name, path))


async def list_artifacts() -> list:
    """See ``cronium.list_artifacts``."""
    return await _run(_artifacts.list_artifacts())


class Lock:
    """See ``lock``. ``lost`` is true once it may have been somebody else's."""

    def __init__(self, name: str, ttl_s: float, wait_s: float) -> None:
        self.name = name
        self.lost = False
        self._ttl_s = ttl_s
        self._wait_s = wait_s
        self._id = ""
        self._renewing: asyncio.Task | None = None

    async def __aenter__(self) -> Lock:
        self._id = await _run(_verbs.acquire_lock(self.name, self._ttl_s, self._wait_s))
        self.lost = False
        self._renewing = asyncio.ensure_future(self._renew())
        return self

    async def __aexit__(self, kind, *_) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.wait([self._renewing])
        if self.lost:
            if kind is None:
                raise LockLostError(f"The lock {self.name!r} was lost while its block ran")
            return
        try:
            await _run(_verbs.release_lock(self.name, self._id))
        except CroniumError:
            # The block's own error says more; without one, the caller must know.
            if kind is None:
                raise

    async def _renew(self) -> None:
        loop = asyncio.get_running_loop()
        ends = loop.time() + self._ttl_s
        while True:
            await asyncio.sleep(self._ttl_s / 3)
            asked = loop.time()
            try:
                await _run(_verbs.renew_lock(self.name, self._id, self._ttl_s))
                ends = asked + self._ttl_s
            except LockLostError:
                self.lost = True
                return
            except CroniumError:
                if loop.time() > ends:
                    self.lost = True
                    return
