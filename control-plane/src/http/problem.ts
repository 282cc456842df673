/** Every error answer: `application/problem+json` after RFC 9457, from one table of codes. */
import { AppError, toProblem, type ErrorCode } from "@cronium/protocol/errors";
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import type { AppEnv } from "./context.ts";

/**
 * The answer for an error. `Retry-After` is set where the error's context names `retryAfterSeconds`, and the RateLimit
 * fields (draft-ietf-httpapi-ratelimit-headers-11) where it names a quota.
 */
export function problemResponse(
  c: Context<AppEnv>,
  error: AppError,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const retryAfter = error.context["retryAfterSeconds"];
  return new Response(JSON.stringify(toProblem(error, c.get("requestId"))), {
    status: error.status,
    headers: {
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      ...(typeof retryAfter === "number" ? { "retry-after": String(retryAfter) } : {}),
      ...rateLimitFields(error.context),
      ...(error.code === "unauthorized" ? { "www-authenticate": 'Bearer realm="cronium"' } : {}),
      ...headers,
    },
  });
}

function rateLimitFields(context: AppError["context"]): Record<string, string> {
  const { quota, quotaLimit, quotaWindowSeconds, retryAfterSeconds } = context;
  if (typeof quota !== "string") {
    return {};
  }
  const window = typeof quotaWindowSeconds === "number" ? `;w=${quotaWindowSeconds}` : "";
  return {
    "ratelimit-policy": `"${quota}";q=${quotaLimit}${window}`,
    ratelimit: `"${quota}";r=0${typeof retryAfterSeconds === "number" ? `;t=${retryAfterSeconds}` : ""}`,
  };
}

const exceptionCodes: Readonly<Record<number, ErrorCode>> = {
  400: "invalid_json",
  401: "unauthorized",
  403: "forbidden",
  404: "not_found",
  405: "method_not_allowed",
  413: "body_too_large",
  415: "unsupported_media_type",
};

/** Anything thrown as the `AppError` to answer with; what nobody expected becomes `internal` and tells the user nothing. */
export function asAppError(error: unknown): AppError {
  if (error instanceof AppError) {
    return error;
  }
  if (error instanceof HTTPException) {
    const code = exceptionCodes[error.status];
    if (code !== undefined) {
      return new AppError(code, `${error.message}.`, { cause: error });
    }
  }
  return new AppError(
    "internal",
    "The control plane failed while answering; the request id finds the cause in its log.",
    {
      cause: error,
    },
  );
}

export function onError(error: unknown, c: Context<AppEnv>): Response {
  const known = isEmptyBody(error, c)
    ? new AppError("body_required", "The request has no body, and this route needs one.")
    : asAppError(error);
  if (known.code === "internal") {
    c.get("deps").log.error("request.failed", {
      requestId: c.get("requestId"),
      method: c.req.method,
      path: c.req.path,
      error: describe(known.cause ?? known),
    });
  }
  return problemResponse(c, known);
}

/** Hono finds that nothing is no JSON; every other body was read strictly before. */
function isEmptyBody(error: unknown, c: Context<AppEnv>): boolean {
  return error instanceof HTTPException && error.status === 400 && c.get("bodyBytes")?.byteLength === 0;
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) {
    return String(error);
  }
  const own = error.stack ?? `${error.name}: ${error.message}`;
  return error.cause === undefined ? own : `${own}\ncaused by ${describe(error.cause)}`;
}
