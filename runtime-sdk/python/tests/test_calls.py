"""Repetition, idempotency, tokens and the async twins, against a real HTTP server."""

from __future__ import annotations

import asyncio
import base64
import inspect
import json
import os
import socket
import sys
import time
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import cronium
from cronium import _call, aio
from runtime_server import ServedTest, answer


class RepetitionTest(ServedTest):
    def test_a_write_that_is_repeated_carries_the_same_key(self):
        busy = answer(b"", "503 Service Unavailable")
        server = self.serve(b"", busy, answer(b'{"version": 3}'))
        with mock.patch.object(_call, "_LONGEST_PAUSE_S", 0.01):
            self.assertEqual(cronium.set_variable("A", 1), 3)
        keys = [headers["Idempotency-Key"] for headers in server.headers]
        self.assertEqual(len(keys), 3)
        self.assertEqual(len(set(keys)), 1)

    def test_two_writes_have_two_keys(self):
        server = self.serve(answer(b'{"version": 3}'))
        cronium.set_variable("A", 1)
        cronium.set_variable("A", 1)
        keys = {headers["Idempotency-Key"] for headers in server.headers}
        self.assertEqual(len(keys), 2)

    def test_a_limit_that_stays_ends_in_its_error_and_says_no_more_than_asked(self):
        limited = (
            b'HTTP/1.1 429 X\r\nRetry-After: 60\r\n\r\n{"code":"rate_limited","detail":"Slow."}'
        )
        server = self.serve(limited)
        with self.assertRaises(cronium.RateLimitedError):
            cronium.input()
        self.assertEqual(len(server.seen), 1)

    def test_a_token_that_ends_soon_is_renewed_before_it_is_used(self):
        server = self.serve(answer(b'{"token": "fresh", "expiresInMs": 1}'), answer(b"1"))
        claims = base64.urlsafe_b64encode(json.dumps({"exp": time.time() + 60}).encode())
        os.environ["CRONIUM_TOKEN"] = f"e.{claims.decode().rstrip('=')}.s"
        with mock.patch.object(_call, "_not_before", 0.0):
            self.assertEqual(cronium.input(), 1)
        self.assertEqual(
            [path.rpartition("/")[2] for _, path, _, _ in server.seen], ["token", "input"]
        )
        self.assertEqual(server.headers[1]["Authorization"], "Bearer fresh")
        self.assertEqual(os.environ["CRONIUM_TOKEN"], "fresh")

    def test_a_token_that_is_refused_is_renewed_once(self):
        refusal = answer(b'{"code": "invalid_token", "detail": "No."}', "401 Unauthorized")
        server = self.serve(refusal, answer(b'{"token": "fresh"}'), refusal)
        with (
            mock.patch.object(_call, "_not_before", 0.0),
            self.assertRaises(cronium.InvalidTokenError),
        ):
            cronium.input()
        self.assertEqual(len(server.headers), 3)


class AsyncTest(ServedTest):
    def test_a_call_is_the_same_in_an_event_loop(self):
        for tcp in (False, True):
            with self.subTest(tcp=tcp):
                server = self.serve(b"", answer('{"n": "é"}'.encode()), tcp=tcp)
                self.assertEqual(asyncio.run(aio.input()), {"n": "é"})
                self.assertEqual(len(server.seen), 2)

    def test_calls_run_beside_one_another(self):
        self.serve(answer(b"7"))

        async def many():
            return await asyncio.gather(*(aio.get_variable("A") for _ in range(20)))

        self.assertEqual(asyncio.run(many()), [7] * 20)

    def listen_in_silence(self):
        silent = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(silent.close)
        os.environ["CRONIUM_API"] = f"http://127.0.0.1:{silent.getsockname()[1]}"
        os.environ["CRONIUM_RUN_ID"], os.environ["CRONIUM_TOKEN"] = "run_1", "secret"

    def test_an_api_that_never_answers_ends_in_a_timeout(self):
        self.listen_in_silence()
        with (
            mock.patch.object(_call, "ANSWER_S", 0.05),
            self.assertRaises(cronium.ApiTimeoutError),
        ):
            asyncio.run(aio.input())

    def test_a_call_that_is_cancelled_ends_at_once(self):
        self.listen_in_silence()

        async def cancelled():
            call = asyncio.ensure_future(aio.input())
            # Two turns: it is connected and waits for its answer, or waits to be connected.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            call.cancel()
            await call

        with self.assertRaises(asyncio.CancelledError):
            asyncio.run(cancelled())


class TwinsTest(unittest.TestCase):
    def test_every_verb_has_an_async_twin_with_the_same_arguments(self):
        verbs = [name for name in cronium.__all__ if not name.endswith("Error")]
        self.assertEqual(sorted(aio.__all__), sorted(verbs))
        for name in verbs:
            with self.subTest(name=name):
                mine = inspect.signature(getattr(cronium, name)).parameters
                twin = inspect.signature(getattr(aio, name)).parameters
                self.assertEqual([str(p) for p in mine.values()], [str(p) for p in twin.values()])

    def test_the_stub_of_the_async_verbs_names_them_all(self):
        stub = (Path(cronium.__file__).parent / "aio.pyi").read_text()
        for name in aio.__all__:
            with self.subTest(name=name):
                self.assertRegex(stub, rf"(?m)^(async def|def) {name}\(|import {name}\b")


if __name__ == "__main__":
    unittest.main()
