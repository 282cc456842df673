"""Artifacts: files that a run leaves. Sent and received in pieces, checked by SHA-256."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from . import _local
from ._call import call, in_run, quote
from ._errors import ArtifactTooLargeError, ChecksumMismatchError, InvalidValueError
from ._http import CHUNK

MAX_ARTIFACT_BYTES = 268_435_456


def save_artifact(path, name, content_type):
    path = Path(os.fsdecode(path))
    name = path.name if name is None else name
    if content_type is None:
        content_type = _type_of(name)
    if not content_type.isascii() or not content_type.isprintable():
        raise InvalidValueError(f"{content_type!r} is not a content type")
    if path.stat().st_size > MAX_ARTIFACT_BYTES:
        raise ArtifactTooLargeError(
            f"{str(path)!r} is {path.stat().st_size} bytes; an artifact has at most {MAX_ARTIFACT_BYTES}"
        )
    size, digest = _measure(path)
    if not in_run():
        raise _local.needs_dev()
    answer = yield from call(
        "POST",
        f"artifacts?name={quote(name)}",
        headers=f"cronium-sha256: {digest}\r\n",
        content_type=content_type,
        upload=str(path),
        upload_size=size,
    )
    return json.loads(answer.body)


def load_artifact(name, path):
    """Into a file beside ``path`` first: what is at ``path`` is whole at any time."""
    import hashlib

    if not in_run():
        raise _local.needs_dev()
    path = Path(os.fsdecode(path))
    handle, part = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "w+b") as file:
            answer = yield from call("GET", f"artifacts/{quote(name)}", sink=file)
            file.seek(0)
            digest = hashlib.sha256()
            while chunk := file.read(CHUNK):
                digest.update(chunk)
        expected = answer.headers.get("cronium-sha256")
        if expected is not None and expected != digest.hexdigest():
            raise ChecksumMismatchError(
                f"The artifact {name!r} arrived with SHA-256 {digest.hexdigest()}, not {expected}"
            )
        Path(part).replace(path)
    except BaseException:
        Path(part).unlink()
        raise


def list_artifacts():
    if not in_run():
        raise _local.needs_dev()
    return json.loads((yield from call("GET", "artifacts")).body)["items"]


def _measure(path: Path) -> tuple[int, str]:
    import hashlib

    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return size, digest.hexdigest()


def _type_of(name: str) -> str:
    import mimetypes

    return mimetypes.guess_type(name)[0] or "application/octet-stream"
