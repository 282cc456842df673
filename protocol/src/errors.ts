/**
 * The closed list of errors that a person or program can get, with status and suggestion for each: plain tables
 * without zod. A code cannot be half added, because both tables are `Record<ErrorCode, …>`.
 */

export const errorCodes = [
  "invalid_json",
  "duplicate_key",
  "too_deep",
  "forbidden_key",
  "body_required",
  "unsupported_media_type",
  "body_too_large",
  "unknown_field",
  "invalid_type",
  "out_of_range",
  "invalid_value",
  "invalid_id",
  "invalid_name",
  "invalid_env_name",
  "env_reserved",
  "invalid_image",
  "url_not_allowed",
  "invalid_expression",
  "expression_failed",
  "invalid_schema",
  "invalid_regex",
  "unsafe_regex",
  "invalid_input",
  "invalid_cron",
  "cron_never_fires",
  "too_frequent",
  "invalid_timezone",
  "invalid_mapping",
  "mapping_failed",
  "chain_cycle",
  "invalid_header",
  "invalid_signature",
  "endpoint_disabled",
  "invalid_cursor",
  "invalid_limit",
  "invalid_sort",
  "unauthorized",
  "key_in_url",
  "forbidden",
  "origin_not_allowed",
  "not_found",
  "method_not_allowed",
  "version_conflict",
  "idempotency_mismatch",
  "idempotency_in_flight",
  "invalid_idempotency_key",
  "name_taken",
  "already_final",
  "not_queued",
  "not_final",
  "in_use",
  "secret_not_found",
  "invalid_env_file",
  "shard_conflict",
  "not_dead_letter",
  "malformed_token",
  "invalid_registration_token",
  "invalid_claim_link",
  "invalid_link",
  "registration_closed",
  "second_factor_required",
  "wrong_code",
  "invalid_sign_in",
  "passkey_failed",
  "invalid_user_code",
  "invalid_invitation",
  "already_member",
  "last_owner",
  "missing_scope",
  "proof_required",
  "wrong_password",
  "runner_revoked",
  "runner_offline",
  "upgrade_required",
  "invalid_frame",
  "stale_attempt",
  "not_lease_holder",
  "invalid_result",
  "log_conflict",
  "log_gap",
  "invalid_token",
  "attempt_not_active",
  "output_too_large",
  "locked",
  "lock_lost",
  "unknown_action",
  "artifact_too_large",
  "artifact_exists",
  "checksum_mismatch",
  "rate_limited",
  "quota_exceeded",
  "not_available",
  "internal",
] as const;
export type ErrorCode = (typeof errorCodes)[number];

/** HTTP status of each code. */
export const errorStatus = {
  invalid_json: 400,
  duplicate_key: 400,
  too_deep: 400,
  forbidden_key: 422,
  body_required: 400,
  unsupported_media_type: 415,
  body_too_large: 413,
  unknown_field: 422,
  invalid_type: 422,
  out_of_range: 422,
  invalid_value: 422,
  invalid_id: 400,
  invalid_name: 422,
  invalid_env_name: 422,
  env_reserved: 422,
  invalid_image: 422,
  url_not_allowed: 422,
  invalid_expression: 422,
  expression_failed: 422,
  invalid_schema: 422,
  invalid_regex: 422,
  unsafe_regex: 422,
  invalid_input: 422,
  invalid_cron: 422,
  cron_never_fires: 422,
  too_frequent: 422,
  invalid_timezone: 422,
  invalid_mapping: 422,
  mapping_failed: 422,
  chain_cycle: 422,
  invalid_header: 422,
  invalid_signature: 401,
  endpoint_disabled: 410,
  invalid_cursor: 400,
  invalid_limit: 400,
  invalid_sort: 400,
  unauthorized: 401,
  key_in_url: 400,
  forbidden: 403,
  origin_not_allowed: 403,
  not_found: 404,
  method_not_allowed: 405,
  version_conflict: 412,
  idempotency_mismatch: 422,
  idempotency_in_flight: 409,
  invalid_idempotency_key: 400,
  name_taken: 409,
  already_final: 409,
  not_queued: 409,
  not_final: 409,
  in_use: 409,
  secret_not_found: 422,
  invalid_env_file: 422,
  shard_conflict: 409,
  not_dead_letter: 409,
  malformed_token: 400,
  invalid_registration_token: 401,
  invalid_claim_link: 401,
  invalid_link: 401,
  registration_closed: 403,
  second_factor_required: 403,
  wrong_code: 403,
  invalid_sign_in: 401,
  passkey_failed: 401,
  invalid_user_code: 404,
  invalid_invitation: 401,
  already_member: 409,
  last_owner: 409,
  missing_scope: 403,
  proof_required: 403,
  wrong_password: 403,
  runner_revoked: 403,
  runner_offline: 409,
  upgrade_required: 426,
  invalid_frame: 400,
  stale_attempt: 409,
  not_lease_holder: 403,
  invalid_result: 422,
  log_conflict: 409,
  log_gap: 409,
  invalid_token: 401,
  attempt_not_active: 403,
  output_too_large: 413,
  locked: 409,
  lock_lost: 409,
  unknown_action: 404,
  artifact_too_large: 413,
  artifact_exists: 409,
  checksum_mismatch: 422,
  rate_limited: 429,
  quota_exceeded: 429,
  not_available: 503,
  internal: 500,
} as const satisfies Record<ErrorCode, number>;

