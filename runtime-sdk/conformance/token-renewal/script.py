import json
import os

import cronium

before = os.environ["CRONIUM_TOKEN"]
value = cronium.input()
print(json.dumps([value, "kept" if os.environ["CRONIUM_TOKEN"] == before else "renewed"]))
