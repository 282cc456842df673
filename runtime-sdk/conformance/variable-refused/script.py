import json

import cronium


def code(name, value):
    try:
        cronium.set_variable(name, value)
    except cronium.CroniumError as error:
        return error.code


print(json.dumps([code("A", "x" * 65_536), code("A", "x" * 10_000_000), code("NO-NAME", 1)]))
