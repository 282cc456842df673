/** `/stats`: how many runs there are, how long they wait, and what the last day brought. */
import { Stats } from "@cronium/protocol";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import { getStats } from "../../services/stats.ts";
import { requires } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { jsonAnswer, problemAnswers } from "../route-answers.ts";

const read = createRoute({
  method: "get",
  path: "/stats",
  summary: "Read how many runs wait, work and ended",
  middleware: requires("runs:read"),
  responses: { 200: jsonAnswer(Stats, "The numbers of this moment"), ...problemAnswers("unauthorized", "forbidden") },
});

/** Below /api/v1. */
export function statsRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.openapi(read, async (c) => {
    c.header("cache-control", "no-store");
    return c.json(await getStats(c.var.deps, c.var.actor), 200);
  });
  return routes;
}
