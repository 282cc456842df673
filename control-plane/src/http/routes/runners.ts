/** `/runners`: the machines that work for this workspace. */
import { Runner, RunnerId, RunnerPage } from "@cronium/protocol";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import * as z from "zod";
import { listRunners, releaseRunner, revokeRunner } from "../../services/runners.ts";
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
  routes.openapi(revoke, async (c) => {
    await revokeRunner(c.var.deps, actOf(c), c.req.valid("param").id);
    return c.body(null, 204);
  });
  routes.openapi(release, async (c) => c.json(await releaseRunner(c.var.deps, actOf(c), c.req.valid("param").id), 200));
  return routes;
}
