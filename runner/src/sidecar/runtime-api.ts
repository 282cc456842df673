/** Answers the calls of one slot: finds the route, checks who calls and how often, and writes errors as problems. */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout } from "node:timers/promises";
import { AppError, echo, toProblem } from "@cronium/protocol";
import { send, type Handler } from "./call.ts";
import { authorize } from "./execution-token.ts";
import { discardBody } from "./request-body.ts";
import { pattern, routes } from "./routes.ts";
import type { SlotContext, SlotState } from "./slots.ts";

/** After a restart the runner opens a slot and then binds its job again; a script that calls in between waits this long. */
const BOUND_WITHIN_MS = 2_000;

const table = routes.map((route) => ({ ...route, pattern: pattern(route.path) }));

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
  const url = readUrl(request);
  for (const { path, pattern: known, methods, caller } of table) {
    const match = known.exec(url.pathname);
    if (match === null) {
      continue;
    }
    const method = request.method ?? "";
    response.once("close", () =>
      slot.metrics.call(`${Object.hasOwn(methods, method) ? method : "*"} ${path}`, response.statusCode),
    );
    const [, runId = "", name = ""] = match;
    if (caller === "token") {
      await boundSoon(slot);
      await authorize(context.key, slot, request.headers.authorization, runId);
      slot.requests.take(response);
    }
    const handler = Object.hasOwn(methods, method) ? (methods as Record<string, Handler>)[method] : undefined;
    if (handler === undefined) {
      const allowed = Object.keys(methods).join(", ");
      response.setHeader("allow", allowed);
      throw new AppError("method_not_allowed", `${url.pathname} takes ${allowed}.`);
    }
    await handler({ context, slot, request, response, url, runId, name: decoded(name) });
    return;
  }
  throw new AppError("not_found", `There is nothing at ${echo(url.pathname)}.`);
}

function readUrl(request: IncomingMessage): URL {
  const url = URL.parse(request.url ?? "/", "http://cronium");
  if (url === null) {
    throw new AppError("not_found", `There is nothing at ${echo(request.url ?? "")}.`);
  }
  return url;
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    throw new AppError("invalid_name", `The name ${echo(name)} in the address is not UTF-8 in percent encoding.`);
  }
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
