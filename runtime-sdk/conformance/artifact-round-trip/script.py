import json
import os
import tempfile
from pathlib import Path

import cronium


def code(call, *args):
    try:
        call(*args)
    except cronium.CroniumError as error:
        return error.code


with tempfile.TemporaryDirectory() as folder:
    content = os.urandom(700_000)
    Path(folder, "one").write_bytes(content)
    Path(folder, "empty").write_bytes(b"")
    cronium.save_artifact(Path(folder, "one"), "data/r é.bin", content_type="application/x-test")
    cronium.save_artifact(Path(folder, "one"), "data/r é.bin", content_type="application/x-test")
    cronium.save_artifact(f"{folder}/empty")
    kept = []
    for item in sorted(cronium.list_artifacts(), key=lambda item: item["name"]):
        cronium.load_artifact(item["name"], f"{folder}/back")
        same = Path(folder, "back").read_bytes() == (content if item["bytes"] else b"")
        kept.append([item["name"], item["bytes"], "same" if same else "different"])
    codes = [
        code(cronium.save_artifact, f"{folder}/empty", "data/r é.bin"),
        code(cronium.save_artifact, f"{folder}/empty", "../up"),
        code(cronium.load_artifact, "absent", f"{folder}/back"),
    ]
print(json.dumps([kept, *codes]))
