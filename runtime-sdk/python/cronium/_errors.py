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
    """The script does not run under Cronium, and the value it asks for was not injected."""

    known_code = "not_in_run"


class ApiUnreachableError(_KnownError):
    """The runtime API refused connections for 5 seconds."""

    known_code = "api_unreachable"


class ApiTimeoutError(_KnownError):
    """The runtime API took a request but did not answer it within 30 seconds."""

    known_code = "api_timeout"


class InvalidTokenError(_KnownError):
    """CRONIUM_TOKEN is not the token of this job, or has expired and was not renewed."""

    known_code = "invalid_token"


class AttemptNotActiveError(_KnownError):
    """The job has ended, so its token no longer works."""

    known_code = "attempt_not_active"


class InvalidJsonError(_KnownError):
    """The value cannot be written as JSON."""

    known_code = "invalid_json"


class InvalidNameError(_KnownError):
    """A variable, a lock or an artifact cannot have this name."""

    known_code = "invalid_name"


class InvalidValueError(_KnownError):
    """An argument is of the wrong kind or out of its range."""

    known_code = "invalid_value"


class OutputTooLargeError(_KnownError):
    """The output is larger than 1 MiB of JSON."""

    known_code = "output_too_large"


class BodyTooLargeError(_KnownError):
    """The value of a variable is larger than 64 KiB of JSON."""

    known_code = "body_too_large"


class SecretNotFoundError(_KnownError):
    """The event does not name this secret."""

    known_code = "secret_not_found"


class NotFoundError(_KnownError):
    """There is no variable or artifact of this name."""

    known_code = "not_found"


class VersionConflictError(_KnownError):
    """The variable does not have the version that ``if_version`` asked for."""

    known_code = "version_conflict"


class LockedError(_KnownError):
    """Somebody else held the lock for as long as the call was to wait."""

    known_code = "locked"


class LockLostError(_KnownError):
    """The lock ran out before it was renewed, so somebody else may have held it."""

    known_code = "lock_lost"


class UnknownActionError(_KnownError):
    """There is no tool action of this name."""

    known_code = "unknown_action"


class ArtifactTooLargeError(_KnownError):
    """The artifact, or all artifacts of the run together, would be larger than allowed."""

    known_code = "artifact_too_large"


class ArtifactExistsError(_KnownError):
    """The run has an artifact of this name with other content."""

    known_code = "artifact_exists"


class ChecksumMismatchError(_KnownError):
    """The bytes that arrived are not those that were sent."""

    known_code = "checksum_mismatch"


class RateLimitedError(_KnownError):
    """The run calls more often than it may, and did so for all the time the call was repeated."""

    known_code = "rate_limited"


class NotAvailableError(_KnownError):
    """The runner or the control plane could not do it for all the time the call was repeated."""

    known_code = "not_available"


_BY_CODE: dict[str, type[_KnownError]] = {
    error.known_code: error for error in _KnownError.__subclasses__()
}


def error_for(code: str, message: str) -> CroniumError:
    """The error of the class that belongs to the code; a plain CroniumError for a newer code."""
    known = _BY_CODE.get(code)
    return known(message) if known is not None else CroniumError(code, message)
