import json

import cronium

try:
    print(json.dumps(cronium.input()))
except cronium.CroniumError as error:
    print(json.dumps([type(error).__name__, error.code]))
