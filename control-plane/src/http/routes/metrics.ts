/** `/metrics`: the caller's workspace in numbers, as Prometheus scrapes them. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { getMetrics } from "../../services/stats.ts";
import { requires } from "../authorize.ts";
import type { AppEnv } from "../context.ts";

/** At the root. */
export function metricsRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.get("/metrics", requires("metrics:read"), async (c) =>
    c.text(await getMetrics(c.var.deps, c.var.actor), 200, {
      "content-type": "text/plain; version=0.0.4; charset=utf-8",
      "cache-control": "no-store",
    }),
  );
  return routes;
}
