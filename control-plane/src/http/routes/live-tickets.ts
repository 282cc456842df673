/** `POST /live-tickets`: needed once for each live socket that a browser opens. */
import { LiveTicket } from "@cronium/protocol";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import { createLiveTicket } from "../../services/live-tickets.ts";
import { requiresPerson } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { jsonAnswer, problemAnswers } from "../route-answers.ts";

const create = createRoute({
  method: "post",
  path: "/live-tickets",
  summary: "Make a ticket for one live socket of this session",
  middleware: requiresPerson("live:read", { repeats: "none" }),
  responses: { 201: jsonAnswer(LiveTicket, "Good once, for 30 seconds"), ...problemAnswers("forbidden") },
});

/** Below /api/v1. */
export function liveTicketRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.openapi(create, async (c) =>
    c.json(await createLiveTicket(c.var.deps, c.var.actor), 201, { "cache-control": "no-store" }),
  );
  return routes;
}
