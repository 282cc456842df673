/** `/health`: the process answers. `/ready`: the parts behind it do, too. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { checkReadiness } from "../../services/readiness.ts";
import { open } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { VERSION } from "../version.ts";

export function healthRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.get("/health", open("says only that the process lives", { frequent: true }), (c) => {
    c.header("cache-control", "no-store");
    return c.json({ status: "ok", version: VERSION });
  });
  routes.get("/ready", open("says which part is down, and nothing of its content"), async (c) => {
    const readiness = await checkReadiness(c.get("deps"));
    c.header("cache-control", "no-store");
    return c.json(readiness, readiness.ready ? 200 : 503);
  });
  return routes;
}
