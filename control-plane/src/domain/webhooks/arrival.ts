/** What arrived at an endpoint, as filters and mappings see it and as it is kept. */
import { AppError } from "@cronium/protocol/errors";
import type { Dedupe, Verification } from "@cronium/protocol/endpoint";
import { type Json, parseStrictJson } from "@cronium/protocol/json";
import { valueAt } from "../json-pointer.ts";

export const MAX_HOOK_BYTES = 1_048_576;
const MAX_HEADERS = 100;
const MAX_HEADER_CHARS = 16_384;
const MAX_KEY_CHARS = 200;
/** Credentials, which nobody needs to see again, and what says where a request came through. */
const UNKEPT: ReadonlySet<string> = new Set(["authorization", "cookie", "x-gitlab-token", "proxy-authorization"]);

export interface Arrival {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Header names in lower case, without credentials. Throws `invalid_header` where there are too many. */
export function keptHeaders(headers: Iterable<readonly [string, string]>): Record<string, string> {
  const found = [...headers];
  const chars = found.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (found.length > MAX_HEADERS || chars > MAX_HEADER_CHARS) {
    throw new AppError(
      "invalid_header",
      `The request has ${found.length} headers of ${chars} characters; at most ${MAX_HEADERS} of ${MAX_HEADER_CHARS} are taken.`,
    );
  }
  return Object.fromEntries(
    found.filter(([name]) => !UNKEPT.has(name.toLowerCase())).map(([name, value]) => [name.toLowerCase(), value]),
  );
}

/** The body as JSON: parsed where it is JSON, fields of a form as texts, anything else as text. Throws `AppError`. */
export function readArrived({ headers, body }: Pick<Arrival, "headers" | "body">): Json {
  const type = (headers["content-type"] ?? "").toLowerCase();
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(body);
  } catch (cause) {
    throw new AppError("invalid_json", "The body is not valid UTF-8.", { cause });
  }
  if (type.startsWith("application/x-www-form-urlencoded")) {
    const fields = Object.fromEntries(new URLSearchParams(text));
    // GitHub and Slack wrap their JSON in a form where they are asked to.
    const { payload } = fields;
    return parseStrictJson(
      payload !== undefined && Object.keys(fields).length === 1 ? payload : JSON.stringify(fields),
    );
  }
  if (text.trim() === "") {
    return null;
  }
  return type === "" || /[/+]json\b/.test(type) ? parseStrictJson(text) : text;
}

/** By which repeats are known: the key, and for how long it counts; null where nothing is a repeat. */
export function dedupeOf(
  verification: Verification,
  dedupe: Dedupe | null,
  arrival: Pick<Arrival, "headers">,
  body: Json,
  bodyHash: string,
): { readonly key: string; readonly windowMs: number | null } | null {
  const rule = dedupe ?? presetOf(verification);
  switch (rule.by) {
    case "none":
      return null;
    case "body":
      return { key: `body:${bodyHash}`, windowMs: rule.windowMs };
    case "header": {
      const id = arrival.headers[rule.header.toLowerCase()];
      return keyed(id) ?? { key: `body:${bodyHash}`, windowMs: FALLBACK_MS };
    }
    case "field": {
      const id = valueAt(body, rule.pointer);
      const text = typeof id === "string" || typeof id === "number" ? String(id) : undefined;
      return keyed(text) ?? { key: `body:${bodyHash}`, windowMs: FALLBACK_MS };
    }
    default:
      return rule satisfies never;
  }
}

const FALLBACK_MS = 300_000;

function keyed(id: string | undefined): { readonly key: string; readonly windowMs: null } | null {
  return id === undefined || id === "" || id.length > MAX_KEY_CHARS ? null : { key: `id:${id}`, windowMs: null };
}

function presetOf({ kind }: Verification): Dedupe {
  switch (kind) {
    case "standard":
      return { by: "header", header: "webhook-id" };
    case "github":
      return { by: "header", header: "x-github-delivery" };
    case "gitlab":
      return { by: "header", header: "x-gitlab-event-uuid" };
    case "stripe":
      return { by: "field", pointer: "/id" };
    case "slack":
      return { by: "field", pointer: "/event_id" };
    default:
      return { by: "body", windowMs: FALLBACK_MS };
  }
}

/** As it is kept: a line of JSON, then the bytes of the body. */
export function packArrival({ method, headers, query, body }: Arrival): Uint8Array<ArrayBuffer> {
  const head = new TextEncoder().encode(`${JSON.stringify({ method, headers, query })}\n`);
  const packed = new Uint8Array(head.length + body.length);
  packed.set(head);
  packed.set(body, head.length);
  return packed;
}

export function unpackArrival(packed: Uint8Array): Arrival {
  const end = packed.indexOf(10);
  const head = JSON.parse(new TextDecoder().decode(packed.subarray(0, end))) as Omit<Arrival, "body">;
  return { ...head, body: packed.slice(end + 1) };
}
