/** What can go wrong, by code. The codes are the same in all three SDKs. */

/** A call failed. `code` is stable and meant for programs, the message for people. */
export class CroniumError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(`${message} (${code})`, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** `not_in_run`: the script does not run under Cronium, and what it asks for was not injected. */
export class NotInRunError extends CroniumError {
  constructor(message: string) {
    super("not_in_run", message);
  }
}

/** `api_unreachable`: the runtime API refused connections for 5 seconds. */
export class ApiUnreachableError extends CroniumError {
  constructor(message: string, options?: ErrorOptions) {
    super("api_unreachable", message, options);
  }
}

/** `api_timeout`: the runtime API took a request but did not answer it within 30 seconds. */
export class ApiTimeoutError extends CroniumError {
  constructor(message: string) {
    super("api_timeout", message);
  }
}

/** `secret_not_found`: the event does not name this secret. */
export class SecretNotFoundError extends CroniumError {
  constructor(message: string) {
    super("secret_not_found", message);
  }
}

/** `not_found`: there is no variable or artifact of this name. */
export class NotFoundError extends CroniumError {
  constructor(message: string) {
    super("not_found", message);
  }
}

/** `invalid_token`: CRONIUM_TOKEN is not the token of this job, or has expired and was not renewed. */
export class InvalidTokenError extends CroniumError {
  constructor(message: string) {
    super("invalid_token", message);
  }
}

/** `attempt_not_active`: the job has ended, so its token no longer works. */
export class AttemptNotActiveError extends CroniumError {
  constructor(message: string) {
    super("attempt_not_active", message);
  }
}

/** `invalid_json`: the value cannot be written as JSON. */
export class InvalidJsonError extends CroniumError {
  constructor(message: string, options?: ErrorOptions) {
    super("invalid_json", message, options);
  }
}

/** `output_too_large`: the output is larger than 1 MiB of JSON. */
export class OutputTooLargeError extends CroniumError {
  constructor(message: string) {
    super("output_too_large", message);
  }
}

/** `invalid_name`: a variable, a lock or an artifact cannot have this name. */
export class InvalidNameError extends CroniumError {
  constructor(message: string) {
    super("invalid_name", message);
  }
}

/** `invalid_value`: an argument is of the wrong kind or out of its range. */
export class InvalidValueError extends CroniumError {
  constructor(message: string) {
    super("invalid_value", message);
  }
}

/** `body_too_large`: the value of a variable is larger than 64 KiB of JSON. */
export class BodyTooLargeError extends CroniumError {
  constructor(message: string) {
    super("body_too_large", message);
  }
}

/** `version_conflict`: the variable does not have the version that `ifVersion` asked for. */
export class VersionConflictError extends CroniumError {
  constructor(message: string) {
    super("version_conflict", message);
  }
}

/** `locked`: somebody else held the lock for as long as the call was to wait. */
export class LockedError extends CroniumError {
  constructor(message: string) {
    super("locked", message);
  }
}

/** `lock_lost`: the lock ran out before it was renewed, so somebody else may have held it. */
export class LockLostError extends CroniumError {
  constructor(message: string) {
    super("lock_lost", message);
  }
}

/** `unknown_action`: there is no tool action of this name. */
export class UnknownActionError extends CroniumError {
  constructor(message: string) {
    super("unknown_action", message);
  }
}

/** `artifact_too_large`: the artifact, or all artifacts of the run together, would be larger than allowed. */
export class ArtifactTooLargeError extends CroniumError {
  constructor(message: string) {
    super("artifact_too_large", message);
  }
}

/** `artifact_exists`: the run has an artifact of this name with other content. */
export class ArtifactExistsError extends CroniumError {
  constructor(message: string) {
    super("artifact_exists", message);
  }
}

/** `checksum_mismatch`: the bytes that arrived are not those that were sent. */
export class ChecksumMismatchError extends CroniumError {
  constructor(message: string) {
    super("checksum_mismatch", message);
  }
}

/** `rate_limited`: the run calls more often than it may, and did so for all the time the call was repeated. */
export class RateLimitedError extends CroniumError {
  constructor(message: string) {
    super("rate_limited", message);
  }
}

/** `not_available`: the runner or the control plane could not do it for all the time the call was repeated. */
export class NotAvailableError extends CroniumError {
  constructor(message: string) {
    super("not_available", message);
  }
}

/** Errors that the API itself answers with. */
const BY_CODE: Readonly<Record<string, new (message: string) => CroniumError>> = {
  invalid_token: InvalidTokenError,
  attempt_not_active: AttemptNotActiveError,
  invalid_json: InvalidJsonError,
  invalid_name: InvalidNameError,
  invalid_value: InvalidValueError,
  output_too_large: OutputTooLargeError,
  body_too_large: BodyTooLargeError,
  secret_not_found: SecretNotFoundError,
  not_found: NotFoundError,
  version_conflict: VersionConflictError,
  locked: LockedError,
  lock_lost: LockLostError,
  unknown_action: UnknownActionError,
  artifact_too_large: ArtifactTooLargeError,
  artifact_exists: ArtifactExistsError,
  checksum_mismatch: ChecksumMismatchError,
  rate_limited: RateLimitedError,
  not_available: NotAvailableError,
};

/** The error of the class that belongs to the code; a plain CroniumError for a newer code. */
export function errorFor(code: string, message: string): CroniumError {
  const Known = BY_CODE[code];
  return Known === undefined ? new CroniumError(code, message) : new Known(message);
}
