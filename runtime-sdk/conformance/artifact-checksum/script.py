import json
import tempfile
from pathlib import Path

import cronium

with tempfile.TemporaryDirectory() as folder:
    Path(folder, "one").write_text("what was saved")
    cronium.save_artifact(Path(folder, "one"))
    try:
        cronium.load_artifact("one", Path(folder, "back"))
    except cronium.ChecksumMismatchError as error:
        print(json.dumps([error.code, Path(folder, "back").exists()]))
