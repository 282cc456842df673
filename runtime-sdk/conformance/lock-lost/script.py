import json
import time

import cronium

ran = None
try:
    with cronium.lock("k", ttl_s=1) as lock:
        give_up = time.monotonic() + 20
        while not lock.lost and time.monotonic() < give_up:
            time.sleep(0.02)
        ran = "ran"
except cronium.LockLostError as error:
    print(json.dumps([ran, error.code]))
