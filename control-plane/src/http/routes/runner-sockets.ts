/** The two sockets of a runner, control and one for the log of each attempt, and requests in place of them. */
import { HOME_SHARD, MAX_SHARD, RunId } from "@cronium/protocol/ids";
import { LogBatch, LogBatchAnswer } from "@cronium/protocol/log-frame";
import { PollAnswer, PollRequest } from "@cronium/protocol/poll";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import * as z from "zod";
import { openLogSocket, writeLogBatch } from "../../services/logs.ts";
import { connectRunner, pollRunner } from "../../services/runners.ts";
import { open } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { refuseCookies, requireUpgrade } from "../middleware/upgrade.ts";
import { jsonAnswer, problemAnswers } from "../route-answers.ts";

const connect = createRoute({
  method: "get",
  path: "/runner/connect",
  summary: "WebSocket of a runner; it proves its key inside",
  middleware: open("the runner signs a challenge with its own key inside the socket"),
  request: {
    query: z.object({
      runnerId: z.string().max(200).default(""),
      protocol: z.string().max(20).default(""),
      /** One of the workspace's shards; 0, the default, for its own Dispatcher. */
      shard: z.coerce.number().int().min(0).max(MAX_SHARD).default(HOME_SHARD),
    }),
  },
  responses: {
    101: { description: "Texts are ServerMessage and RunnerMessage" },
    ...problemAnswers("unauthorized", "runner_revoked", "upgrade_required", "invalid_id", "forbidden"),
  },
});

const logs = createRoute({
  method: "get",
  path: "/runner/logs/{runId}",
  summary: "WebSocket over which a runner sends the log of one attempt",
  middleware: open("the bearer token of the grant names the one attempt it is good for", { frequent: true }),
  request: { params: z.object({ runId: RunId }) },
  responses: {
    101: { description: "Binary messages are log frames" },
    ...problemAnswers("invalid_token", "invalid_id", "forbidden"),
  },
});

const poll = createRoute({
  method: "post",
  path: "/runner/poll",
  summary: "Frames of a runner whose network lets no WebSocket through; held while there is nothing to say",
  middleware: open("the runner signs the challenge of its session with its own key", { frequent: true }),
  request: { body: { content: { "application/json": { schema: PollRequest } }, required: true } },
  responses: {
    200: jsonAnswer(PollAnswer, "Frames for the runner, and what has arrived from it"),
    ...problemAnswers("unauthorized", "runner_revoked", "upgrade_required", "invalid_id", "forbidden"),
  },
});

const logBatch = createRoute({
  method: "post",
  path: "/runner/logs/{runId}",
  summary: "Log frames of one attempt, from a runner whose network lets no WebSocket through",
  middleware: open("the bearer token of the grant names the one attempt it is good for", { frequent: true }),
  request: {
    params: z.object({ runId: RunId }),
    body: { content: { "application/json": { schema: LogBatch } }, required: true },
  },
  responses: {
    200: jsonAnswer(LogBatchAnswer, "What a log socket would have said"),
    ...problemAnswers("invalid_token", "invalid_id", "forbidden"),
  },
});

/** Below /api/v1. */
export function runnerSocketRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.openapi(connect, async (c) => {
    refuseCookies(c);
    requireUpgrade(c);
    return connectRunner(c.var.deps, c.req.valid("query"));
  });
  routes.openapi(poll, async (c) => {
    refuseCookies(c);
    return c.json(await pollRunner(c.var.deps, c.req.valid("json")), 200);
  });
  routes.openapi(logs, async (c) => {
    refuseCookies(c);
    requireUpgrade(c);
    return openLogSocket(c.var.deps, c.req.valid("param").runId, bearer(c));
  });
  routes.openapi(logBatch, async (c) => {
    refuseCookies(c);
    return c.json(await writeLogBatch(c.var.deps, c.req.valid("param").runId, bearer(c), c.req.valid("json")), 200);
  });
  return routes;
}

function bearer(c: Context<AppEnv>): string | undefined {
  return /^Bearer ([^\s]+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
}
