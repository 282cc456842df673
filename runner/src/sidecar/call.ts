/** One request of a job, what its handler may use, and how answers are written. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { randomUUID } from "node:crypto";
import { AppError, CallKey, CallOp, echo, type CallError, type CallOpInput, type Json } from "@cronium/protocol";
import type * as z from "zod";
import { readJson } from "./request-body.ts";
import type { Bind, SlotContext, SlotState } from "./slots.ts";

export interface Call {
  readonly context: SlotContext;
  readonly slot: SlotState;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  /** The `{id}` of the path; empty where it has none. */
  readonly runId: string;
  /** The `{name}` of the path, decoded; empty where it has none. */
  readonly name: string;
}

export type Handler = (call: Call) => Promise<void>;

/** What the control plane said to a call. */
export type Answered = { readonly ok: true; readonly result: Json } | { readonly ok: false; readonly error: CallError };

/** Bodies that hold a few short fields. */
export const SMALL_BODY_BYTES = 4_096;

/** The job of this slot. Throws `attempt_not_active` when there is none any more. */
export function bound(slot: SlotState): Bind {
  if (slot.bind === null || slot.closed) {
    throw new AppError("attempt_not_active", "No job runs in this slot.");
  }
  return slot.bind;
}

/** Throws what `readJson` throws, and `invalid_value` or the code of the first field that is wrong. */
export async function readFields<T>(
  { request }: Call,
  schema: z.ZodType<T>,
  limit: number = SMALL_BODY_BYTES,
): Promise<T> {
  return checked(schema, await readJson(request, limit, "body_too_large"), "The body");
}

export function checked<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) {
    return parsed.data;
  }
  const [issue] = parsed.error.issues;
  const at = issue === undefined || issue.path.length === 0 ? "" : ` at /${issue.path.join("/")}`;
  throw new AppError(codeOf(issue), `${what} is not valid${at}: ${issue?.message ?? ""}.`);
}

function codeOf(
  issue: z.core.$ZodIssue | undefined,
): "unknown_field" | "invalid_type" | "out_of_range" | "invalid_name" | "invalid_value" {
  switch (issue?.code) {
    case "unrecognized_keys":
      return "unknown_field";
    case "invalid_type":
      return "invalid_type";
    case "too_big":
    case "too_small":
      return "out_of_range";
    case "custom":
      return issue.params?.["code"] === "invalid_name" ? "invalid_name" : "invalid_value";
    default:
      return "invalid_value";
  }
}

/** Asks the control plane. A call without a key of its own is told from others by a random one. */
export async function ask(call: Call, op: CallOpInput, key: string = keyOf(call.request)): Promise<Answered> {
  const { context, slot } = call;
  if (bound(slot).calls !== true) {
    return {
      ok: false,
      error: { code: "upgrade_required", message: "This runner has no way to ask the control plane." },
    };
  }
  slot.calls.take(call.response);
  // Checked here by the rules that hold there: what a job sends must never make a frame that is refused.
  return context.ask(slot.name, key, checked(CallOp, op, "The call"));
}

/** As `ask`; a refusal is thrown. `schema`: of the result. */
export async function demand<T>(call: Call, schema: z.ZodType<T>, op: CallOpInput, key?: string): Promise<T> {
  const answered = await ask(call, op, key ?? keyOf(call.request));
  if (answered.ok) {
    return schema.parse(answered.result);
  }
  throw refusal(call, answered.error);
}

/** The answer to the script for what the control plane said. */
export function refusal({ response }: Pick<Call, "response">, error: CallError): AppError {
  if (error.retryAfterMs !== undefined) {
    response.setHeader("retry-after", Math.max(1, Math.ceil(error.retryAfterMs / 1_000)));
  }
  switch (error.code) {
    case "stale_attempt":
    case "not_lease_holder":
    case "already_final":
      return new AppError("attempt_not_active", "This attempt has ended, or another has taken its place.");
    case "upgrade_required":
      return new AppError("not_available", error.message);
    default:
      return new AppError(error.code, error.message);
  }
}

export function keyOf(request: IncomingMessage): string {
  const header = request.headers["idempotency-key"];
  if (header === undefined) {
    return randomUUID();
  }
  const key = CallKey.safeParse(header);
  if (!key.success) {
    throw new AppError("invalid_idempotency_key", `The Idempotency-Key ${echo(String(header))} is not valid.`);
  }
  return key.data;
}

/** A whole number in the query; undefined when it is not there. */
export function queryInt({ url }: Call, name: string): number | undefined {
  const text = url.searchParams.get(name);
  if (text === null) {
    return undefined;
  }
  if (!/^\d{1,15}$/.test(text)) {
    throw new AppError("invalid_value", `The query's ${name} is ${echo(text)} and must be a whole number.`);
  }
  return Number(text);
}

export function empty(response: ServerResponse): void {
  response.writeHead(204);
  response.end();
}

export function send(response: ServerResponse, status: number, body: unknown, type = "application/json"): void {
  sendText(response, status, JSON.stringify(body), type);
}

export function sendText(response: ServerResponse, status: number, text: string, type: string): void {
  const bytes = Buffer.from(text);
  response.writeHead(status, { "content-type": type, "content-length": bytes.length });
  response.end(bytes);
}