/** What to do next, one sentence for each code. */
export const errorHints = {
  invalid_json: "Send one JSON value, encoded as UTF-8, with nothing after it.",
  duplicate_key: "Name each key of an object once.",
  too_deep: "Nest objects and arrays no deeper than 64 levels.",
  forbidden_key: "Rename the key; __proto__, constructor and prototype are not accepted.",
  body_required: "Send a JSON body.",
  unsupported_media_type: "Send the body with content-type application/json.",
  body_too_large: "Send less; the limit is in the detail.",
  unknown_field: "Remove the field; the OpenAPI document lists the known ones.",
  invalid_type: "Send the type that the OpenAPI document names.",
  out_of_range: "Choose a value within the range in the detail.",
  invalid_value: "See the detail for the accepted values.",
  invalid_id: "Use an id as the API returned it.",
  invalid_name: "Use 1 to 200 characters without control characters.",
  invalid_env_name: "Use capital letters, digits and underscores; start with a letter or an underscore.",
  env_reserved: "Choose another name; this one belongs to the system.",
  invalid_image: "Name an image as repository:tag or repository@sha256:digest.",
  url_not_allowed: "Use an https:// address on the public internet, written plainly.",
  invalid_expression: "Correct the expression at the character in the detail; docs/queues.md lists what is available.",
  expression_failed: "Send an input that the expression can be evaluated for, or change the event.",
  invalid_schema: "Correct the schema at the place in the detail; docs/inputs.md lists what is available.",
  invalid_regex: "Correct the regular expression; it is read as JavaScript does under the flag u.",
  unsafe_regex: "Write it without repeats of repeats, back-references and looking around.",
  invalid_input: "Send an input that suits the inputSchema of the event; errors names each place.",
  invalid_cron: "Correct the field that the detail names; docs/schedules.md lists what each may hold.",
  cron_never_fires: "Choose a day that the month has.",
  too_frequent: "Leave at least 10 seconds between two times, or let one run do the work of several.",
  invalid_timezone: "Use the name of a time zone, such as Europe/Berlin or UTC.",
  invalid_mapping:
    "Correct the JSONata expression at the place in the detail; docs/webhooks.md lists what is available.",
  mapping_failed: "Send a body that the mapping of the endpoint can be evaluated for, or change the mapping.",
  chain_cycle: "Take the event that the detail names out of the chains, or out of those that lead back from it.",
  invalid_header: "Name a header by letters, digits and hyphens, and send at most 100 of them.",
  invalid_signature: "Sign the bytes of the body with the secret of the endpoint; docs/webhooks.md shows how.",
  endpoint_disabled: "Enable the endpoint in the dashboard, or stop sending.",
  invalid_cursor: "Use nextCursor from the previous answer, or leave the cursor out.",
  invalid_limit: "Choose a limit from 1 to 200.",
  invalid_sort: "Leave it out; lists come in the order that their description names.",
  unauthorized: "Sign in, or send a valid API key as a bearer token.",
  key_in_url: "Send the key in the Authorization header, and replace it: addresses end up in logs.",
  forbidden: "Ask an owner of the workspace for the right to do this.",
  origin_not_allowed: "Open the dashboard from its own address.",
  not_found: "Check the address and the id.",
  method_not_allowed: "Use one of the methods in the Allow header.",
  version_conflict: "Load the newest version, apply the change again and save.",
  idempotency_mismatch: "Use a new Idempotency-Key for a different request.",
  idempotency_in_flight: "Wait for the first request to finish, then repeat this one.",
  invalid_idempotency_key: "Use 1 to 255 printable ASCII characters.",
  name_taken: "Choose another name, or pass --replace to take this one over.",
  in_use: "Take it out of what uses it first, or delete it with force=true.",
  secret_not_found: "Create the secret, or take its name out of the event.",
  invalid_env_file: "Correct the lines in the detail; nothing was stored.",
  not_final: "Wait until the run has ended, or cancel it first.",
  shard_conflict: "Wait until the runs of before have ended, then try again.",
  not_dead_letter: "Only a run that failed with retries_exhausted can be requeued; retry others as new runs.",
  not_queued: "Only a run that waits in the queue can be changed; cancel it, or trigger a new one.",
  already_final: "Nothing to do: it has ended already.",
  malformed_token: "Copy the whole token, without spaces or line breaks.",
  invalid_registration_token: "The token is expired, used or revoked. Copy a new command from the Runners page.",
  invalid_claim_link: "The link was used or replaced. Run the start command again for a new one.",
  invalid_link: "The link was used, replaced or has expired. Ask for a new one.",
  second_factor_required: "Send the code that the authenticator app shows now, or a recovery code.",
  wrong_code: "Use the code that the app shows now, or a recovery code that was not used yet.",
  invalid_sign_in: "It took too long, or too many codes were wrong. Sign in from the start.",
  passkey_failed: "Try again, or sign in another way; remove the passkey if it stays.",
  registration_closed: "Ask an administrator of a workspace to invite you.",
  invalid_user_code: "Type the code that the device shows; after ten minutes, or once decided, start its login again.",
  invalid_invitation: "The invitation was used, withdrawn or has expired. Ask for a new one.",
  already_member: "Nothing to do: this person is a member already.",
  last_owner: "Make somebody else an owner first.",
  missing_scope: "Use a key with this scope, or ask an administrator for one.",
  proof_required: "Enter your password again, then repeat this.",
  wrong_password: "Check it; capital letters count.",
  runner_offline: "Start it on its machine, or pause it: a pause holds for a runner that is away too.",
  runner_revoked: "Register the machine again with a new token from the Runners page.",
  upgrade_required: "Upgrade the older side.",
  invalid_frame: "This is a fault in the runner; upgrade it, and report it if it stays.",
  stale_attempt: "A newer attempt exists; stop this one.",
  not_lease_holder: "Another runner holds this attempt; stop it here.",
  invalid_result: "This is a fault in the runner; upgrade it, and report it if it stays.",
  log_conflict: "The first bytes at this offset stand; continue after them.",
  log_gap: "Send the missing bytes first, or declare a gap.",
  invalid_token: "The token of this job is not valid; use the one in CRONIUM_TOKEN.",
  attempt_not_active: "The job has ended; its token no longer works.",
  output_too_large: "Keep the output under 1 MiB; write large data to a mount.",
  locked: "Wait as long as Retry-After says, or give waitMs, then try again.",
  lock_lost: "It ran out or was taken away: stop what it protected, then take it anew.",
  unknown_action: "Use one of the actions in the detail.",
  artifact_too_large: "Store less; the limits are in the detail.",
  artifact_exists: "Choose another name: an artifact never changes.",
  checksum_mismatch: "Send the bytes again; they changed on the way, or the checksum is of others.",
  rate_limited: "Wait as long as Retry-After says, then try again.",
  quota_exceeded: "Wait for the reset or make the room that the detail names, or raise the quota.",
  not_available: "Try again shortly; /ready says what is down.",
  internal: "Try again; if it stays, report the request id.",
} as const satisfies Record<ErrorCode, string>;

