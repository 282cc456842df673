/** `/runs`: what was triggered, what became of it, and what it printed. */
import {
  AdHocRun,
  CancelAccepted,
  logStreams,
  RequeueAccepted,
  RetryRun,
  Run,
  RunAccepted,
  RunId,
  RunListQuery,
  RunPage,
  UpdateRun,
} from "@cronium/protocol";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import type { TypedResponse } from "hono";
import * as z from "zod";
import { causeOf } from "../../services/idempotency.ts";
import { readLogs } from "../../services/logs.ts";
import { requeueRun } from "../../services/requeue.ts";
import { cancelRun, getRun, listRuns, retryRun, runAdHoc, updateRun } from "../../services/runs.ts";
import { actOf } from "../acting.ts";
import { requires } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { jsonAnswer, problemAnswers } from "../route-answers.ts";
import { noteTriggered } from "../triggered.ts";

const byId = z.object({ id: RunId });

const runScript = createRoute({
  method: "post",
  path: "/runs",
  summary: "Run a script once, without storing an event",
  middleware: requires("runs:trigger", { repeats: "own", triggers: true }),
  request: { body: { content: { "application/json": { schema: AdHocRun } }, required: true } },
  responses: {
    202: jsonAnswer(RunAccepted, "The run is stored and will be started"),
    ...problemAnswers(
      "unauthorized",
      "forbidden",
      "invalid_value",
      "body_too_large",
      "idempotency_mismatch",
      "quota_exceeded",
    ),
  },
});

const list = createRoute({
  method: "get",
  path: "/runs",
  summary: "List runs, newest first",
  middleware: requires("runs:read"),
  request: { query: RunListQuery },
  responses: { 200: jsonAnswer(RunPage, "A page"), ...problemAnswers("unauthorized", "invalid_cursor") },
});

const read = createRoute({
  method: "get",
  path: "/runs/{id}",
  summary: "Read one run with its attempts, input and output",
  middleware: requires("runs:read"),
  request: { params: byId },
  responses: { 200: jsonAnswer(Run, "The run"), ...problemAnswers("unauthorized", "not_found", "invalid_id") },
});

const update = createRoute({
  method: "patch",
  path: "/runs/{id}",
  summary: "Change the priority of a run while it is queued",
  middleware: requires("runs:trigger"),
  request: { params: byId, body: { content: { "application/json": { schema: UpdateRun } }, required: true } },
  responses: {
    200: jsonAnswer(Run, "The run"),
    ...problemAnswers("unauthorized", "forbidden", "not_found", "not_queued", "out_of_range"),
  },
});

const retry = createRoute({
  method: "post",
  path: "/runs/{id}/retry",
  summary: "Run again what an ended run ran, as a new run, with the same input or another",
  middleware: requires("runs:trigger", { repeats: "own", triggers: true }),
  request: { params: byId, body: { content: { "application/json": { schema: RetryRun } }, required: false } },
  responses: {
    202: jsonAnswer(RunAccepted, "The new run is stored and will be started"),
    ...problemAnswers(
      "unauthorized",
      "forbidden",
      "not_found",
      "not_final",
      "out_of_range",
      "idempotency_mismatch",
      "quota_exceeded",
    ),
  },
});

const requeue = createRoute({
  method: "post",
  path: "/runs/{id}/requeue",
  summary: "Put a dead letter back into the queue: the same run, its next attempt, with fresh budgets",
  middleware: requires("runs:trigger", { repeats: "own" }),
  request: { params: byId },
  responses: {
    202: jsonAnswer(RequeueAccepted, "It is in the queue again, or an earlier request has put it there"),
    ...problemAnswers(
      "unauthorized",
      "forbidden",
      "not_found",
      "not_dead_letter",
      "shard_conflict",
      "invalid_id",
      "invalid_idempotency_key",
      "idempotency_mismatch",
    ),
  },
});

