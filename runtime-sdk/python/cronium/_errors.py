"""What can go wrong, by code. The codes are the same in all three SDKs."""

from __future__ import annotations


class CroniumError(Exception):
    """A call failed. ``code`` is stable and meant for programs, the message for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code


class _KnownError(CroniumError):
    known_code = ""

    def __init__(self, message: str) -> None:
        super().__init__(self.known_code, message)


class NotInRunError(_KnownError):
    """The script runs neither under Cronium nor with CRONIUM_INPUT set."""

    known_code = "not_in_run"


class ApiUnreachableError(_KnownError):
    """The runtime API refused connections for 5 seconds."""

    known_code = "api_unreachable"


class ApiTimeoutError(_KnownError):
    """The runtime API took a request but did not answer it within 30 seconds."""

    known_code = "api_timeout"


class InvalidTokenError(_KnownError):
    """CRONIUM_TOKEN is not the token of this job, or has expired."""

    known_code = "invalid_token"


class AttemptNotActiveError(_KnownError):
    """The job has ended, so its token no longer works."""

    known_code = "attempt_not_active"


class InvalidJsonError(_KnownError):
    """The value cannot be written as JSON."""

    known_code = "invalid_json"


class OutputTooLargeError(_KnownError):
    """The output is larger than 1 MiB of JSON."""

    known_code = "output_too_large"


class SecretNotFoundError(_KnownError):
    """The event does not name this secret."""

    known_code = "secret_not_found"


class NotFoundError(_KnownError):
    """There is no variable of this name."""

    known_code = "not_found"


_BY_CODE: dict[str, type[_KnownError]] = {
    error.known_code: error for error in _KnownError.__subclasses__()
}


def error_for(code: str, message: str) -> CroniumError:
    """The error of the class that belongs to the code; a plain CroniumError for a newer code."""
    known = _BY_CODE.get(code)
    return known(message) if known is not None else CroniumError(code, message)
