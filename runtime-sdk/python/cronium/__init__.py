"""The Cronium runtime API for Python scripts.

>>> import cronium
>>> name = cronium.input()["name"]
>>> cronium.output({"greeting": f"Hello {name}"})

Inside a run these functions talk to the sidecar beside the job. Outside a run, set CRONIUM_INPUT to
a JSON value to try a script: ``CRONIUM_INPUT='{"name": "Ada"}' python3 main.py``. Every failure is a
``CroniumError`` with a stable ``code``. No call blocks for more than 40 seconds.
"""

from ._errors import (
    ApiTimeoutError,
    ApiUnreachableError,
    AttemptNotActiveError,
    CroniumError,
    InvalidJsonError,
    InvalidTokenError,
    NotFoundError,
    NotInRunError,
    OutputTooLargeError,
    SecretNotFoundError,
)
from ._runtime import context, get_variable, input, output, secret

__all__ = [
    "ApiTimeoutError",
    "ApiUnreachableError",
    "AttemptNotActiveError",
    "CroniumError",
    "InvalidJsonError",
    "InvalidTokenError",
    "NotFoundError",
    "NotInRunError",
    "OutputTooLargeError",
    "SecretNotFoundError",
    "context",
    "get_variable",
    "input",
    "output",
    "secret",
]
