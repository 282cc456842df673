"""The lock for blocking code: a thread renews it while the block runs."""

from __future__ import annotations

import threading
import time

from . import _verbs
from ._call import run
from ._errors import CroniumError, LockLostError


class Lock:
    """See ``cronium.lock``. ``lost`` is true once it may have been somebody else's."""

    def __init__(self, name: str, ttl_s: float, wait_s: float) -> None:
        self.name = name
        self.lost = False
        self._ttl_s = ttl_s
        self._wait_s = wait_s
        self._id = ""
        self._done = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Lock:
        self._id = run(_verbs.acquire_lock(self.name, self._ttl_s, self._wait_s))
        self._done.clear()
        self.lost = False
        # A script that ends with the lock held does not wait for it: it dies with the attempt.
        self._thread = threading.Thread(target=self._renew, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind, *_) -> None:
        self._done.set()
        if self._thread is not None:
            self._thread.join()
        if self.lost:
            if kind is None:
                raise LockLostError(f"The lock {self.name!r} was lost while its block ran")
            return
        try:
            run(_verbs.release_lock(self.name, self._id))
        except CroniumError:
            # The block's own error says more; without one, the caller must know.
            if kind is None:
                raise

    def _renew(self) -> None:
        ends = time.monotonic() + self._ttl_s
        while not self._done.wait(self._ttl_s / 3):
            asked = time.monotonic()
            try:
                run(_verbs.renew_lock(self.name, self._id, self._ttl_s))
                ends = asked + self._ttl_s
            except LockLostError:
                self.lost = True
                return
            except CroniumError:
                if time.monotonic() > ends:
                    self.lost = True
                    return
