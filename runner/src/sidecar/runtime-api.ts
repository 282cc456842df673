/** Answers the calls of one slot: the table of routes, who may call them, and errors as problem documents. */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout } from "node:timers/promises";
import { AppError, echo, ExitReport, type Json, MAX_OUTPUT_BYTES, toProblem } from "@cronium/protocol";
import { authorize } from "./execution-token.ts";
import { discardBody, readJson } from "./request-body.ts";
import { shellJob } from "./shell-job.ts";
import type { SlotContext, SlotState } from "./slots.ts";

const MAX_EXIT_BYTES = 256;
/** After a restart the runner opens a slot and then binds its job again; a script that calls in between waits this long. */
const BOUND_WITHIN_MS = 2_000;

interface Call {
  readonly context: SlotContext;
  readonly slot: SlotState;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  /** The `{id}` of the path; empty where it has none. */
  readonly runId: string;
  /** The `{name}` of the path; empty where it has none. */
  readonly name: string;
}

type Handler = (call: Call) => Promise<void>;

interface Route {
  readonly path: RegExp;
  readonly methods: Readonly<Record<string, Handler>>;
  /** `container`: whoever reaches this socket. `token`: needs the job's token. */
  readonly caller: "container" | "token";
}

const routes: readonly Route[] = [
  { path: /^\/health$/, caller: "container", methods: { GET: getHealth } },
  { path: /^\/v1\/job$/, caller: "container", methods: { GET: getJob } },
  { path: /^\/v1\/job\/exit$/, caller: "container", methods: { POST: postExit } },
  { path: /^\/v1\/executions\/([^/]+)\/input$/, caller: "token", methods: { GET: getInput } },
  { path: /^\/v1\/executions\/([^/]+)\/output$/, caller: "token", methods: { POST: postOutput } },
  { path: /^\/v1\/executions\/([^/]+)\/context$/, caller: "token", methods: { GET: getContext } },
  { path: /^\/v1\/executions\/([^/]+)\/secrets\/([^/]+)$/, caller: "token", methods: { GET: getSecret } },
  { path: /^\/v1\/executions\/([^/]+)\/variables\/([^/]+)$/, caller: "token", methods: { GET: getVariable } },
];

/** Never rejects: every failure becomes an answer, or the end of the connection. */
export async function answer(
  context: SlotContext,
  slot: SlotState,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    await route(context, slot, request, response);
  } catch (error) {
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    const known =
      error instanceof AppError
        ? error
        : new AppError("internal", "The sidecar failed on this call.", { cause: error });
    if (known.code === "internal") {
      context.emit({ type: "failed", slot: slot.name, message: String(known.cause) });
    }
    if (!request.complete && !request.destroyed) {
      await discardBody(request);
    }
    if (!request.complete) {
      // A body that was not read to its end makes the connection useless.
      response.setHeader("connection", "close");
    }
    send(response, known.status, toProblem(known, randomUUID()), "application/problem+json");
  }
}

async function route(
  context: SlotContext,
  slot: SlotState,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? "/", "http://cronium");
  for (const { path, methods, caller } of routes) {
    const match = path.exec(url.pathname);
    if (match === null) {
      continue;
    }
    const [, runId = "", name = ""] = match;
    if (caller === "token") {
      await boundSoon(slot);
      await authorize(context.key, slot, request.headers.authorization, runId);
    }
    const handler = Object.hasOwn(methods, request.method ?? "") ? methods[request.method ?? ""] : undefined;
    if (handler === undefined) {
      const allowed = Object.keys(methods).join(", ");
      response.setHeader("allow", allowed);
      throw new AppError("method_not_allowed", `${url.pathname} takes ${allowed}.`);
    }
    await handler({ context, slot, request, response, url, runId, name });
    return;
  }
  throw new AppError("not_found", `There is nothing at ${echo(url.pathname)}.`);
}

async function boundSoon(slot: SlotState): Promise<void> {
  if (slot.bind !== null) {
    return;
  }
  const waited = new AbortController();
  const { signal } = waited;
  await Promise.race([slot.bound.promise, setTimeout(BOUND_WITHIN_MS, undefined, { signal }).catch(() => {})]);
  waited.abort();
}

async function getHealth({ response }: Call): Promise<void> {
  send(response, 200, { status: "ok" });
}

/** Waits for the job, hands it out once, and remembers that only when the answer has left. */
async function getJob({ context, slot, response, url }: Call): Promise<void> {
  await Promise.race([slot.bound.promise, new Promise((resolve) => response.once("close", resolve))]);
  if (response.destroyed || slot.bind === null) {
    return;
  }
  if (slot.handedOut) {
    throw new AppError("attempt_not_active", "The job was handed out already.");
  }
  slot.handedOut = true;
  response.once("close", () => {
    if (response.writableFinished) {
      context.emit({ type: "handed_out", slot: slot.name });
    } else {
      slot.handedOut = false;
    }
  });
  const { job } = slot.bind;
  if (url.searchParams.get("format") === "shell") {
    const body = Buffer.from(shellJob(job));
    response.writeHead(200, { "content-type": "text/plain; charset=utf-8", "content-length": body.length });
    response.end(body);
  } else {
    send(response, 200, job);
  }
}

async function postExit({ context, slot, request, response }: Call): Promise<void> {
  const report = ExitReport.safeParse(await readJson(request, MAX_EXIT_BYTES, "body_too_large"));
  if (!report.success) {
    throw new AppError("invalid_value", 'The body must be {"code": 0 to 255}.');
  }
  context.emit({ type: "exit", slot: slot.name, code: report.data.code });
  empty(response);
}

async function getInput({ slot, response }: Call): Promise<void> {
  send(response, 200, slot.bind?.input ?? null);
}

async function getContext({ slot, response }: Call): Promise<void> {
  send(response, 200, slot.bind?.context ?? null);
}

async function getSecret({ slot, response, url, name }: Call): Promise<void> {
  const { secrets = {} } = slot.bind ?? {};
  const value = Object.hasOwn(secrets, name) ? secrets[name] : undefined;
  if (value === undefined) {
    throw new AppError("secret_not_found", `The event does not name a secret ${echo(name)}; add it to its secrets.`);
  }
  sendValue(response, url, value);
}

async function getVariable({ slot, response, url, name }: Call): Promise<void> {
  const { variables = {} } = slot.bind ?? {};
  const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
  if (value === undefined) {
    throw new AppError("not_found", `Neither the event nor the workspace has a variable ${echo(name)}.`);
  }
  sendValue(response, url, value);
}

/** As JSON, or, for shells, strings as they are. */
function sendValue(response: ServerResponse, url: URL, value: Json): void {
  if (url.searchParams.get("format") !== "text") {
    send(response, 200, value);
    return;
  }
  const bytes = Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
  response.writeHead(200, { "content-type": "text/plain; charset=utf-8", "content-length": bytes.length });
  response.end(bytes);
}

async function postOutput({ context, slot, request, response }: Call): Promise<void> {
  const value: Json = await readJson(request, MAX_OUTPUT_BYTES, "output_too_large");
  if (!(await context.store(slot.name, value))) {
    throw new AppError("not_available", "The runner could not store the output.");
  }
  empty(response);
}

function empty(response: ServerResponse): void {
  response.writeHead(204);
  response.end();
}

function send(response: ServerResponse, status: number, body: unknown, type = "application/json"): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, { "content-type": type, "content-length": bytes.length });
  response.end(bytes);
}
