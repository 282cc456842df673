/** Live sockets of people and scripts: one run with its log, and the workspace. Cookies need an exact Origin and a ticket. */
import { RunId } from "@cronium/protocol";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import * as z from "zod";
import { watchRun } from "../../services/logs.ts";
import { watchWorkspace } from "../../services/runners.ts";
import { requires } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { requireUpgrade } from "../middleware/upgrade.ts";
import { problemAnswers } from "../route-answers.ts";

/** From `POST /live-tickets`; with a session alone. */
const Ticket = z.string().max(64).optional();

const run = createRoute({
  method: "get",
  path: "/runs/{id}/live",
  summary: "WebSocket: the run's state and its log from a cursor on",
  middleware: requires("live:read"),
  request: {
    params: z.object({ id: RunId }),
    query: z.object({ cursor: z.string().max(64).optional(), ticket: Ticket }),
  },
  responses: {
    101: { description: "Binary messages are log frames, texts are RunLiveMessage" },
    ...problemAnswers("unauthorized", "origin_not_allowed", "not_found", "invalid_id", "invalid_cursor"),
  },
});

const workspace = createRoute({
  method: "get",
  path: "/live",
  summary: "WebSocket: changes of the workspace's runs and runners",
  middleware: requires("live:read"),
  request: { query: z.object({ ticket: Ticket }) },
  responses: {
    101: { description: "Texts are WorkspaceLiveMessage" },
    ...problemAnswers("unauthorized", "origin_not_allowed"),
  },
});

/** Below /api/v1. */
export function liveRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.openapi(run, async (c) => {
    requireUpgrade(c);
    return watchRun(c.var.deps, c.var.actor, c.req.valid("param").id, c.req.valid("query").cursor);
  });
  routes.openapi(workspace, async (c) => {
    requireUpgrade(c);
    return watchWorkspace(c.var.deps, c.var.actor);
  });
  return routes;
}
