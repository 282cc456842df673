/** `/occurrences`: what became of the times of all schedules. */
import { OccurrenceListQuery, OccurrencePage } from "@cronium/protocol";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import { listOccurrences } from "../../services/schedules.ts";
import { requires } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { jsonAnswer, problemAnswers } from "../route-answers.ts";

const list = createRoute({
  method: "get",
  path: "/occurrences",
  summary: "What became of the times of all schedules, newest first; by schedule, event, decision and time",
  middleware: requires("schedules:read"),
  request: { query: OccurrenceListQuery },
  responses: {
    200: jsonAnswer(OccurrencePage, "A page of occurrences"),
    ...problemAnswers("unauthorized", "invalid_cursor", "invalid_limit", "invalid_value"),
  },
});

/** Below /api/v1. */
export function occurrenceRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.openapi(list, async (c) => c.json(await listOccurrences(c.var.deps, c.var.actor, c.req.valid("query")), 200));
  return routes;
}
