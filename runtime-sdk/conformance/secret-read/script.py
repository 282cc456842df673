import json

import cronium

value = cronium.secret("TOKEN")
try:
    cronium.secret("ABSENT")
except cronium.CroniumError as error:
    print(json.dumps([value, error.code]))
