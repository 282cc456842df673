import asyncio
import json
import os
import tempfile
from pathlib import Path

import cronium
from cronium import aio


async def code(call):
    try:
        await call
    except cronium.CroniumError as error:
        return error.code


async def main(folder):
    content = os.urandom(700_000)
    Path(folder, "one").write_bytes(content)
    Path(folder, "empty").write_bytes(b"")
    await aio.save_artifact(Path(folder, "one"), "data/r é.bin", content_type="application/x-test")
    await aio.save_artifact(Path(folder, "one"), "data/r é.bin", content_type="application/x-test")
    await aio.save_artifact(f"{folder}/empty")
    kept = []
    for item in sorted(await aio.list_artifacts(), key=lambda item: item["name"]):
        await aio.load_artifact(item["name"], f"{folder}/back")
        same = Path(folder, "back").read_bytes() == (content if item["bytes"] else b"")
        kept.append([item["name"], item["bytes"], "same" if same else "different"])
    codes = [
        await code(aio.save_artifact(f"{folder}/empty", "data/r é.bin")),
        await code(aio.save_artifact(f"{folder}/empty", "../up")),
        await code(aio.load_artifact("absent", f"{folder}/back")),
    ]
    print(json.dumps([kept, *codes]))


with tempfile.TemporaryDirectory() as temporary:
    asyncio.run(main(temporary))
