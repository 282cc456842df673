/** What a failed request means, in the form every page shows it. */
import type { ErrorCode, FieldError } from "@cronium/protocol/errors";

/** `unreachable`: no answer came. `bad_answer`: one came, but not from the API (a proxy's page, cut-off JSON). */
export type ApiErrorCode = ErrorCode | "unreachable" | "bad_answer" | "sign_in_failed";

export class ApiError extends Error {
  readonly code: ApiErrorCode;
  /** HTTP status; 0 when no answer came. */
  readonly status: number;
  /** What to do next, one sentence. */
  readonly hint: string;
  readonly requestId: string | null;
  readonly errors: readonly FieldError[];

  constructor(input: {
    readonly code: ApiErrorCode;
    readonly status: number;
    readonly detail: string;
    readonly hint: string;
    readonly requestId?: string | null;
    readonly errors?: readonly FieldError[];
    readonly cause?: unknown;
  }) {
    super(input.detail, input.cause === undefined ? undefined : { cause: input.cause });
    this.name = "ApiError";
    this.code = input.code;
    this.status = input.status;
    this.hint = input.hint;
    this.requestId = input.requestId ?? null;
    this.errors = input.errors ?? [];
  }

  /** Message for the field at `pointer` (`/name`) or below it; undefined when the field is fine. */
  fieldMessage(pointer: string): string | undefined {
    return this.errors.find((error) => error.pointer === pointer || error.pointer.startsWith(`${pointer}/`))?.message;
  }
}

export function isApiError(error: unknown, code?: ApiErrorCode): error is ApiError {
  return error instanceof ApiError && (code === undefined || error.code === code);
}

/** Turns an answer that is not 2xx into an error. `body` is its text, whatever that may be. */
export function errorFromAnswer(status: number, contentType: string, body: string, requestId: string | null): ApiError {
  const problem = contentType.includes("json") ? readProblem(body) : null;
  if (problem === null) {
    return new ApiError({
      code: "bad_answer",
      status,
      detail: `The answer (status ${status}) did not come from the Cronium API.`,
      hint: "Check what stands between this browser and the control plane, then try again.",
      requestId,
    });
  }
  return new ApiError({ status, ...problem, requestId: problem.requestId ?? requestId });
}

interface ProblemParts {
  readonly code: ApiErrorCode;
  readonly detail: string;
  readonly hint: string;
  readonly requestId: string | null;
  readonly errors: readonly FieldError[];
}

function readProblem(body: string): ProblemParts | null {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return null;
  }
  if (!isRecord(value) || typeof value["code"] !== "string") {
    return null;
  }
  const text = (key: string): string => (typeof value[key] === "string" ? value[key] : "");
  return {
    code: value["code"] as ApiErrorCode,
    detail: text("detail") || text("message") || text("title") || value["code"],
    hint: text("hint"),
    requestId: text("request_id") || null,
    errors: Array.isArray(value["errors"]) ? value["errors"].filter(isFieldError) : [],
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isFieldError(value: unknown): value is FieldError {
  return isRecord(value) && typeof value["pointer"] === "string" && typeof value["message"] === "string";
}
