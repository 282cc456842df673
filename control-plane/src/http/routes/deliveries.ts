/** `/deliveries`: what arrived at endpoints, and what became of it. */
import {
  DeliveryDetail,
  DeliveryId,
  DeliveryListQuery,
  DeliveryPage,
  PreviewDelivery,
  PreviewedDelivery,
  ReplayDeliveries,
  ReplayedDeliveries,
} from "@cronium/protocol";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import * as z from "zod";
import { getDelivery, listDeliveries, previewDelivery, replayDeliveries } from "../../services/deliveries.ts";
import { requires } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { jsonAnswer, problemAnswers } from "../route-answers.ts";

const list = createRoute({
  method: "get",
  path: "/deliveries",
  summary: "List deliveries, newest first",
  middleware: requires("endpoints:read"),
  request: { query: DeliveryListQuery },
  responses: {
    200: jsonAnswer(DeliveryPage, "A page"),
    ...problemAnswers("unauthorized", "forbidden", "invalid_cursor"),
  },
});

const read = createRoute({
  method: "get",
  path: "/deliveries/{id}",
  summary: "Read one delivery with its headers and body, which are kept for a fortnight",
  middleware: requires("endpoints:read"),
  request: { params: z.object({ id: DeliveryId }) },
  responses: {
    200: jsonAnswer(DeliveryDetail, "The delivery"),
    ...problemAnswers("unauthorized", "forbidden", "not_found", "invalid_id"),
  },
});

const replay = createRoute({
  method: "post",
  path: "/deliveries/replay",
  summary: "Work through deliveries again, as their endpoints are now; each makes new runs",
  middleware: requires("runs:trigger", { triggers: true }),
  request: { body: { content: { "application/json": { schema: ReplayDeliveries } }, required: true } },
  responses: {
    200: jsonAnswer(ReplayedDeliveries, "One answer for each, in order"),
    ...problemAnswers("unauthorized", "forbidden", "out_of_range", "quota_exceeded"),
  },
});

const preview = createRoute({
  method: "post",
  path: "/deliveries/preview",
  summary: "Try a filter and a mapping on a delivery or a body: what would become of it; nothing is started",
  middleware: requires("endpoints:write", { repeats: "none" }),
  request: { body: { content: { "application/json": { schema: PreviewDelivery } }, required: true } },
  responses: {
    200: jsonAnswer(PreviewedDelivery, "What would become of it"),
    ...problemAnswers("unauthorized", "forbidden", "not_found", "out_of_range", "invalid_header"),
  },
});

/** Below /api/v1. */
export function deliveryRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.openapi(list, async (c) => c.json(await listDeliveries(c.var.deps, c.var.actor, c.req.valid("query")), 200));
  routes.openapi(replay, async (c) =>
    c.json(await replayDeliveries(c.var.deps, c.var.actor, c.req.valid("json")), 200),
  );
  routes.openapi(preview, async (c) =>
    c.json(await previewDelivery(c.var.deps, c.var.actor, c.req.valid("json")), 200),
  );
  routes.openapi(read, async (c) => c.json(await getDelivery(c.var.deps, c.var.actor, c.req.valid("param").id), 200));
  return routes;
}
