/** `/runners`: the machines that work for this workspace. */
import { RunnerPage } from "@cronium/protocol";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import { listRunners } from "../../services/runners.ts";
import { requires } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { jsonAnswer, problemAnswers } from "../route-answers.ts";

const list = createRoute({
  method: "get",
  path: "/runners",
  summary: "List runners with their state at this moment",
  middleware: requires("runners:read"),
  responses: { 200: jsonAnswer(RunnerPage, "All runners"), ...problemAnswers("unauthorized") },
});

/** Below /api/v1. */
export function runnerRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.openapi(list, async (c) => c.json(await listRunners(c.var.deps, c.var.actor), 200));
  return routes;
}
