"""First process of a Python job: waits for its script on the runtime socket, then becomes it.

The script runs in this interpreter as ``__main__``. In a slot that waits, the modules that scripts
use most are imported meanwhile; where the job is there at once, nothing is imported in advance.
"""

import atexit
import json
import os
import sys
import time

from cronium._http import DEFAULT_API, exchange

MAIN = "/workspace/main.py"
API = os.environ.get("CRONIUM_API") or DEFAULT_API
RECONNECT_S = 5.0
# A tunnel to the sidecar is opened after this process has started: a busy engine takes its time.
CONNECT_S = RECONNECT_S if API.startswith("unix://") else 60.0
# A slot that waited longer than this was connected; nothing else takes that long.
WAITED_S = 0.05
NO_JOB = 125
# An interpreter reads these only at its start, so a job that sets one gets a fresh interpreter.
READ_AT_START = ("PYTHON", "LANG", "LC_")


def warm_up():
    import collections  # noqa: F401
    import datetime  # noqa: F401
    import http.client  # noqa: F401
    import logging  # noqa: F401
    import pathlib  # noqa: F401
    import shutil  # noqa: F401
    import signal  # noqa: F401
    import subprocess  # noqa: F401


def fetch_job(path="/v1/job", when_gone=NO_JOB):
    """The job as a dict. A sidecar that restarts is waited for; one that stays away ends the slot."""
    was_waiting = when_gone != NO_JOB
    give_up = time.monotonic() + (RECONNECT_S if was_waiting else CONNECT_S)
    while True:
        began = time.monotonic()
        try:
            status, body = exchange(API, "GET", path, while_waiting=warm_up)
            break
        except OSError as error:
            now = time.monotonic()
            if now - began > WAITED_S:
                give_up, was_waiting = now + RECONNECT_S, True
            elif now > give_up:
                if not was_waiting:
                    print(f"cronium: no job: {API}: {error}", file=sys.stderr)
                sys.exit(when_gone)
            time.sleep(0.05)
    if status != 200:
        print(f"cronium: no job: {API} answered {status}: {body[:500]!r}", file=sys.stderr)
        sys.exit(NO_JOB)
    return json.loads(body)


def report_at_exit(outcome):
    """Registered first, so it runs last: after the script's threads and its own atexit functions."""
    main_process = os.getpid()

    def report():
        if os.getpid() == main_process:
            for stream in (sys.stdout, sys.stderr):
                try:  # noqa: SIM105 - contextlib costs an import
                    stream.flush()
                except (OSError, ValueError, AttributeError):
                    pass
            try:  # noqa: SIM105 - contextlib costs an import
                exchange(
                    API, "POST", "/v1/job/exit", body=b'{"code":%d}' % outcome["code"], timeout_s=1
                )
            except OSError:
                # Docker tells the runner all the same, only later.
                pass

    atexit.register(report)


def open_way_out(proxy):
    """For a job that may reach some hosts. A process of its own: it outlives an exec of this one."""
    import subprocess

    forward = [sys.executable, "-I", "-S", "/cronium/forward.py", "3128", proxy]
    with subprocess.Popen(
        forward, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as child:
        child.stdout.read(1)
        # Nobody waits for it: it ends with the container.
        child.returncode = 0


def exit_code(value):
    if value is None:
        return 0
    return value & 0xFF if isinstance(value, int) else 1


def run(script, *, reports=True):
    """Runs the script as ``__main__``; its tracebacks start at its own first frame."""
    from types import ModuleType

    module = ModuleType("__main__")
    module.__dict__.update(__file__=MAIN, __builtins__=__builtins__, __cached__=None)
    sys.modules["__main__"] = module
    sys.argv = [MAIN]
    sys.path[0] = "/workspace"
    outcome = {"code": 0}
    if reports:
        report_at_exit(outcome)
    try:
        exec(compile(script, MAIN, "exec", dont_inherit=True), module.__dict__)
    except SystemExit as stop:
        outcome["code"] = exit_code(stop.code)
        raise
    except KeyboardInterrupt:
        outcome["code"] = 130
        raise
    except BaseException as error:
        outcome["code"] = 1
        # Without this function's frame, and for a syntax error without any.
        own = error.__traceback__.tb_next
        sys.excepthook(type(error), error.with_traceback(own), own)
        sys.exit(1)


def become(job, *, reports=True):
    """Runs the job in this process, or in a fresh interpreter that takes its place."""
    with open(MAIN, "w", encoding="utf-8", newline="") as file:  # noqa: PTH123 - pathlib costs 3 ms
        file.write(job["script"])
    proxy = job["env"].pop("CRONIUM_PROXY", None)
    os.environ.update(job["env"])
    if proxy is not None:
        open_way_out(proxy[len("unix://") :])
    os.chdir("/workspace")
    if job.get("isolated") or any(name.startswith(READ_AT_START) for name in job["env"]):
        os.execv(sys.executable, [sys.executable, MAIN])
    if "TZ" in job["env"]:
        time.tzset()
    run(job["script"], reports=reports)


def serve(job):
    """Runs one job after another, each in a child, for as long as they end with 0."""
    import signal

    stopping = child = 0

    def stop(number, _frame):
        nonlocal stopping
        stopping = number
        if child:
            os.kill(child, number)

    signal.signal(signal.SIGTERM, stop)
    while True:
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            become(job, reports=False)
            sys.exit(0)
        status = os.waitpid(child, 0)[1]
        child = 0
        if status != 0 or stopping or not leave_nothing():
            sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
        mark = f"\0cronium ended {job['reuse']}\n".encode()
        os.write(1, mark)
        os.write(2, mark)
        job = fetch_job("/v1/job?ended=0", when_gone=0)


def leave_nothing():
    """Ends what the job left running and deletes its files; False where something stays."""
    import shutil

    try:  # noqa: SIM105 - contextlib costs an import
        os.kill(-1, 9)
    except ProcessLookupError:
        pass
    for folder in ("/tmp", "/workspace", "/dev/shm"):
        if folder == "/workspace":
            os.chmod(folder, 0o700)  # noqa: PTH101
        for entry in os.scandir(folder):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                os.unlink(entry.path)  # noqa: PTH108
        if os.listdir(folder):  # noqa: PTH208
            return False
    give_up = time.monotonic() + 1
    while {pid for pid in os.listdir("/proc") if pid.isdigit()} - {"1", str(os.getpid())}:  # noqa: PTH208
        if time.monotonic() > give_up:
            return False
        time.sleep(0.001)
    return True


def main():
    sys.stdin = open(os.devnull)  # noqa: PTH123, SIM115 - open for the life of the script
    # One write per line: a reader of the log sees whole lines at once.
    sys.stdout.reconfigure(line_buffering=True)
    job = fetch_job()
    if job.get("reuse"):
        serve(job)
    become(job)


main()
