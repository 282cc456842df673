/** `/settings`: what holds for the whole workspace. */
import { Settings, UpdateSettings } from "@cronium/protocol";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import { getSettings, updateSettings } from "../../services/settings.ts";
import { actOf } from "../acting.ts";
import { requires } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { ifMatch } from "../if-match.ts";
import { jsonAnswer, problemAnswers } from "../route-answers.ts";

const read = createRoute({
  method: "get",
  path: "/settings",
  summary: "Read the settings of the workspace; the answer's ETag is their version",
  middleware: requires("settings:read"),
  responses: { 200: jsonAnswer(Settings, "The settings"), ...problemAnswers("unauthorized", "forbidden") },
});

const update = createRoute({
  method: "patch",
  path: "/settings",
  summary: "Change settings of the workspace; If-Match guards against others",
  middleware: requires("settings:write", { matches: true }),
  request: { body: { content: { "application/json": { schema: UpdateSettings } }, required: true } },
  responses: {
    200: jsonAnswer(Settings, "The settings as they are now"),
    ...problemAnswers("unauthorized", "forbidden", "version_conflict", "out_of_range", "unknown_field"),
  },
});

/** Below /api/v1. */
export function settingsRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.openapi(read, async (c) => {
    const { settings, version } = await getSettings(c.var.deps, c.var.actor);
    return c.json(settings, 200, { etag: `"${version}"` });
  });
  routes.openapi(update, async (c) => {
    const expected = ifMatch(c.req.header("if-match"));
    const { settings, version } = await updateSettings(c.var.deps, actOf(c), c.req.valid("json"), expected);
    return c.json(settings, 200, { etag: `"${version}"` });
  });
  return routes;
}