const cancel = createRoute({
  method: "post",
  path: "/runs/{id}/cancel",
  summary: "Cancel a run; against a completion, whichever came first wins",
  middleware: requires("runs:cancel"),
  request: { params: byId },
  responses: {
    202: jsonAnswer(CancelAccepted, "It is cancelled, or will be when its runner has stopped it"),
    ...problemAnswers("unauthorized", "forbidden", "not_found", "already_final"),
  },
});

const LogQuery = z.object({
  /** `text`: the bytes as printed. `ndjson`: one `LogLine` for each line. */
  format: z.enum(["text", "ndjson"]).default("text"),
  stream: z.enum(logStreams).optional(),
  attempt: z.coerce.number().int().min(1).max(1_000_000).optional(),
  /** `attempt:offset`; only what lies behind it. */
  cursor: z.string().max(64).optional(),
  /** `1` offers the log as a file. */
  download: z.enum(["1"]).optional(),
});

const logs = createRoute({
  method: "get",
  path: "/runs/{id}/logs",
  summary: "Read everything printed so far",
  middleware: requires("runs:read"),
  request: { params: byId, query: LogQuery },
  responses: {
    200: {
      content: { "text/plain": { schema: z.string() }, "application/x-ndjson": { schema: z.string() } },
      description: "The log so far",
    },
    ...problemAnswers("unauthorized", "not_found", "invalid_cursor"),
  },
});

/** Below /api/v1. */
export function runRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.openapi(runScript, async (c) => {
    const { deps, actor } = c.var;
    const cause = causeOf(actor, c.req.header("idempotency-key"), "POST /runs", c.get("bodyBytes"));
    return c.json(noteTriggered(c, await runAdHoc(deps, actor, c.req.valid("json"), cause)), 202);
  });
  routes.openapi(list, async (c) => c.json(await listRuns(c.var.deps, c.var.actor, c.req.valid("query")), 200));
  routes.openapi(read, async (c) => c.json(await getRun(c.var.deps, c.var.actor, c.req.valid("param").id), 200));
  routes.openapi(update, async (c) => {
    const { id } = c.req.valid("param");
    return c.json(await updateRun(c.var.deps, actOf(c), id, c.req.valid("json")), 200);
  });
  routes.openapi(retry, async (c) => {
    const { deps, actor } = c.var;
    const { id } = c.req.valid("param");
    // A request without a body keeps the input.
    const request = RetryRun.parse(c.req.valid("json") ?? {});
    const cause = causeOf(actor, c.req.header("idempotency-key"), `POST /runs/${id}/retry`, c.get("bodyBytes"));
    return c.json(await retryRun(deps, actOf(c), id, request, cause), 202);
  });
  routes.openapi(requeue, async (c) => {
    const { deps, actor } = c.var;
    const { id } = c.req.valid("param");
    const cause = causeOf(actor, c.req.header("idempotency-key"), `POST /runs/${id}/requeue`, c.get("bodyBytes"));
    return c.json(await requeueRun(deps, actOf(c), id, cause), 202);
  });
  routes.openapi(cancel, async (c) => c.json(await cancelRun(c.var.deps, actOf(c), c.req.valid("param").id), 202));
  routes.openapi(logs, async (c) => {
    const { id } = c.req.valid("param");
    const { format, stream, attempt, cursor, download } = c.req.valid("query");
    const body = await readLogs(c.var.deps, c.var.actor, id, { format, stream, attempt, cursor });
    const extension = format === "ndjson" ? "ndjson" : "log";
    const answer = new Response(body, {
      headers: {
        "content-type": format === "ndjson" ? "application/x-ndjson" : "text/plain; charset=utf-8",
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
        ...(download === "1" ? { "content-disposition": `attachment; filename="${id}.${extension}"` } : {}),
      },
    });
    // The contract's types know texts, not streams.
    return answer as Response & TypedResponse<string, 200, "text">;
  });
  return routes;
}
