import json

import cronium

print(json.dumps([cronium.input(), cronium.context()["runId"]]))
cronium.output(cronium.input())
