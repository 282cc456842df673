/**
 * The runtime API for `cronium dev`: what the sidecar answers inside a run, from memory. Contract: `runtime.ts` of the
 * protocol.
 */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { envNameProblem, RunName } from "@cronium/protocol";
import { AppError, echo, toProblem } from "@cronium/protocol/errors";
import { type Json, parseStrictJson } from "@cronium/protocol/json";
import * as z from "zod";
import {
  type DevAnswer,
  type DevJob,
  freeLock,
  keepArtifact,
  pageOfVariables,
  readArtifact,
  readVariable,
  removeVariable,
  renewLock,
  takeLock,
  writeVariable,
} from "./dev-job.ts";

const MAX_OUTPUT_BYTES = 1_048_576;
const MAX_ARTIFACT_BYTES = 268_435_456;
const LOCK_AGAIN_MS = 25;

export interface DevIdentity {
  readonly runId: string;
  readonly token: string;
  readonly context: Json;
}

interface Call {
  readonly job: DevJob;
  readonly identity: DevIdentity;
  readonly url: URL;
  readonly request: IncomingMessage;
  /** The last part of the path. */
  readonly name: string;
  readonly body: Buffer;
}

type Handler = (call: Call) => Promise<DevAnswer> | DevAnswer;

/** By the part after `/v1/executions/{id}/`; `*` stands for a name. */
const ROUTES: Readonly<Record<string, Handler>> = {
  "GET input": ({ job }) => json(200, job.input),
  "POST output": postOutput,
  "GET context": ({ identity }) => json(200, identity.context),
  "GET secrets/*": getSecret,
  "GET variables": listVariables,
  "GET variables/*": getVariable,
  "PUT variables/*": putVariable,
  "DELETE variables/*": deleteVariable,
  "POST locks/*": postLock,
  "PUT locks/*": putLock,
  "DELETE locks/*": deleteLock,
  "POST condition": postCondition,
  "POST progress": postProgress,
  "POST name": postName,
  "POST tool-actions/*": postAction,
  "GET artifacts": ({ job }) => json(200, { items: [...job.artifacts.values()] as unknown as Json }),
  "POST artifacts": postArtifact,
  "GET artifacts/*": getArtifact,
  "POST token": ({ identity }) => json(200, { token: identity.token, expiresInMs: 3_600_000 }),
};

/** Not listening yet. */
export function makeRuntimeServer(job: DevJob, identity: DevIdentity): Server {
  return createServer((request, response) => {
    answer(job, identity, request)
      .catch((error: unknown) => {
        const known = error instanceof AppError ? error : new AppError("internal", String(error), { cause: error });
        const retryAfter: Record<string, string> = known.code === "locked" ? { "retry-after": "1" } : {};
        return {
          status: known.status,
          headers: { ...retryAfter, "content-type": "application/problem+json" },
          body: JSON.stringify(toProblem(known, randomUUID())),
        };
      })
      .then((given) => send(response, given))
      .catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
}

function send(response: ServerResponse, { status, headers, body }: DevAnswer): void {
  const bytes = Buffer.from(body);
  response.writeHead(status, status === 204 ? headers : { ...headers, "content-length": bytes.length });
  response.end(status === 204 ? undefined : bytes);
}

async function answer(job: DevJob, identity: DevIdentity, request: IncomingMessage): Promise<DevAnswer> {
  const url = new URL(request.url ?? "/", "http://cronium");
  if (url.pathname === "/health") {
    return json(200, { status: "ok" });
  }
  const match = /^\/v1\/executions\/([^/]+)\/([a-z-]+)(?:\/(.+))?$/.exec(url.pathname);
  const body = await readBody(request, MAX_ARTIFACT_BYTES);
  if (match === null) {
    throw new AppError("not_found", `There is nothing at ${echo(url.pathname)}.`);
  }
  if (request.headers.authorization !== `Bearer ${identity.token}`) {
    throw new AppError("invalid_token", "The call carries no token of this run.");
  }
  const [, runId = "", noun = "", name] = match;
  if (runId !== identity.runId) {
    throw new AppError("attempt_not_active", "The address names another run.");
  }
  const path = name === undefined ? noun : `${noun}/*`;
  const handler = ROUTES[`${request.method ?? ""} ${path}`];
  if (handler === undefined) {
    const known = Object.keys(ROUTES).some((route) => route.endsWith(` ${path}`));
    throw known
      ? new AppError("method_not_allowed", `${url.pathname} does not take ${request.method ?? ""}.`)
      : new AppError("not_found", `There is nothing at ${echo(url.pathname)}.`);
  }
  const call: Call = { job, identity, url, request, name: decodeURIComponent(name ?? ""), body };
  const key = request.headers["idempotency-key"];
  if (typeof key !== "string" || request.method === "GET") {
    return handler(call);
  }
  const before = job.answered.get(key);
  if (before !== undefined) {
    return before;
  }
  const now = Promise.resolve(handler(call));
  job.answered.set(key, now);
  // What was refused may be tried again.
  now.catch(() => job.answered.delete(key));
  return now;
}

async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= limit) {
      chunks.push(chunk);
    }
  }
  if (size > limit) {
    throw new AppError("artifact_too_large", `An artifact has at most ${limit} bytes, not ${size}.`);
  }
  return Buffer.concat(chunks);
}

