/** `GET /install/…`: the programs that belong to this control plane, for npx and npm install. */
import { AppError } from "@cronium/protocol/errors";
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { open } from "../authorize.ts";
import type { AppEnv } from "../context.ts";

export function installRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  const runner = open("the program is public; the token beside it is not");
  routes.get("/install/cronium-runner.tgz", runner, (c) => tarball(c, "cronium-runner.tgz", "runner package"));
  const cli = open("the program is public, and does nothing without a login");
  routes.get("/install/cronium.tgz", cli, (c) => tarball(c, "cronium.tgz", "command line program"));
  return routes;
}

async function tarball(c: Context<AppEnv>, name: string, what: string): Promise<Response> {
  const file = await c.get("deps").assets.fetch(new Request(new URL(`/install/${name}`, c.req.url)));
  // The dashboard's fallback answers unknown files with its page.
  if (!file.ok || file.headers.get("content-type")?.startsWith("text/html") === true) {
    throw new AppError("not_available", `This installation was built without the ${what}.`);
  }
  return new Response(file.body, {
    headers: {
      "content-type": "application/gzip",
      "cache-control": "no-cache",
      "content-disposition": `attachment; filename="${name}"`,
    },
  });
}
