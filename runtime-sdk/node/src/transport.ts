/**
 * HTTP/1.1 to the sidecar, over a unix socket or a local port, on connections that are kept open.
 *
 * A sidecar that was killed is back within a second under the same address, and every call may be repeated safely:
 * writes carry the same Idempotency-Key each time. So a connection that is refused or breaks off is tried again for
 * RETRY_MS, an answer 429 or 503 for BUSY_MS; any other answer is final.
 */
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, RequestOptions } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { ApiTimeoutError, ApiUnreachableError, CroniumError, errorFor } from "./errors.ts";
import { endsSoon, type Run } from "./run.ts";

// An ES module that imports node:http by name pays 24 ms for parts of it that nobody uses here (its WebSocket).
const { Agent, request: httpRequest } = process.getBuiltinModule("node:http");

const DEFAULT_API = "unix:///run/cronium/api.sock";
const RETRY_MS = 5_000;
const BUSY_MS = 30_000;
const ANSWER_MS = 30_000;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 250;
const LONGEST_BUSY_PAUSE_MS = 5_000;
const RENEW_AGAIN_AFTER_MS = 30_000;
const MAX_CONNECTIONS = 32;

// Connections that wait in it do not keep a finished script alive.
const agent = new Agent({ keepAlive: true, maxSockets: MAX_CONNECTIONS });

export interface RuntimeCall {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** What comes after `/v1/executions/{id}/`. */
  readonly name: string;
  readonly headers?: OutgoingHttpHeaders;
  /** JSON text, or what opens the body again for each time it is sent. */
  readonly body?: string | (() => NodeJS.ReadableStream);
  /** Of a body that is no text. */
  readonly bytes?: number;
}

export interface Answer<Value> {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** What `read` made of the body; the body of an error as text. */
  readonly value: Value | string;
}

/** Reads the body of a good answer; `alive` says that a piece has come, and puts the timeout off. */
export type Read<Value> = (response: IncomingMessage, alive: () => void) => Promise<Value>;

/** Sends a call and returns the body of a 2xx answer; everything else rejects with a CroniumError. */
export async function callRuntime(run: Run, call: RuntimeCall): Promise<string> {
  return (await exchangeWith(run, call, readText)).value;
}

/** As `callRuntime`, with the body read by `read`, which is called again for a body that broke off. */
export async function exchangeWith<Value>(
  run: Run,
  call: RuntimeCall,
  read: Read<Value>,
): Promise<{ readonly headers: IncomingHttpHeaders; readonly value: Value }> {
  const path = `/v1/executions/${encodeURIComponent(run.id)}/${call.name}`;
  const headers: OutgoingHttpHeaders = { ...call.headers };
  if (call.method !== "GET") {
    headers["idempotency-key"] = newKey();
    headers["content-type"] ??= "application/json";
    headers["content-length"] = typeof call.body === "string" ? Buffer.byteLength(call.body) : (call.bytes ?? 0);
  }
  const sent: Exchange = { method: call.method, path, headers, body: call.body };
  if (endsSoon(run.token())) {
    await renew(run);
  }
  let answer = await repeat(run, sent, read);
  if (answer.status === 401 && (await renew(run))) {
    answer = await repeat(run, sent, read);
  }
  if (answer.status < 200 || answer.status >= 300) {
    throw problem(answer);
  }
  return { headers: answer.headers, value: answer.value as Value };
}

interface Exchange {
  readonly method: RuntimeCall["method"];
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
  readonly body: RuntimeCall["body"];
}

async function repeat<Value>(run: Run, sent: Exchange, read: Read<Value>): Promise<Answer<Value>> {
  const api = process.env["CRONIUM_API"] || DEFAULT_API;
  const address = parseAddress(api);
  let unreachableAt: number | undefined;
  let busyUntil: number | undefined;
  let pauseMs = FIRST_PAUSE_MS;
  let busyPauseMs = LONGEST_PAUSE_MS;
  for (;;) {
    let waitMs: number;
    try {
      const answer = await exchange(address, sent, run.token(), api, read);
      if (answer.status !== 429 && answer.status !== 503) {
        return answer;
      }
      unreachableAt = undefined;
      busyUntil ??= performance.now() + BUSY_MS;
      waitMs = askedFor(answer.headers) ?? jittered(busyPauseMs);
      busyPauseMs = Math.min(busyPauseMs * 2, LONGEST_BUSY_PAUSE_MS);
      if (performance.now() + waitMs > busyUntil) {
        return answer;
      }
    } catch (cause) {
      if (cause instanceof CroniumError) {
        throw cause;
      }
      unreachableAt ??= performance.now() + RETRY_MS;
      waitMs = jittered(pauseMs);
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
      if (performance.now() + waitMs > unreachableAt) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new ApiUnreachableError(
          `The runtime API at ${api} could not be reached for ${RETRY_MS / 1000} s: ${reason}`,
          { cause },
        );
      }
    }
    await pause(waitMs);
  }
}

