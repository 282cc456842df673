"""The verbs against a real HTTP server on a unix socket or a port."""

from __future__ import annotations

import contextlib
import io
import json
import os
import socketserver
import sys
import tempfile
import threading
import unittest
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cronium
from cronium import _runtime


class Handler(BaseHTTPRequestHandler):
    """Answers with what the test put into ``server.answers``, one after the other."""

    def handle_one_request(self):
        self.raw_requestline = self.rfile.readline()
        if not self.raw_requestline or not self.parse_request():
            return
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append(
            (self.command, self.path, self.headers["Authorization"], body.decode())
        )
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        self.wfile.write(answer)

    def address_string(self):
        return "test"

    def log_message(self, *_):
        pass


class UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


class TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True


def answer(body: bytes, status: str = "200 OK", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\n\r\n".encode() + body


class RuntimeTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        clean = {name: value for name, value in os.environ.items() if "CRONIUM" not in name}
        patched = mock.patch.dict(os.environ, clean, clear=True)
        patched.start()
        self.addCleanup(patched.stop)

    def serve(self, *answers: bytes, tcp: bool = False):
        path = f"{self.folder.name}/api.sock"
        server = TcpServer(("127.0.0.1", 0), Handler) if tcp else UnixServer(path, Handler)
        server.answers, server.seen = list(answers), []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        os.environ["CRONIUM_API"] = (
            f"http://127.0.0.1:{server.server_address[1]}/" if tcp else f"unix://{path}"
        )
        os.environ["CRONIUM_RUN_ID"] = "run_1"
        os.environ["CRONIUM_TOKEN"] = "secret"
        return server

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
            stack.enter_context(mock.patch.object(_runtime, "ANSWER_S", 0.05))
            os.environ["CRONIUM_API"] = f"http://127.0.0.1:{silent.server_address[1]}"
            os.environ["CRONIUM_RUN_ID"], os.environ["CRONIUM_TOKEN"] = "run_1", "secret"
            with self.assertRaises(cronium.ApiTimeoutError):
                cronium.input()

    def test_an_api_that_is_gone_says_where_it_was(self):
        os.environ["CRONIUM_API"] = f"unix://{self.folder.name}/absent.sock"
        os.environ["CRONIUM_RUN_ID"], os.environ["CRONIUM_TOKEN"] = "run_1", "secret"
        with (
            mock.patch.object(_runtime, "RETRY_S", 0.1),
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
