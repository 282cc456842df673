"""Runs a folder of unittest suites and writes every test and the lines covered as JSON.

usage: unittest_report.py TESTS_FOLDER SOURCE_FOLDER REPORT_FILE

Lines are traced with the standard library alone, in all threads of this process.
"""

from __future__ import annotations

import dis
import json
import sys
import threading
import types
import unittest
from pathlib import Path


class LineTracer:
    """Notes which lines of the files below one folder ran."""

    def __init__(self, folder: Path) -> None:
        self._prefix = str(folder) + "/"
        self.lines: dict[str, set[int]] = {}

    def trace(self, frame: types.FrameType, event: str, _arg: object) -> object:
        path = frame.f_code.co_filename
        if not path.startswith(self._prefix):
            return None
        if event in ("line", "call"):
            self.lines.setdefault(path, set()).add(frame.f_lineno)
        return self.trace


def executable_lines(path: Path) -> set[int]:
    """Collects the lines of a file that hold code, docstrings left out."""
    lines: set[int] = set()
    waiting = [compile(path.read_text(encoding="utf-8"), str(path), "exec", optimize=2)]
    while waiting:
        code = waiting.pop()
        lines.update(line for _, line in dis.findlinestarts(code) if line)
        waiting.extend(const for const in code.co_consts if isinstance(const, types.CodeType))
    return lines


class RecordingResult(unittest.TextTestResult):
    """Keeps every test's state and reason."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.outcomes: list[dict[str, str]] = []

    def _record(self, test: unittest.TestCase, state: str, detail: str = "") -> None:
        self.outcomes.append({"name": test.id(), "state": state, "detail": detail})

    def addSuccess(self, test: unittest.TestCase) -> None:
        super().addSuccess(test)
        self._record(test, "passed")

    def addFailure(self, test: unittest.TestCase, err: object) -> None:
        super().addFailure(test, err)
        self._record(test, "failed", self._exc_info_to_string(err, test))

    def addError(self, test: unittest.TestCase, err: object) -> None:
        super().addError(test, err)
        self._record(test, "failed", self._exc_info_to_string(err, test))

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        super().addSkip(test, reason)
        self._record(test, "skipped", reason)

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: object) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._record(subtest, "failed", self._exc_info_to_string(err, test))

    def addExpectedFailure(self, test: unittest.TestCase, err: object) -> None:
        super().addExpectedFailure(test, err)
        self._record(test, "passed")

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        super().addUnexpectedSuccess(test)
        self._record(test, "failed", "it was expected to fail and passed")


def main(tests_folder: str, source_folder: str, report_file: str) -> int:
    source = Path(source_folder).resolve()
    tracer = LineTracer(source)
    threading.settrace(tracer.trace)
    sys.settrace(tracer.trace)
    tests = Path(tests_folder).resolve()
    top = tests.parent if (tests / "__init__.py").exists() else tests
    sys.path.insert(0, str(source.parent))
    # Test modules that cannot be imported become failing tests inside the suite.
    suite = unittest.defaultTestLoader.discover(str(tests), top_level_dir=str(top))
    runner = unittest.TextTestRunner(resultclass=RecordingResult, verbosity=0)
    result = runner.run(suite)
    sys.settrace(None)
    coverage = {}
    for path in sorted(source.rglob("*.py")):
        wanted = executable_lines(path)
        ran = tracer.lines.get(str(path), set()) & wanted
        coverage[str(path)] = {"lines": len(wanted), "covered": len(ran)}
    report = {"outcomes": result.outcomes, "coverage": coverage}
    Path(report_file).write_text(json.dumps(report), encoding="utf-8")
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
