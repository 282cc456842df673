/** The two sockets of a runner: control, and one log socket for each attempt. */
import { RunId } from "@cronium/protocol/ids";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import * as z from "zod";
import { openLogSocket } from "../../services/logs.ts";
import { connectRunner } from "../../services/runners.ts";
import { open } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { refuseCookies, requireUpgrade } from "../middleware/upgrade.ts";
import { problemAnswers } from "../route-answers.ts";

const connect = createRoute({
  method: "get",
  path: "/runner/connect",
  summary: "WebSocket of a runner; it proves its key inside",
  middleware: open("the runner signs a challenge with its own key inside the socket"),
  request: {
    query: z.object({ runnerId: z.string().max(200).default(""), protocol: z.string().max(20).default("") }),
  },
  responses: {
    101: { description: "Texts are ServerMessage and RunnerMessage" },
    ...problemAnswers("unauthorized", "runner_revoked", "upgrade_required", "invalid_id", "forbidden"),
  },
});

const logs = createRoute({
  method: "get",
  path: "/runner/logs/{runId}",
  summary: "WebSocket over which a runner sends the log of one attempt",
  middleware: open("the bearer token of the grant names the one attempt it is good for"),
  request: { params: z.object({ runId: RunId }) },
  responses: {
    101: { description: "Binary messages are log frames" },
    ...problemAnswers("invalid_token", "invalid_id", "forbidden"),
  },
});

/** Below /api/v1. */
export function runnerSocketRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.openapi(connect, async (c) => {
    refuseCookies(c);
    requireUpgrade(c);
    return connectRunner(c.var.deps, c.req.valid("query"));
  });
  routes.openapi(logs, async (c) => {
    refuseCookies(c);
    requireUpgrade(c);
    const token = /^Bearer ([^\s]+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
    return openLogSocket(c.var.deps, c.req.valid("param").runId, token);
  });
  return routes;
}