/** One field that is wrong: a JSON pointer into the body (or `query.<name>`), a code and a sentence. */
export interface FieldError {
  readonly pointer: string;
  readonly code: ErrorCode;
  readonly message: string;
}

/**
 * The one error that crosses layers. `message` is for the user and says what happened, with which value and where;
 * `cause` is for us and only goes to the log.
 */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly errors: readonly FieldError[];
  readonly context: Readonly<Record<string, string | number | boolean | null>>;

  constructor(
    code: ErrorCode,
    message: string,
    options: {
      readonly errors?: readonly FieldError[];
      readonly context?: Readonly<Record<string, string | number | boolean | null>>;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "AppError";
    this.code = code;
    this.errors = options.errors ?? [];
    this.context = options.context ?? {};
  }

  get status(): number {
    return errorStatus[this.code];
  }
}

/** The body of every error answer, `application/problem+json` after RFC 9457. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail: string;
  readonly hint: string;
  readonly errors: readonly FieldError[];
  readonly request_id: string;
}

export function toProblem(error: AppError, requestId: string): Problem {
  return {
    type: `urn:cronium:error:${error.code}`,
    title: error.code.replaceAll("_", " "),
    status: errorStatus[error.code],
    code: error.code,
    detail: error.message,
    hint: errorHints[error.code],
    errors: error.errors,
    request_id: requestId,
  };
}

/** Input echoed in a message: at most 80 characters, control characters escaped. */
export function echo(value: string): string {
  const cut = value.length > 80 ? `${value.slice(0, 79)}…` : value;
  return JSON.stringify(cut);
}
