#!/usr/bin/env bash
# Asserts what the image cronium/python promises: smoke.sh [image]
set -euo pipefail
# shellcheck source=../smoke-run.sh
. "$(dirname "${BASH_SOURCE[0]}")/../smoke-run.sh"

image=$(image_of python "${1:-}")
{
  common_promises
  cat <<'OWN'
python3 - <<'PY'
import ssl, sqlite3, sys, tempfile, urllib.request, zoneinfo  # the parts of the library that bare builds lack
import cronium
assert sys.version_info >= (3, 11), sys.version
assert callable(cronium.input) and callable(cronium.output) and callable(cronium.context)
assert len(ssl.create_default_context().get_ca_certs()) > 100
assert sqlite3.connect(":memory:").execute("select 1").fetchone() == (1,)
assert zoneinfo.ZoneInfo("Europe/Berlin")
import json
assert json.__cached__ and __import__("os").path.exists(json.__cached__), "the library is not compiled"
assert __import__("os").path.exists(cronium.__cached__), "the SDK is not compiled"
PY
promise "$(python3 --version): cronium, ssl, sqlite3 and time zones can be imported, compiled"
[ "$(python3 -c 'import subprocess; print(subprocess.check_output("echo hi", shell=True, text=True), end="")')" = hi ]
promise 'a shell for subprocesses'
OWN
} | in_container "$image"
no_setuid "$image"
