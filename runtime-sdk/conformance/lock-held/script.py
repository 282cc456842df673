import json
import time

import cronium


def attempt():
    try:
        with cronium.lock("ledger/2026", wait_s=0):
            return "free"
    except cronium.LockedError as error:
        return error.code


with cronium.lock("ledger/2026", ttl_s=1):
    first = attempt()
    time.sleep(1.5)
    second = attempt()
print(json.dumps([first, second, attempt()]))
