/** `GET /install/cronium-runner.tgz`: the runner that belongs to this control plane, for npx. */
import { AppError } from "@cronium/protocol/errors";
import { OpenAPIHono } from "@hono/zod-openapi";
import { open } from "../authorize.ts";
import type { AppEnv } from "../context.ts";

const PATH = "/install/cronium-runner.tgz";

export function installRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.get(PATH, open("the program is public; the token beside it is not"), async (c) => {
    const file = await c.get("deps").assets.fetch(new Request(new URL(PATH, c.req.url)));
    // The dashboard's fallback answers unknown files with its page.
    if (!file.ok || file.headers.get("content-type")?.startsWith("text/html") === true) {
      throw new AppError("not_available", "This installation was built without the runner package.");
    }
    return new Response(file.body, {
      headers: {
        "content-type": "application/gzip",
        "cache-control": "no-cache",
        "content-disposition": 'attachment; filename="cronium-runner.tgz"',
      },
    });
  });
  return routes;
}
