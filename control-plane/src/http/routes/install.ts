/** `GET /install/…`: the programs and SDKs that belong to this control plane, for npx, npm, pip and curl. */
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
  const sdk = open("the SDKs are public, and do nothing outside a run");
  routes.get("/install/cronium-sdk.tgz", sdk, (c) => tarball(c, "cronium-sdk.tgz", "SDK for Node"));
  routes.get("/install/cronium.sh", sdk, (c) => file(c, "cronium.sh", "SDK for Bash", "text/x-shellscript"));
  // pip reads name and version from the file's name.
  routes.get("/install/:wheel{cronium-[0-9][0-9a-z.]*-py3-none-any\\.whl}", sdk, (c) =>
    file(c, c.req.param("wheel"), "SDK for Python in this version", "application/zip"),
  );
  routes.get("/install/:sdist{cronium-[0-9][0-9a-z.]*\\.tar\\.gz}", sdk, (c) =>
    tarball(c, c.req.param("sdist"), "SDK for Python in this version"),
  );
  return routes;
}

function tarball(c: Context<AppEnv>, name: string, what: string): Promise<Response> {
  return file(c, name, what, "application/gzip");
}

async function file(c: Context<AppEnv>, name: string, what: string, type: string): Promise<Response> {
  const found = await c.get("deps").assets.fetch(new Request(new URL(`/install/${name}`, c.req.url)));
  // The dashboard's fallback answers unknown files with its page.
  if (!found.ok || found.headers.get("content-type")?.startsWith("text/html") === true) {
    throw new AppError("not_available", `This installation was built without the ${what}.`);
  }
  return new Response(found.body, {
    headers: {
      "content-type": type,
      "cache-control": "no-cache",
      "content-disposition": `attachment; filename="${name}"`,
    },
  });
}
