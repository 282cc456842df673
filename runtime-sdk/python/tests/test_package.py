"""The wheel and the source distribution, as pip installs them, without a network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import build_backend

SDK = Path(__file__).resolve().parents[1]
TRY = "import cronium, cronium.aio; print(cronium.__file__); cronium.output(cronium.input())"


class PackageTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def pip(self, *arguments: str):
        if subprocess.run(
            [sys.executable, "-m", "pip", "--version"], capture_output=True
        ).returncode:
            self.skipTest("this machine has no pip")
        command = [
            sys.executable,
            "-m",
            "pip",
            "--disable-pip-version-check",
            "install",
            "--no-index",
        ]
        done = subprocess.run([*command, *arguments], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def assert_works(self, python: str, path: str | None):
        env = {"PATH": os.environ["PATH"], "CRONIUM_INPUT": '{"n": 1}'}
        if path is not None:
            env["PYTHONPATH"] = path
        done = subprocess.run(
            [python, "-c", TRY], capture_output=True, text=True, env=env, cwd=self.folder
        )
        self.assertEqual(done.stderr, 'cronium output: {"n":1}\n')
        self.assertTrue(done.stdout.startswith(str(self.folder)), done.stdout)

    def test_the_wheel_is_installed_into_a_folder(self):
        name = build_backend.build_wheel(self.folder)
        self.pip("--target", str(self.folder / "site"), str(self.folder / name))
        self.assertTrue((self.folder / "site/cronium/py.typed").exists())
        self.assertTrue((self.folder / "site/cronium/aio.pyi").exists())
        self.assert_works(sys.executable, str(self.folder / "site"))

    def test_the_wheel_is_installed_into_a_virtual_environment(self):
        made = subprocess.run(
            [sys.executable, "-m", "venv", "--without-pip", str(self.folder / "venv")],
            capture_output=True,
        )
        if made.returncode:
            self.skipTest("this machine makes no virtual environments")
        name = build_backend.build_wheel(self.folder)
        python = str(self.folder / "venv/bin/python")
        site = subprocess.check_output(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
        ).strip()
        self.pip("--target", site, str(self.folder / name))
        self.assert_works(python, None)

    def test_the_source_distribution_is_built_and_installed_without_a_network(self):
        name = build_backend.build_sdist(self.folder)
        self.pip("--target", str(self.folder / "site"), str(self.folder / name))
        self.assert_works(sys.executable, str(self.folder / "site"))

    def test_the_same_sources_make_the_same_bytes(self):
        (self.folder / "again").mkdir()
        for build in (build_backend.build_wheel, build_backend.build_sdist):
            name = build(self.folder)
            build(self.folder / "again")
            first, second = self.folder / name, self.folder / "again" / name
            self.assertEqual(first.read_bytes(), second.read_bytes())

    def test_the_wheel_holds_all_modules_and_no_test(self):
        name = build_backend.build_wheel(self.folder)
        held = set(zipfile.ZipFile(self.folder / name).namelist())
        modules = {f"cronium/{file.name}" for file in (SDK / "cronium").glob("*.py")}
        self.assertLessEqual(modules, held)
        self.assertFalse([path for path in held if "test" in path or "__pycache__" in path])

    def test_the_version_is_that_of_the_other_sdks(self):
        node = json.loads((SDK / "../node/package.json").read_text("utf-8"))
        self.assertIn(f'version = "{node["version"]}"', (SDK / "pyproject.toml").read_text("utf-8"))


if __name__ == "__main__":
    unittest.main()