function json(status: number, value: Json, headers: Readonly<Record<string, string>> = {}): DevAnswer {
  return { status, headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(value) };
}

const DONE: DevAnswer = { status: 204, headers: {}, body: "" };

/** The body as JSON of this shape. */
function fields<T>({ body }: Call, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(parseStrictJson(body.toString()));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new AppError("invalid_value", `${issue?.path.join(".") || "The body"}: ${issue?.message ?? "is not valid"}.`);
  }
  return parsed.data;
}

function checkValueName(name: string): void {
  const problem = envNameProblem(name);
  if (problem !== null) {
    throw new AppError("invalid_name", `The name ${echo(name)} of a variable ${problem.message}.`);
  }
}

function asText({ url }: Call): boolean {
  return url.searchParams.get("format") === "text";
}

function value(call: Call, held: Json, headers: Readonly<Record<string, string>> = {}): DevAnswer {
  if (!asText(call)) {
    return json(200, held, headers);
  }
  const body = typeof held === "string" ? held : JSON.stringify(held);
  return { status: 200, headers: { "content-type": "text/plain; charset=utf-8", ...headers }, body };
}

function ifVersion({ url }: Call): number | undefined {
  const text = url.searchParams.get("ifVersion");
  return text === null ? undefined : Number(text);
}

function postOutput({ job, body }: Call): DevAnswer {
  if (body.length > MAX_OUTPUT_BYTES) {
    throw new AppError("output_too_large", `The output is larger than ${MAX_OUTPUT_BYTES} bytes.`);
  }
  job.output = parseStrictJson(body.toString());
  job.show("output", JSON.stringify(job.output));
  return DONE;
}

function getSecret(call: Call): DevAnswer {
  const held = call.job.secrets.get(call.name);
  if (held === undefined) {
    throw new AppError("secret_not_found", `There is no secret ${echo(call.name)}; put it into the --secrets file.`);
  }
  return value(call, held);
}

function getVariable(call: Call): DevAnswer {
  const held = readVariable(call.job, call.name);
  return value(call, held.value, { "cronium-version": String(held.version) });
}

function listVariables(call: Call): DevAnswer {
  const { searchParams } = call.url;
  const after = Buffer.from(searchParams.get("cursor") ?? "", "base64url").toString();
  const { items, next } = pageOfVariables(call.job, searchParams.get("prefix") ?? "", after);
  const cursor = next === null ? null : Buffer.from(next).toString("base64url");
  if (asText(call)) {
    const more: Record<string, string> = cursor === null ? {} : { "cronium-next-cursor": cursor };
    const headers = { "content-type": "text/plain; charset=utf-8", ...more };
    return { status: 200, headers, body: items.map(({ name }) => name).join("\n") };
  }
  return json(200, { items: items.map((item) => ({ ...item })), nextCursor: cursor });
}

