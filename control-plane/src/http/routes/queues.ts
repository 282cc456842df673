/** `/queues`: what waits where, and pausing it. */
import { PauseQueue, Queue, QueueName, QueuePage, ShardQueue } from "@cronium/protocol";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import * as z from "zod";
import { listQueues, pauseQueue, resumeQueue, shardQueue } from "../../services/queues.ts";
import { actOf } from "../acting.ts";
import { requires } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { jsonAnswer, problemAnswers } from "../route-answers.ts";

const byName = z.object({ name: QueueName });

const list = createRoute({
  method: "get",
  path: "/queues",
  summary: "List the queues with what waits and runs in them, by name",
  middleware: requires("queues:read"),
  responses: { 200: jsonAnswer(QueuePage, "All queues"), ...problemAnswers("unauthorized") },
});

const pause = createRoute({
  method: "post",
  path: "/queues/{name}/pause",
  summary: "Start nothing more of a queue until it is resumed; what runs goes on",
  middleware: requires("queues:write"),
  request: {
    params: byName,
    body: { content: { "application/json": { schema: PauseQueue } }, required: false },
  },
  responses: {
    200: jsonAnswer(Queue, "The queue"),
    ...problemAnswers("unauthorized", "forbidden", "invalid_id", "out_of_range"),
  },
});

const resume = createRoute({
  method: "post",
  path: "/queues/{name}/resume",
  summary: "Start runs of a queue again",
  middleware: requires("queues:write"),
  request: { params: byName },
  responses: { 200: jsonAnswer(Queue, "The queue"), ...problemAnswers("unauthorized", "forbidden", "invalid_id") },
});

const shard = createRoute({
  method: "post",
  path: "/queues/{name}/shard",
  summary: "Give a queue a Dispatcher of its own, or take it back; its runs keep every guarantee",
  middleware: requires("queues:write"),
  request: {
    params: byName,
    body: { content: { "application/json": { schema: ShardQueue } }, required: true },
  },
  responses: {
    200: jsonAnswer(Queue, "The queue"),
    ...problemAnswers("unauthorized", "forbidden", "invalid_id", "invalid_type", "shard_conflict"),
  },
});

/** Below /api/v1. */
export function queueRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.openapi(list, async (c) => c.json(await listQueues(c.var.deps, c.var.actor), 200));
  routes.openapi(pause, async (c) => {
    const { name } = c.req.valid("param");
    // A request without a body pauses without a note.
    const request = PauseQueue.parse(c.req.valid("json") ?? {});
    return c.json(await pauseQueue(c.var.deps, actOf(c), name, request), 200);
  });
  routes.openapi(shard, async (c) =>
    c.json(await shardQueue(c.var.deps, actOf(c), c.req.valid("param").name, c.req.valid("json")), 200),
  );
  routes.openapi(resume, async (c) => c.json(await resumeQueue(c.var.deps, actOf(c), c.req.valid("param").name), 200));
  return routes;
}
