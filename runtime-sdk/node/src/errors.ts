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

/** `not_in_run`: the script runs neither under Cronium nor with CRONIUM_INPUT set. */
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

/** `not_found`: there is no variable of this name. */
export class NotFoundError extends CroniumError {
  constructor(message: string) {
    super("not_found", message);
  }
}

/** `invalid_token`: CRONIUM_TOKEN is not the token of this job, or has expired. */
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

/** Errors that the API itself answers with. */
const BY_CODE: Readonly<Record<string, new (message: string) => CroniumError>> = {
  invalid_token: InvalidTokenError,
  attempt_not_active: AttemptNotActiveError,
  invalid_json: InvalidJsonError,
  output_too_large: OutputTooLargeError,
  secret_not_found: SecretNotFoundError,
  not_found: NotFoundError,
};

/** The error of the class that belongs to the code; a plain CroniumError for a newer code. */
export function errorFor(code: string, message: string): CroniumError {
  const Known = BY_CODE[code];
  return Known === undefined ? new CroniumError(code, message) : new Known(message);
}
