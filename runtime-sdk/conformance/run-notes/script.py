import json

import cronium


def code(call, *args):
    try:
        call(*args)
    except cronium.CroniumError as error:
        return error.code


cronium.set_condition(True)
cronium.set_condition(False)
cronium.progress(None, "starting")
cronium.progress(0.75, 'copying "a"')
cronium.set_run_name("first")
cronium.set_run_name("Größe 7")
print(json.dumps([code(cronium.progress, 1.5), code(cronium.set_run_name, "")]))
