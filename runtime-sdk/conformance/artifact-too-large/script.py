import json
import tempfile

import cronium

with tempfile.NamedTemporaryFile() as file:
    file.truncate(268_435_457)
    try:
        cronium.save_artifact(file.name, "large")
    except cronium.ArtifactTooLargeError as error:
        print(json.dumps([error.code, len(cronium.list_artifacts())]))