function jittered(ms: number): number {
  return ms * (0.5 + Math.random());
}

/** Retry-After, spread a little so that many jobs do not come back at once. */
function askedFor(headers: IncomingHttpHeaders): number | undefined {
  const text = headers["retry-after"] ?? "";
  return /^\d{1,6}$/.test(text) ? Number(text) * 1000 + jittered(100) : undefined;
}

let renewNotBefore = 0;

/**
 * Puts a new token into the environment, where the script's own children find it too. The call that needed it is made
 * in any case: whether the old token still works is its answer.
 */
async function renew(run: Run): Promise<boolean> {
  if (performance.now() < renewNotBefore) {
    return false;
  }
  renewNotBefore = performance.now() + RENEW_AGAIN_AFTER_MS;
  const headers = { "idempotency-key": newKey(), "content-type": "application/json", "content-length": 0 };
  const path = `/v1/executions/${encodeURIComponent(run.id)}/token`;
  try {
    const answer = await repeat(run, { method: "POST", path, headers, body: undefined }, readText);
    const granted: unknown = answer.status === 200 ? JSON.parse(answer.value) : undefined;
    if (typeof granted !== "object" || granted === null || !("token" in granted)) {
      return false;
    }
    process.env["CRONIUM_TOKEN"] = String(granted.token);
    return true;
  } catch {
    return false;
  }
}

function newKey(): string {
  return process.getBuiltinModule("node:crypto").randomUUID();
}

function parseAddress(api: string): RequestOptions {
  if (api.startsWith("unix://")) {
    return { socketPath: api.slice("unix://".length) };
  }
  if (api.startsWith("http://") && URL.canParse(api)) {
    const { hostname, port } = new URL(api);
    return { host: hostname.replace(/^\[|\]$/g, ""), port: port === "" ? 80 : Number(port) };
  }
  throw new ApiUnreachableError(`CRONIUM_API is "${api}"; it must start with unix:// or http://`);
}

function exchange<Value>(
  address: RequestOptions,
  call: Exchange,
  token: string,
  api: string,
  read: Read<Value>,
): Promise<Answer<Value>> {
  return new Promise((resolve, reject) => {
    const { method, path, body } = call;
    const headers = { ...call.headers, authorization: `Bearer ${token}` };
    const settled = (): void => clearTimeout(timer);
    const sent = httpRequest({ ...address, method, path, headers, agent }, (response) => {
      const { statusCode: status = 0, headers: received } = response;
      const alive = (): unknown => timer.refresh();
      const good = status >= 200 && status < 300;
      Promise.resolve(good ? read(response, alive) : readText(response, alive))
        .then((value) => resolve({ status, headers: received, value }), reject)
        .finally(settled);
    });
    const timer = setTimeout(() => {
      const what = `${method} ${path} within ${ANSWER_MS / 1000} s`;
      sent.destroy(new ApiTimeoutError(`The runtime API at ${api} did not answer ${what}`));
    }, ANSWER_MS);
    sent.on("error", (error) => {
      settled();
      reject(error);
    });
    if (typeof body === "function") {
      const source = body();
      source.on("error", (error) => sent.destroy(error));
      source.on("data", () => timer.refresh());
      source.pipe(sent);
    } else {
      sent.end(body);
    }
  });
}

/** The body as text. */
export async function readText(response: IncomingMessage, alive: () => void): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    alive();
  }
  return Buffer.concat(chunks).toString();
}

function problem(answer: Answer<unknown>): CroniumError {
  try {
    const body: unknown = JSON.parse(String(answer.value));
    if (typeof body === "object" && body !== null && "code" in body && "detail" in body) {
      return errorFor(String(body.code), String(body.detail));
    }
  } catch {
    // Not from the sidecar's own error path: the status says more than the body.
  }
  return new CroniumError("internal", `The runtime API answered with status ${answer.status}`);
}
