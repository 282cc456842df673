/**
 * HTTP/1.1 to the sidecar, over a unix socket or a local port.
 *
 * A sidecar that was killed is back within a second under the same address, and every call may be repeated safely. So
 * a connection that is refused or breaks off is tried again for RETRY_MS; an answer, whatever it says, is final.
 */
import type { RequestOptions } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { ApiTimeoutError, ApiUnreachableError, CroniumError, errorFor } from "./errors.ts";

// An ES module that imports node:http by name pays 24 ms for parts of it that nobody uses here (its WebSocket).
const { request: httpRequest } = process.getBuiltinModule("node:http");

const DEFAULT_API = "unix:///run/cronium/api.sock";
const RETRY_MS = 5_000;
const ANSWER_MS = 30_000;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 250;

export interface RuntimeRequest {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly token: string;
  /** JSON text. */
  readonly body?: string;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Sends one request and returns the body of a 2xx answer; everything else rejects with a CroniumError. */
export async function callRuntime(call: RuntimeRequest): Promise<string> {
  const api = process.env["CRONIUM_API"] || DEFAULT_API;
  const address = parseAddress(api);
  const giveUpAt = performance.now() + RETRY_MS;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    let answer: Answer;
    try {
      answer = await exchange(address, call, api);
    } catch (cause) {
      if (cause instanceof CroniumError) {
        throw cause;
      }
      if (performance.now() + pauseMs > giveUpAt) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new ApiUnreachableError(
          `The runtime API at ${api} could not be reached for ${RETRY_MS / 1000} s: ${reason}`,
          { cause },
        );
      }
      await pause(pauseMs);
      continue;
    }
    if (answer.status >= 200 && answer.status < 300) {
      return answer.text;
    }
    throw problem(answer);
  }
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

function exchange(address: RequestOptions, call: RuntimeRequest, api: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers: Record<string, string | number> = { authorization: `Bearer ${call.token}` };
    if (call.body !== undefined) {
      headers["content-type"] = "application/json";
      headers["content-length"] = Buffer.byteLength(call.body);
    }
    const { method, path } = call;
    const sent = httpRequest({ ...address, method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        clearTimeout(timer);
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() });
      });
    });
    const timer = setTimeout(() => {
      const what = `${method} ${path} within ${ANSWER_MS / 1000} s`;
      sent.destroy(new ApiTimeoutError(`The runtime API at ${api} did not answer ${what}`));
    }, ANSWER_MS);
    sent.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    sent.end(call.body);
  });
}

function problem(answer: Answer): CroniumError {
  try {
    const body: unknown = JSON.parse(answer.text);
    if (typeof body === "object" && body !== null && "code" in body && "detail" in body) {
      return errorFor(String(body.code), String(body.detail));
    }
  } catch {
    // Not from the sidecar's own error path: the status says more than the body.
  }
  return new CroniumError("internal", `The runtime API answered with status ${answer.status}`);
}
