/**
 * The way to the control plane. Every answer is checked against the schema that the control plane itself answers by;
 * fields that this version does not know yet are left in, so that a newer control plane can be talked to.
 */
import { ExitError } from "../base/exit-error.ts";
import { backoffMs, isWorthAnotherTry, sleep } from "../base/retryable.ts";
import { version } from "../base/version.ts";
import { refusal } from "./problem.ts";

/** As much of a zod schema as is needed here. */
interface Schema<T> {
  safeParse(value: unknown): { success: true; data: T } | { success: false; error: { issues: readonly Issue[] } };
}

interface Issue {
  readonly code?: string | undefined;
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

export interface Sending {
  readonly body?: unknown;
  readonly query?: Readonly<Record<string, string | number | readonly string[] | undefined>>;
  /** Makes a repeated creating request the same request. */
  readonly idempotencyKey?: string;
  /** The version that is changed: at any other one the change is refused, and the program ends with `conflict`. */
  readonly ifMatch?: number | undefined;
  /** Its answer may take any time to read, once it has begun. Default: all of it within 60 s. */
  readonly isLong?: boolean;
}

const TIMEOUT_MS = 60_000;

export class Api {
  readonly url: string;
  readonly #token: string | null;

  constructor(url: string, token: string | null) {
    this.url = url;
    this.#token = token;
  }

  /** One JSON answer. Throws an `ExitError` for a refusal, for no answer, and for one that does not fit the schema. */
  async json<T>(method: string, path: string, schema: Schema<T>, sending: Sending = {}): Promise<T> {
    return (await this.versioned(method, path, schema, sending)).value;
  }

  /** The same with its version, where the answer has one as its `ETag`. */
  async versioned<T>(
    method: string,
    path: string,
    schema: Schema<T>,
    sending: Sending = {},
  ): Promise<{ readonly value: T; readonly version: number | null }> {
    const response = await this.send(method, path, sending);
    const text = await response.text();
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw refusal(response.status, text, this.url);
    }
    const version = /^"(\d+)"$/.exec(response.headers.get("etag") ?? "")?.[1];
    return {
      value: checked(schema, value, `${method} ${path}`),
      version: version === undefined ? null : Number(version),
    };
  }

  /** The answer as it comes, once its status says success. */
  async send(method: string, path: string, sending: Sending = {}): Promise<Response> {
    const response = await this.raw(method, path, sending);
    if (!response.ok) {
      throw refusal(response.status, await response.text(), this.url);
    }
    return response;
  }

  /** Any answer. What may be repeated is, when nobody answers. */
  async raw(method: string, path: string, sending: Sending = {}): Promise<Response> {
    const { body, idempotencyKey } = sending;
    const isRepeatable = method === "GET" || idempotencyKey !== undefined;
    for (let tries = 1; ; tries += 1) {
      const sent = await this.#once(method, path, sending).catch((error: unknown) => error as Error);
      const status = sent instanceof Response ? sent.status : 0;
      if (!isWorthAnotherTry(status, tries, isRepeatable)) {
        if (sent instanceof Response) {
          return sent;
        }
        const changed = method === "GET" || body === undefined ? "" : " Whether it took effect is not known.";
        throw new ExitError(
          "network",
          `${this.url} does not answer: ${reason(sent)}.${isRepeatable ? "" : changed}`,
          "Check the address and the network, then try again.",
          { cause: sent },
        );
      }
      if (sent instanceof Response) {
        await sent.body?.cancel();
      }
      await sleep(backoffMs(tries, Math.random()));
    }
  }

  #once(method: string, path: string, sending: Sending): Promise<Response> {
    const { body, query, idempotencyKey, ifMatch, isLong } = sending;
    const limit = isLong === true ? untilAnswered() : { signal: AbortSignal.timeout(TIMEOUT_MS), answered: () => {} };
    return fetch(`${this.url}/api/v1${path}${queryText(query)}`, {
      method,
      headers: {
        ...this.headers(),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey }),
        ...(ifMatch === undefined ? {} : { "if-match": `"${ifMatch}"` }),
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      // A key follows no redirect: it belongs to this address.
      redirect: "manual",
      signal: limit.signal,
    }).finally(limit.answered);
  }

  headers(): Record<string, string> {
    return {
      "user-agent": `cronium-cli/${version}`,
      ...(this.#token === null ? {} : { authorization: `Bearer ${this.#token}` }),
    };
  }
}

/** The answer, unless something is wrong with it beside fields that are new. */
export function checked<T>(schema: Schema<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) {
    return parsed.data;
  }
  const issue = parsed.error.issues.find(({ code }) => code !== "unrecognized_keys");
  if (issue === undefined) {
    return value as T;
  }
  throw new ExitError(
    "failure",
    `The answer to ${what} is not as this version expects it: ${issue.path.map(String).join(".")} ${issue.message}.`,
    "Install the cronium program of this control plane: its address + /install/cronium.tgz.",
  );
}

/** A time limit that ends with the first bytes of the answer. */
function untilAnswered(): { readonly signal: AbortSignal; readonly answered: () => void } {
  const controller = new AbortController();
  const late = new DOMException("no answer in time", "TimeoutError");
  const timer = setTimeout(() => controller.abort(late), TIMEOUT_MS);
  return { signal: controller.signal, answered: () => clearTimeout(timer) };
}

function queryText(query: Sending["query"]): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) {
    for (const one of Array.isArray(value) ? value : value === undefined ? [] : [value]) {
      params.append(key, String(one));
    }
  }
  const text = params.toString();
  return text === "" ? "" : `?${text}`;
}

/** Node hides why a connection failed behind "fetch failed". */
function reason(error: Error): string {
  const cause = error.cause instanceof Error ? error.cause : error;
  const code = (cause as NodeJS.ErrnoException).code;
  if (error.name === "TimeoutError") {
    return `no answer within ${TIMEOUT_MS / 1_000} s`;
  }
  return code ?? cause.message;
}
