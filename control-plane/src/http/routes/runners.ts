/** `/runners`: the machines that work for this workspace. */
import { DrainRunner, PauseRunner, Runner, RunnerDetail, RunnerId, RunnerPage } from "@cronium/protocol";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import * as z from "zod";
import {
  drainRunner,
  inspectRunner,
  listRunners,
  pauseRunner,
  releaseRunner,
  resumeRunner,
  revokeRunner,
} from "../../services/runners.ts";
import { actOf } from "../acting.ts";
import { requires } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { jsonAnswer, problemAnswers } from "../route-answers.ts";

const byId = z.object({ id: RunnerId });

const list = createRoute({
  method: "get",
  path: "/runners",
  summary: "List runners with their state at this moment",
  middleware: requires("runners:read"),
  responses: { 200: jsonAnswer(RunnerPage, "All runners"), ...problemAnswers("unauthorized") },
});

const show = createRoute({
  method: "get",
  path: "/runners/{id}",
  summary: "Read a runner with its machine's facts, how the machine does at this moment, and its jobs",
  middleware: requires("runners:read"),
  request: { params: byId },
  responses: {
    200: jsonAnswer(RunnerDetail, "The runner"),
    ...problemAnswers("unauthorized", "not_found", "invalid_id"),
  },
});

const pause = createRoute({
  method: "post",
  path: "/runners/{id}/pause",
  summary: "Give a runner no new work until it is resumed, or for some time; what it runs goes on",
  middleware: requires("runners:write"),
  request: {
    params: byId,
    body: { content: { "application/json": { schema: PauseRunner } }, required: false },
  },
  responses: {
    200: jsonAnswer(Runner, "The runner"),
    ...problemAnswers("unauthorized", "forbidden", "runner_revoked", "not_found", "invalid_id", "out_of_range"),
  },
});

const resume = createRoute({
  method: "post",
  path: "/runners/{id}/resume",
  summary: "End the pause of a runner: it gets work again",
  middleware: requires("runners:write"),
  request: { params: byId },
  responses: {
    200: jsonAnswer(Runner, "The runner"),
    ...problemAnswers("unauthorized", "forbidden", "runner_revoked", "not_found", "invalid_id"),
  },
});

const drain = createRoute({
  method: "post",
  path: "/runners/{id}/drain",
  summary: "Let a runner finish what it has, and end",
  middleware: requires("runners:write"),
  request: {
    params: byId,
    body: { content: { "application/json": { schema: DrainRunner } }, required: false },
  },
  responses: {
    200: jsonAnswer(Runner, "The runner"),
    ...problemAnswers(
      "unauthorized",
      "forbidden",
      "runner_revoked",
      "runner_offline",
      "not_found",
      "invalid_id",
      "out_of_range",
    ),
  },
});

const revoke = createRoute({
  method: "delete",
  path: "/runners/{id}",
  summary: "Revoke a runner: it is disconnected at once, stops its jobs and may never connect again",
  middleware: requires("runners:write"),
  request: { params: byId },
  responses: {
    204: { description: "It is revoked" },
    ...problemAnswers("unauthorized", "forbidden", "not_found", "invalid_id"),
  },
});

const release = createRoute({
  method: "post",
  path: "/runners/{id}/release",
  summary: "End a runner's quarantine: it gets work again",
  middleware: requires("runners:write"),
  request: { params: byId },
  responses: {
    200: jsonAnswer(Runner, "The runner"),
    ...problemAnswers("unauthorized", "forbidden", "runner_revoked", "not_found", "invalid_id"),
  },
});

/** Below /api/v1. */
export function runnerRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.openapi(list, async (c) => c.json(await listRunners(c.var.deps, c.var.actor), 200));
  routes.openapi(show, async (c) => c.json(await inspectRunner(c.var.deps, c.var.actor, c.req.valid("param").id), 200));
  routes.openapi(pause, async (c) => {
    // A request without a body pauses without a note, for good.
    const request = PauseRunner.parse(c.req.valid("json") ?? {});
    return c.json(await pauseRunner(c.var.deps, actOf(c), c.req.valid("param").id, request), 200);
  });
  routes.openapi(resume, async (c) => c.json(await resumeRunner(c.var.deps, actOf(c), c.req.valid("param").id), 200));
  routes.openapi(drain, async (c) => {
    const request = DrainRunner.parse(c.req.valid("json") ?? {});
    return c.json(await drainRunner(c.var.deps, actOf(c), c.req.valid("param").id, request), 200);
  });
  routes.openapi(revoke, async (c) => {
    await revokeRunner(c.var.deps, actOf(c), c.req.valid("param").id);
    return c.body(null, 204);
  });
  routes.openapi(release, async (c) => c.json(await releaseRunner(c.var.deps, actOf(c), c.req.valid("param").id), 200));
  return routes;
}
