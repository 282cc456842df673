"""The Cronium runtime API for Python scripts.

>>> import cronium
>>> name = cronium.input()["name"]
>>> cronium.output({"greeting": f"Hello {name}"})

Inside a run these functions talk to the sidecar beside the job; ``cronium.aio`` has the same ones for
asyncio. Outside a run, set CRONIUM_INPUT to a JSON value to try a script:
``CRONIUM_INPUT='{"name": "Ada"}' python3 main.py``, or use ``cronium dev run main.py``. Every failure
is a ``CroniumError`` with a stable ``code``. No call blocks for more than a minute, but ``lock`` for as
long as it is told to wait.
"""

from ._errors import (
    ApiTimeoutError,
    ApiUnreachableError,
    ArtifactExistsError,
    ArtifactTooLargeError,
    AttemptNotActiveError,
    BodyTooLargeError,
    ChecksumMismatchError,
    CroniumError,
    InvalidJsonError,
    InvalidNameError,
    InvalidTokenError,
    InvalidValueError,
    LockedError,
    LockLostError,
    NotAvailableError,
    NotFoundError,
    NotInRunError,
    OutputTooLargeError,
    RateLimitedError,
    SecretNotFoundError,
    UnknownActionError,
    VersionConflictError,
)
from ._runtime import (
    context,
    delete_variable,
    get_variable,
    get_variable_with_version,
    input,
    list_artifacts,
    list_variables,
    load_artifact,
    lock,
    log_group,
    output,
    progress,
    save_artifact,
    secret,
    set_condition,
    set_run_name,
    set_variable,
    tool_action,
)

__all__ = [
    "ApiTimeoutError",
    "ApiUnreachableError",
    "ArtifactExistsError",
    "ArtifactTooLargeError",
    "AttemptNotActiveError",
    "BodyTooLargeError",
    "ChecksumMismatchError",
    "CroniumError",
    "InvalidJsonError",
    "InvalidNameError",
    "InvalidTokenError",
    "InvalidValueError",
    "LockLostError",
    "LockedError",
    "NotAvailableError",
    "NotFoundError",
    "NotInRunError",
    "OutputTooLargeError",
    "RateLimitedError",
    "SecretNotFoundError",
    "UnknownActionError",
    "VersionConflictError",
    "context",
    "delete_variable",
    "get_variable",
    "get_variable_with_version",
    "input",
    "list_artifacts",
    "list_variables",
    "load_artifact",
    "lock",
    "log_group",
    "output",
    "progress",
    "save_artifact",
    "secret",
    "set_condition",
    "set_run_name",
    "set_variable",
    "tool_action",
]
