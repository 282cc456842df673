/**
 * The one way out: every request to an address that somebody else chose goes through here.
 *
 * 1. The URL is checked as text (`domain/outbound-url.ts`).
 * 2. A name is resolved, where there is something to ask, and every address that it has must be allowed.
 * 3. What was checked is sent, with no redirect followed. Where the caller allows redirects, each target is checked from
 *    step 1 on, loses what was meant for the first host, and is only followed by GET and HEAD.
 *
 * Between 2 and 3 a name may change its address. That is why the network below refuses as well: embedded, workerd's
 * `network` lets connections out to public addresses alone; hosted, Workers reach no private network.
 */
import { addressFault, checkUrl, type OutboundRules, type UrlFault } from "../domain/outbound-url.ts";
import { parseIp } from "../domain/ip-address.ts";

export interface OutboundDeps {
  readonly rules: OutboundRules;
  /** All addresses of a name; empty when it has none. Null where the network below alone decides, as embedded. */
  readonly resolve: ((host: string) => Promise<readonly string[]>) | null;
  readonly fetch: (request: Request) => Promise<Response>;
}

export interface OutboundRequest {
  readonly url: string;
  /** Default GET. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  /** How many to follow; default 0, and a redirect is a failure. */
  readonly maxRedirects?: number;
  /** For everything together, in milliseconds; default 20,000. */
  readonly timeoutMs?: number;
  /** Longest answer, in bytes; default 1 MiB. */
  readonly maxBytes?: number;
}

export type OutboundFailure =
  | "url_not_allowed"
  | "blocked_address"
  | "unknown_host"
  | "redirected"
  | "timed_out"
  | "too_large"
  | "unreachable";

export type OutboundResult =
  | { readonly ok: true; readonly status: number; readonly headers: Headers; readonly body: Uint8Array<ArrayBuffer> }
  | { readonly ok: false; readonly reason: OutboundFailure; readonly fault?: UrlFault; readonly message: string };

const TIMEOUT_MS = 20_000;
const MAX_BYTES = 1_048_576;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Meant for one host alone. */
const OWN_TO_HOST: ReadonlySet<string> = new Set(["authorization", "cookie", "proxy-authorization"]);
/** What decides where a request goes, or where its body ends, is not for callers to say (B25). */
const FORBIDDEN_HEADERS = /^(?:host|connection|content-length|transfer-encoding|upgrade|te|trailer|expect|cf-.*)$/i;

export async function guardedFetch(deps: OutboundDeps, request: OutboundRequest): Promise<OutboundResult> {
  const signal = AbortSignal.timeout(request.timeoutMs ?? TIMEOUT_MS);
  const method = request.method ?? "GET";
  const follows = method === "GET" || method === "HEAD" ? (request.maxRedirects ?? 0) : 0;
  let at = request.url;
  let headers = new Headers(Object.entries(request.headers ?? {}).filter(([name]) => !FORBIDDEN_HEADERS.test(name)));
  try {
    for (let redirects = 0; ; redirects += 1) {
      const allowed = await allow(deps, at);
      if (!allowed.ok) {
        return redirects === 0 ? allowed : { ...allowed, message: `A redirect to a URL that ${allowed.message}` };
      }
      const { url } = allowed;
      const sent = new Request(url.href, {
        method,
        headers,
        redirect: "manual",
        signal,
        ...(request.body === undefined ? {} : { body: request.body }),
      });
      const response = await deps.fetch(sent);
      const location = response.headers.get("location");
      if (!REDIRECTS.has(response.status) || location === null) {
        return await read(response, request.maxBytes ?? MAX_BYTES);
      }
      await response.body?.cancel();
      if (redirects >= follows) {
        const message = `${url.host} answered ${response.status} with another address, which is not followed.`;
        return { ok: false, reason: "redirected", message };
      }
      at = resolveLocation(location, url);
      headers = new URL(at, url).origin === url.origin ? headers : withoutCredentials(headers);
    }
  } catch (error) {
    if (signal.aborted) {
      return { ok: false, reason: "timed_out", message: `No answer within ${request.timeoutMs ?? TIMEOUT_MS} ms.` };
    }
    // The cause may name what lies behind an address; it is for the log of the caller, not for whoever chose the URL.
    return { ok: false, reason: "unreachable", message: `The host could not be reached (${nameOf(error)}).` };
  }
}

type Allowed = { readonly ok: true; readonly url: URL } | (OutboundResult & { readonly ok: false });

async function allow(deps: OutboundDeps, text: string): Promise<Allowed> {
  const verdict = checkUrl(text, deps.rules);
  if (!verdict.ok) {
    const { fault, message } = verdict;
    return { ok: false, reason: fault === "address" ? "blocked_address" : "url_not_allowed", fault, message };
  }
  if (verdict.address !== null || deps.resolve === null) {
    return { ok: true, url: verdict.url };
  }
  const { url, privateOnly } = verdict;
  const found = await deps.resolve(url.hostname);
  if (found.length === 0) {
    return { ok: false, reason: "unknown_host", message: `names the host ${url.hostname}, which has no address` };
  }
  for (const text of found) {
    const address = parseIp(text);
    const fault = address === null ? "leads to no usable address" : addressFault(address, privateOnly, deps.rules);
    if (fault !== null) {
      return { ok: false, reason: "blocked_address", fault: "address", message: fault };
    }
  }
  return { ok: true, url };
}

/** As it is written where it is absolute, so that its own spelling is checked and not what a parser made of it. */
function resolveLocation(location: string, base: URL): string {
  return /^[a-z][a-z0-9+.-]*:/i.test(location) ? location : new URL(location, base).href;
}

function withoutCredentials(headers: Headers): Headers {
  return new Headers([...headers].filter(([name]) => !OWN_TO_HOST.has(name.toLowerCase())));
}

async function read(response: Response, maxBytes: number): Promise<OutboundResult> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > maxBytes) {
      return { ok: false, reason: "too_large", message: `The answer is longer than ${maxBytes} bytes.` };
    }
    chunks.push(chunk);
  }
  const body = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.byteLength;
  }
  return { ok: true, status: response.status, headers: response.headers, body };
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "unknown";
}