const SetBody = z.strictObject({ value: z.json(), ifVersion: z.int().min(0).optional() });

function putVariable(call: Call): DevAnswer {
  checkValueName(call.name);
  const body = fields(call, SetBody);
  return json(200, { version: writeVariable(call.job, call.name, body.value, body.ifVersion) });
}

function deleteVariable(call: Call): DevAnswer {
  checkValueName(call.name);
  removeVariable(call.job, call.name, ifVersion(call));
  return DONE;
}

const Ttl = z.int().min(1_000).max(300_000).default(30_000);
const TakeBody = z.strictObject({ ttlMs: Ttl, waitMs: z.int().min(0).max(60_000).default(0) });
const RenewBody = z.strictObject({ lockId: z.string(), ttlMs: Ttl });

function checkLockName(name: string): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/.test(name)) {
    throw new AppError("invalid_name", `The name ${echo(name)} of a lock must be letters, digits and . _ : / -`);
  }
}

async function postLock(call: Call): Promise<DevAnswer> {
  const { job, name, request } = call;
  checkLockName(name);
  const { ttlMs, waitMs } = fields(call, TakeBody);
  const until = job.now() + waitMs;
  for (;;) {
    const lockId = takeLock(job, name, ttlMs);
    if (lockId !== false) {
      return json(200, { lockId, ttlMs });
    }
    if (job.now() >= until || request.destroyed) {
      throw new AppError("locked", `Somebody else holds the lock ${echo(name)}.`);
    }
    await pause(LOCK_AGAIN_MS);
  }
}

function putLock(call: Call): DevAnswer {
  const { lockId, ttlMs } = fields(call, RenewBody);
  renewLock(call.job, call.name, lockId, ttlMs);
  return json(200, { lockId, ttlMs });
}

function deleteLock({ job, name, url }: Call): DevAnswer {
  freeLock(job, name, url.searchParams.get("lockId") ?? "");
  return DONE;
}

function postCondition(call: Call): DevAnswer {
  call.job.condition = fields(call, z.strictObject({ value: z.boolean() })).value;
  call.job.show("condition", String(call.job.condition));
  return DONE;
}

const ProgressBody = z.strictObject({
  fraction: z.number().min(0).max(1).nullable().default(null),
  message: z.string().max(500).nullable().default(null),
});

function postProgress(call: Call): DevAnswer {
  const { fraction, message } = fields(call, ProgressBody);
  const share = fraction === null ? [] : [`${Math.round(fraction * 100)} %`];
  call.job.show("progress", [...share, ...(message === null ? [] : [message])].join(" "));
  return DONE;
}

function postName(call: Call): DevAnswer {
  const { name } = fields(call, z.strictObject({ name: z.string() }));
  if (!RunName.safeParse(name).success) {
    throw new AppError("invalid_name", "The name of a run is 1 to 200 characters without control characters.");
  }
  call.job.name = name;
  call.job.show("name", name);
  return DONE;
}

function postAction(call: Call): DevAnswer {
  const { params } = fields(call, z.strictObject({ params: z.json().default(null) }));
  if (call.name !== "echo") {
    throw new AppError("unknown_action", `There is no action ${echo(call.name)}; here there is echo alone.`);
  }
  return json(200, { result: params });
}

function postArtifact({ job, url, request, body }: Call): DevAnswer {
  const { "cronium-sha256": sha256, "content-type": contentType = "application/octet-stream" } = request.headers;
  const said = { sha256: typeof sha256 === "string" ? sha256.toLowerCase() : undefined, contentType };
  const { name, bytes, sha256: sum } = keepArtifact(job, url.searchParams.get("name") ?? "", body, said);
  return json(201, { name, bytes, sha256: sum });
}

function getArtifact({ job, name }: Call): DevAnswer {
  const { artifact, content } = readArtifact(job, name);
  const headers = { "content-type": artifact.contentType, "cronium-sha256": artifact.sha256 };
  return { status: 200, headers, body: content };
}
