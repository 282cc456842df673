/** What the launcher on the same machine asks for; closed where there is none, and answered as if it did not exist. */
import { timingSafeEqual } from "node:crypto";
import { AppError } from "@cronium/protocol/errors";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import * as z from "zod";
import { readKeyStatus } from "../../services/key-status.ts";
import { passwordLink, takeMessages } from "../../services/messages.ts";
import { setUp } from "../../services/setup.ts";
import { pokeDispatchers } from "../../services/watchdog.ts";
import { continueDeletions } from "../../services/workspace-deletion.ts";
import { open } from "../authorize.ts";
import type { AppEnv } from "../context.ts";

const guard = "needs the launcher's key, which only this machine holds";

const setup = createRoute({
  hide: true,
  method: "post",
  path: "/launcher/setup",
  middleware: open(guard, { frequent: true }),
  request: {
    body: {
      content: {
        "application/json": { schema: z.strictObject({ apiKey: z.string().nullable() }) },
      },
      required: true,
    },
  },
  responses: { 200: { description: "What the launcher writes down" } },
});

const PasswordLinkFor = z.strictObject({ email: z.string(), withoutSecondFactor: z.boolean().default(false) });

const link = createRoute({
  hide: true,
  method: "post",
  path: "/launcher/password-link",
  middleware: open(guard),
  request: {
    body: { content: { "application/json": { schema: PasswordLinkFor } }, required: true },
  },
  responses: { 200: { description: "The path of the link; null for an unknown address" } },
});

export function launcherRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.openapi(setup, async (c) => {
    requireLauncherKey(c);
    return c.json(await setUp(c.get("deps"), c.req.valid("json")), 200);
  });
  routes.post("/launcher/watchdog", open(guard, { frequent: true }), async (c) => {
    requireLauncherKey(c);
    const poked = await pokeDispatchers(c.get("deps"));
    await continueDeletions(c.get("deps"));
    return c.json(poked);
  });
  routes.post("/launcher/messages", open(guard, { frequent: true }), async (c) => {
    requireLauncherKey(c);
    return c.json(await takeMessages(c.get("deps")), 200, { "cache-control": "no-store" });
  });
  routes.openapi(link, async (c) => {
    requireLauncherKey(c);
    const { email, ...options } = c.req.valid("json");
    const path = await passwordLink(c.get("deps"), email, options);
    return c.json({ path }, 200, { "cache-control": "no-store" });
  });
  routes.post("/launcher/key-status", open(guard, { frequent: true }), async (c) => {
    requireLauncherKey(c);
    return c.json(await readKeyStatus(c.get("deps")));
  });
  return routes;
}

function requireLauncherKey(c: Context<AppEnv>): void {
  const expected = c.get("deps").config.launcherKey;
  const given = c.req.header("authorization")?.replace(/^Bearer /i, "") ?? "";
  if (expected === null || !equals(given, expected)) {
    throw new AppError("not_found", "There is nothing at this address.");
  }
}

function equals(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
