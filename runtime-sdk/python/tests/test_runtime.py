"""The verbs against a real HTTP server on a unix socket or a port."""

from __future__ import annotations

import contextlib
import io
import json
import os
import socketserver
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import cronium
from cronium import _call
from runtime_server import Handler, ServedTest, answer


class RuntimeTest(ServedTest):
    def test_asks_for_the_input_of_its_run_with_its_token(self):
        for tcp in (False, True):
            with self.subTest(tcp=tcp):
                server = self.serve(answer('{"n": "é"}'.encode()), tcp=tcp)
                self.assertEqual(cronium.input(), {"n": "é"})
                self.assertEqual(
                    server.seen, [("GET", "/v1/executions/run_1/input", "Bearer secret", "")]
                )

    def test_sends_the_output_as_json(self):
        server = self.serve(b"HTTP/1.1 204 No Content\r\n\r\n")
        self.assertIsNone(cronium.output({"name": "é", "list": (1, None)}))
        self.assertEqual(server.seen[0][0:2], ("POST", "/v1/executions/run_1/output"))
        self.assertEqual(server.seen[0][3], '{"name":"é","list":[1,null]}')

    def test_context_is_returned_as_it_came(self):
        self.serve(answer(b'{"runId": "run_1", "attempt": 2}'))
        self.assertEqual(cronium.context(), {"runId": "run_1", "attempt": 2})

    def test_a_problem_becomes_the_error_of_its_code(self):
        for code, kind in (
            ("invalid_token", cronium.InvalidTokenError),
            ("attempt_not_active", cronium.AttemptNotActiveError),
            ("output_too_large", cronium.OutputTooLargeError),
            ("brand_new", cronium.CroniumError),
        ):
            with self.subTest(code=code):
                self.folder.cleanup()
                self.folder = tempfile.TemporaryDirectory()
                problem = json.dumps({"code": code, "detail": "No."}).encode()
                self.serve(answer(problem, "400 Bad Request"))
                with self.assertRaises(kind) as raised:
                    cronium.input()
                self.assertIs(type(raised.exception), kind)
                self.assertEqual(raised.exception.code, code)
                self.assertEqual(str(raised.exception), f"No. ({code})")
        self.addCleanup(self.folder.cleanup)

    def test_an_answer_that_is_no_problem_document_is_told_by_its_status(self):
        self.serve(answer(b"<html>", "500 Internal Server Error"))
        with self.assertRaisesRegex(cronium.CroniumError, "500"):
            cronium.input()

    def test_an_answer_that_breaks_off_is_asked_for_again(self):
        server = self.serve(b"", answer(b'"half', length=100), answer(b'"whole"'))
        self.assertEqual(cronium.input(), "whole")
        self.assertEqual(len(server.seen), 3)

    def test_an_api_that_never_answers_ends_in_a_timeout(self):
        with contextlib.ExitStack() as stack:
            silent = socketserver.TCPServer(("127.0.0.1", 0), Handler)
            stack.callback(silent.server_close)
            stack.enter_context(mock.patch.object(_call, "ANSWER_S", 0.05))
            os.environ["CRONIUM_API"] = f"http://127.0.0.1:{silent.server_address[1]}"
            os.environ["CRONIUM_RUN_ID"], os.environ["CRONIUM_TOKEN"] = "run_1", "secret"
            with self.assertRaises(cronium.ApiTimeoutError):
                cronium.input()

    def test_an_api_that_is_gone_says_where_it_was(self):
        os.environ["CRONIUM_API"] = f"unix://{self.folder.name}/absent.sock"
        os.environ["CRONIUM_RUN_ID"], os.environ["CRONIUM_TOKEN"] = "run_1", "secret"
        with (
            mock.patch.object(_call, "RETRY_S", 0.1),
            self.assertRaisesRegex(
                cronium.ApiUnreachableError, "absent.sock could not be reached.*api_unreachable"
            ),
        ):
            cronium.input()

    def test_an_address_of_another_kind_is_refused_at_once(self):
        os.environ["CRONIUM_API"] = "ftp://127.0.0.1"
        os.environ["CRONIUM_RUN_ID"], os.environ["CRONIUM_TOKEN"] = "run_1", "secret"
        with self.assertRaisesRegex(cronium.ApiUnreachableError, "unix:// or http://"):
            cronium.input()

    def test_values_without_a_json_form_are_refused(self):
        os.environ["CRONIUM_INPUT"] = "null"
        circle: list = []
        circle.append(circle)
        for value in (float("inf"), {1}, b"bytes", object(), circle, "\ud800"):
            with self.subTest(value=type(value)), self.assertRaises(cronium.InvalidJsonError):
                cronium.output(value)

    def test_more_than_one_mebibyte_is_refused_with_both_sizes(self):
        os.environ["CRONIUM_INPUT"] = "null"
        with self.assertRaisesRegex(cronium.OutputTooLargeError, "1048578 .* 1048576"):
            cronium.output("é" * 524_288)

    def test_outside_a_run_every_verb_explains_how_to_try_the_script(self):
        for verb in (cronium.input, cronium.context, lambda: cronium.output(1)):
            with self.assertRaisesRegex(cronium.NotInRunError, "CRONIUM_INPUT="):
                verb()

    def test_an_injected_input_makes_the_verbs_work_anywhere(self):
        os.environ["CRONIUM_INPUT"] = '{"n": [1]}'
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors):
            cronium.output(cronium.input())
        self.assertEqual(errors.getvalue(), 'cronium output: {"n":[1]}\n')
        self.assertEqual(cronium.context()["runId"], "local")

    def test_an_injected_input_that_is_no_json_is_named(self):
        os.environ["CRONIUM_INPUT"] = "{n: 1}"
        with self.assertRaisesRegex(cronium.InvalidJsonError, "CRONIUM_INPUT is not JSON"):
            cronium.input()


class TypesTest(unittest.TestCase):
    def test_the_stub_names_what_the_package_exports(self):
        stub = (Path(cronium.__file__).parent / "__init__.pyi").read_text()
        for name in cronium.__all__:
            with self.subTest(name=name):
                self.assertRegex(stub, rf"(?m)^(class|def) {name}\b")


if __name__ == "__main__":
    unittest.main()
