import json

import cronium

print(json.dumps(cronium.context()))
