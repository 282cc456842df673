"""Builds the wheel and the source distribution of this folder with nothing but the standard library.

An in-tree backend (PEP 517): no package has to be fetched to build this one, so `pip install .` works
without a network. The same sources make the same bytes.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import re
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent
# The first moment that a zip file can name.
WHEN = (1980, 1, 1, 0, 0, 0)
EPOCH_S = 315_532_800
TAG = "py3-none-any"


def _field(name: str) -> str:
    found = re.search(rf'(?m)^{name} = "([^"]+)"$', (ROOT / "pyproject.toml").read_text("utf-8"))
    if found is None:
        raise ValueError(f"pyproject.toml has no {name}")
    return found[1]


def _release() -> str:
    return f"{_field('name')}-{_field('version')}"


def _metadata() -> bytes:
    head = (
        "Metadata-Version: 2.1\n"
        f"Name: {_field('name')}\n"
        f"Version: {_field('version')}\n"
        f"Summary: {_field('description')}\n"
        "License: MIT\n"
        f"Requires-Python: {_field('requires-python')}\n"
        "Classifier: Typing :: Typed\n"
        "Description-Content-Type: text/markdown\n\n"
    )
    return head.encode() + (ROOT / "README.md").read_bytes()


def _sources() -> dict[str, bytes]:
    files = sorted((ROOT / "cronium").iterdir())
    kept = [file for file in files if file.suffix in (".py", ".pyi") or file.name == "py.typed"]
    return {f"cronium/{file.name}": file.read_bytes() for file in kept}


def get_requires_for_build_wheel(config_settings=None) -> list:
    return []


def get_requires_for_build_sdist(config_settings=None) -> list:
    return []


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None) -> str:
    info = f"{_release()}.dist-info"
    kind = f"Wheel-Version: 1.0\nGenerator: cronium\nRoot-Is-Purelib: true\nTag: {TAG}\n"
    files = {
        **_sources(),
        f"{info}/METADATA": _metadata(),
        f"{info}/WHEEL": kind.encode(),
        f"{info}/top_level.txt": b"cronium\n",
    }
    lines = []
    for path, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{path},sha256={digest},{len(content)}\n")
    files[f"{info}/RECORD"] = "".join([*lines, f"{info}/RECORD,,\n"]).encode()
    name = f"{_release()}-{TAG}.whl"
    with zipfile.ZipFile(Path(wheel_directory) / name, "w", zipfile.ZIP_DEFLATED) as wheel:
        for path, content in files.items():
            entry = zipfile.ZipInfo(path, WHEN)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            wheel.writestr(entry, content)
    return name


def build_sdist(sdist_directory, config_settings=None) -> str:
    own = {
        name: (ROOT / name).read_bytes()
        for name in ("pyproject.toml", "README.md", "build_backend.py")
    }
    files = {**own, **_sources(), "PKG-INFO": _metadata()}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, content in files.items():
            entry = tarfile.TarInfo(f"{_release()}/{path}")
            entry.size, entry.mtime, entry.mode = len(content), EPOCH_S, 0o644
            archive.addfile(entry, io.BytesIO(content))
    name = f"{_release()}.tar.gz"
    (Path(sdist_directory) / name).write_bytes(gzip.compress(buffer.getvalue(), mtime=0))
    return name
