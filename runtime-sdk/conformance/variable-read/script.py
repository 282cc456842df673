import json
import os

import cronium

if os.environ.get("ONLY_DEFAULT"):
    cronium.get_variable("ABSENT", "fallback")
values = [
    cronium.get_variable("REGION"),
    cronium.get_variable("LIMITS"),
    cronium.get_variable("ABSENT", "fallback"),
]
try:
    cronium.get_variable("MISSING")
except cronium.CroniumError as error:
    print(json.dumps([*values, error.code]))
