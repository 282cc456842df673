"""What every verb asks for and what it makes of the answer, blocking and in an event loop."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import sys
import unittest
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import cronium
from cronium import _artifacts, aio
from runtime_server import ServedTest, answer

BASE = "/v1/executions/run_1/"


def problem(code: str, status: str) -> bytes:
    return answer(json.dumps({"code": code, "detail": "No."}).encode(), status)


def blocking(name, *args, **options):
    return getattr(cronium, name)(*args, **options)


def in_loop(name, *args, **options):
    async def call():
        return await getattr(aio, name)(*args, **options)

    return asyncio.run(call())


class VerbTest(ServedTest):
    def asked(self, given: bytes, name: str, *args, **options):
        """Both twins with this answer: what they gave back, and what the last one asked for."""
        results, seen = [], []
        for call in (blocking, in_loop):
            server = self.serve(given, tcp=True)
            results.append(call(name, *args, **options))
            method, path, _, body = server.seen[-1]
            seen.append((method, path.removeprefix(BASE), json.loads(body) if body else None))
        self.assertEqual(results[0], results[1])
        self.assertEqual(seen[0], seen[1])
        return results[0], seen[0]

    def refused(self, given: bytes, error: type, name: str, *args, **options):
        for call in (blocking, in_loop):
            self.serve(given, tcp=True)
            with self.subTest(call=call.__name__), self.assertRaises(error):
                call(name, *args, **options)

    def test_values_are_read(self):
        for name, args, path in (
            ("input", (), "input"),
            ("context", (), "context"),
            ("secret", ("A B",), "secrets/A%20B"),
            ("get_variable", ("A/B",), "variables/A%2FB"),
        ):
            with self.subTest(name=name):
                self.assertEqual(
                    self.asked(answer(b'"x"'), name, *args), ("x", ("GET", path, None))
                )

    def test_a_variable_that_is_not_there_is_its_default_or_an_error(self):
        missing = problem("not_found", "404 Not Found")
        self.assertEqual(self.asked(missing, "get_variable", "A", 5)[0], 5)
        self.assertEqual(self.asked(missing, "get_variable_with_version", "A", 5)[0], (5, 0))
        self.refused(missing, cronium.NotFoundError, "get_variable", "A")

    def test_a_variable_is_read_with_its_version(self):
        given = b"HTTP/1.1 200 OK\r\ncronium-version: 7\r\nContent-Length: 1\r\n\r\n1"
        self.assertEqual(self.asked(given, "get_variable_with_version", "A")[0], (1, 7))

    def test_a_variable_is_set_removed_and_listed(self):
        version = answer(b'{"version": 4}')
        result, seen = self.asked(version, "set_variable", "A", [1], if_version=3, scope="event")
        self.assertEqual(result, 4)
        self.assertEqual(seen, ("PUT", "variables/A?scope=event", {"value": [1], "ifVersion": 3}))
        done = answer(b"", "204 No Content")
        self.assertEqual(
            self.asked(done, "delete_variable", "A", if_version=2)[1],
            ("DELETE", "variables/A?ifVersion=2", None),
        )
        self.assertEqual(self.asked(done, "delete_variable", "A")[1][1], "variables/A")
        page = answer(b'{"items": [{"name": "A"}], "nextCursor": null}')
        self.assertEqual(
            self.asked(page, "list_variables", "A"),
            ([{"name": "A"}], ("GET", "variables?prefix=A", None)),
        )

    def test_a_list_is_read_page_by_page(self):
        for call in (blocking, in_loop):
            server = self.serve(
                answer(b'{"items": [1], "nextCursor": "c/1"}'),
                answer(b'{"items": [2], "nextCursor": null}'),
                tcp=True,
            )
            self.assertEqual(call("list_variables"), [1, 2])
            self.assertEqual(server.seen[1][1], f"{BASE}variables?prefix=&cursor=c%2F1")

    def test_a_version_that_has_changed_and_a_wrong_one_are_told_apart(self):
        conflict = problem("version_conflict", "412 Precondition Failed")
        self.refused(conflict, cronium.VersionConflictError, "set_variable", "A", 1, if_version=1)
        for wrong in (-1, True, "1"):
            self.refused(
                conflict, cronium.InvalidValueError, "set_variable", "A", 1, if_version=wrong
            )

    def test_condition_progress_name_and_output_are_told(self):
        done = answer(b"", "204 No Content")
        for name, args, seen in (
            ("set_condition", (True,), ("POST", "condition", {"value": True})),
            ("progress", (0.5, "half"), ("POST", "progress", {"fraction": 0.5, "message": "half"})),
            ("set_run_name", ("x",), ("POST", "name", {"name": "x"})),
            ("output", ({"a": 1},), ("POST", "output", {"a": 1})),
        ):
            with self.subTest(name=name):
                self.assertEqual(self.asked(done, name, *args), (None, seen))
        self.refused(done, cronium.InvalidValueError, "set_condition", 1)
        for wrong in (-0.1, 1.1, "0.5", True):
            self.refused(done, cronium.InvalidValueError, "progress", wrong)

    def test_a_tool_action_gives_its_result(self):
        self.assertEqual(
            self.asked(answer(b'{"result": 2}'), "tool_action", "echo", 2),
            (2, ("POST", "tool-actions/echo", {"params": 2})),
        )
        unknown = problem("unknown_action", "404 Not Found")
        self.refused(unknown, cronium.UnknownActionError, "tool_action", "fly")


class LockTest(ServedTest):
    held = answer(b'{"lockId": "l1", "ttlMs": 30000}')

    def test_a_lock_is_taken_and_given_back(self):
        async def block():
            async with aio.lock("a b"):
                pass

        def plain():
            with cronium.lock("a b"):
                pass

        for run in (plain, lambda: asyncio.run(block())):
            server = self.serve(self.held, answer(b"", "204 No Content"), tcp=True)
            run()
            asked = [(method, path.removeprefix(BASE)) for method, path, _, _ in server.seen]
            self.assertEqual(asked, [("POST", "locks/a%20b"), ("DELETE", "locks/a%20b?lockId=l1")])

    def test_a_lock_that_somebody_else_holds_is_waited_for_and_then_refused(self):
        taken = problem("locked", "409 Conflict")

        async def block():
            async with aio.lock("a", wait_s=0.05):
                self.fail("it is not ours")

        def plain():
            with cronium.lock("a", wait_s=0.05):
                self.fail("it is not ours")

        for run in (plain, lambda: asyncio.run(block())):
            self.serve(taken, tcp=True)
            with self.assertRaises(cronium.LockedError):
                run()

    def test_a_lock_that_is_lost_meanwhile_ends_the_block_in_an_error(self):
        lost = problem("lock_lost", "409 Conflict")

        async def block():
            async with aio.lock("a", ttl_s=0.03) as mine:
                while not mine.lost:
                    await asyncio.sleep(0.005)

        def plain():
            with cronium.lock("a", ttl_s=0.03) as mine:
                while not mine.lost:
                    mine._done.wait(0.005)

        for run in (plain, lambda: asyncio.run(block())):
            self.serve(self.held, lost, tcp=True)
            with self.assertRaises(cronium.LockLostError):
                run()

    def test_an_error_of_the_block_is_not_hidden_by_one_of_the_lock(self):
        refusal = problem("invalid_value", "422 X")

        async def block():
            async with aio.lock("a"):
                raise KeyError("own")

        def plain():
            with cronium.lock("a"):
                raise KeyError("own")

        for run in (plain, lambda: asyncio.run(block())):
            self.serve(self.held, refusal, tcp=True)
            with self.assertRaises(KeyError):
                run()


class ArtifactTest(ServedTest):
    def test_a_file_is_sent_with_its_sum_and_comes_back(self):
        content = os.urandom(200_000)
        source = Path(self.folder.name, "report.csv")
        source.write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        for call in (blocking, in_loop):
            kept = json.dumps({"name": "report.csv", "bytes": 200_000, "sha256": digest})
            server = self.serve(answer(kept.encode(), "201 Created"), tcp=True)
            self.assertEqual(call("save_artifact", source)["sha256"], digest)
            self.assertEqual(server.headers[-1]["cronium-sha256"], digest)
            self.assertEqual(server.headers[-1]["Content-Type"], "text/csv")

            head = f"HTTP/1.1 200 OK\r\ncronium-sha256: {digest}\r\nContent-Length: 200000\r\n\r\n"
            self.serve(head.encode() + content, tcp=True)
            target = Path(self.folder.name, "back")
            call("load_artifact", "report.csv", target)
            self.assertEqual(target.read_bytes(), content)

    def test_bytes_that_are_not_those_that_were_kept_are_refused_and_leave_no_file(self):
        target = Path(self.folder.name, "back")
        head = (
            b"HTTP/1.1 200 OK\r\ncronium-sha256: " + b"0" * 64 + b"\r\nContent-Length: 1\r\n\r\nx"
        )
        for call in (blocking, in_loop):
            self.serve(head, tcp=True)
            with self.assertRaises(cronium.ChecksumMismatchError):
                call("load_artifact", "a", target)
            self.assertEqual(list(Path(self.folder.name).iterdir()), [])

    def test_artifacts_are_listed_and_wrong_ones_refused_here(self):
        self.serve(answer(b'{"items": [{"name": "a"}]}'), tcp=True)
        self.assertEqual(cronium.list_artifacts(), [{"name": "a"}])
        self.assertEqual(in_loop("list_artifacts"), [{"name": "a"}])
        source = Path(self.folder.name, "big")
        source.touch()
        os.truncate(source, _artifacts.MAX_ARTIFACT_BYTES + 1)
        with self.assertRaises(cronium.ArtifactTooLargeError):
            cronium.save_artifact(source)
        os.truncate(source, 1)
        with self.assertRaises(cronium.InvalidValueError):
            cronium.save_artifact(source, content_type="a\r\nb: c")


class OutsideTest(ServedTest):
    def test_what_only_a_run_shows_is_printed_and_what_needs_an_answer_is_explained(self):
        os.environ.update(CRONIUM_INPUT='{"a": 1}', TOKEN="t", REGION='["eu"]', PLAIN="text")
        said = io.StringIO()
        with redirect_stderr(said):
            cronium.set_condition(False)
            cronium.progress(1)
            cronium.set_run_name("x")
            cronium.output(2)
        self.assertEqual(
            [line.split(":")[0] for line in said.getvalue().splitlines()],
            ["cronium condition", "cronium progress", "cronium name", "cronium output"],
        )
        self.assertEqual(cronium.context()["runId"], "local")
        self.assertEqual((cronium.secret("TOKEN"), cronium.get_variable("REGION")), ("t", ["eu"]))
        self.assertEqual(
            (cronium.get_variable("PLAIN"), cronium.get_variable("NO", 3)), ("text", 3)
        )
        for name, args in (
            ("set_variable", ("A", 1)),
            ("delete_variable", ("A",)),
            ("list_variables", ()),
            ("get_variable_with_version", ("A",)),
            ("tool_action", ("echo",)),
            ("list_artifacts", ()),
            ("load_artifact", ("a", "b")),
        ):
            for call in (blocking, in_loop):
                with self.subTest(name=name), self.assertRaises(cronium.NotInRunError):
                    call(name, *args)

    def test_a_group_of_lines_is_marked(self):
        said = io.StringIO()
        with redirect_stdout(said), cronium.log_group("two\nlines"):
            print("in it")
        self.assertEqual(said.getvalue(), "##[group]two lines\nin it\n##[endgroup]\n")


if __name__ == "__main__":
    unittest.main()
