/** The one way to the API: same origin, session cookie, JSON, every failure as an `ApiError`. */
import { ApiError, errorFromAnswer } from "../lib/api-error.ts";
import { t } from "../lib/text.ts";

export interface RequestOptions {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly body?: unknown;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly idempotencyKey?: string;
  /** The version that is changed; another one that came between is refused with `version_conflict`. */
  readonly ifMatch?: number | undefined;
  readonly signal?: AbortSignal;
}

export async function request<T>(path: string, options: RequestOptions = {}): Promise<T> {
  return (await requestVersioned<T>(path, options)).value;
}

export interface Versioned<T> {
  readonly value: T;
  /** What `ifMatch` of the next change takes; undefined for what has no version. */
  readonly version: number | undefined;
}

/** The same with the version of what was answered, as its `ETag` names it. */
export async function requestVersioned<T>(path: string, options: RequestOptions = {}): Promise<Versioned<T>> {
  const { method = "GET", body, idempotencyKey, ifMatch, signal } = options;
  const headers: Record<string, string> = { accept: "application/json" };
  if (body !== undefined) {
    headers["content-type"] = "application/json";
  }
  if (idempotencyKey !== undefined) {
    headers["idempotency-key"] = idempotencyKey;
  }
  if (ifMatch !== undefined) {
    headers["if-match"] = `"${ifMatch}"`;
  }
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(path + queryText(options.query), {
      method,
      headers,
      credentials: "same-origin",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
    text = await answer.text();
  } catch (cause) {
    if (signal?.aborted === true) {
      throw cause;
    }
    throw new ApiError({
      code: "unreachable",
      status: 0,
      detail: t("error.unreachable"),
      hint: t("error.unreachableHint"),
      cause,
    });
  }
  const type = answer.headers.get("content-type") ?? "";
  if (!answer.ok) {
    throw errorFromAnswer(answer.status, type, text, answer.headers.get("x-request-id"));
  }
  const named = /^"(\d+)"$/.exec(answer.headers.get("etag") ?? "")?.[1];
  const version = named === undefined ? undefined : Number(named);
  if (text === "") {
    return { value: undefined as T, version };
  }
  try {
    return { value: JSON.parse(text) as T, version };
  } catch {
    throw errorFromAnswer(answer.status, "", text, answer.headers.get("x-request-id"));
  }
}

export function queryText(query: RequestOptions["query"]): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value !== undefined) {
      params.set(key, String(value));
    }
  }
  const text = params.toString();
  return text === "" ? "" : `?${text}`;
}
