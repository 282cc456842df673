/** `/bulk`: one action for all runs that a filter finds. */
import { bulkPermissions } from "@cronium/protocol/access";
import { Bulk, BulkAccepted, BulkId, BulkPreview, StartBulk } from "@cronium/protocol";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import * as z from "zod";
import { getBulk, previewBulk, startBulk, stopBulk } from "../../services/bulk.ts";
import { causeOf } from "../../services/idempotency.ts";
import { actOf } from "../acting.ts";
import { refuseUnless, requires, requiresAny } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { jsonAnswer, problemAnswers } from "../route-answers.ts";

const byId = z.object({ id: BulkId });

const start = createRoute({
  method: "post",
  path: "/bulk",
  summary:
    "Cancel, retry or requeue all runs that a filter finds, or count them; repeats with an Idempotency-Key are one",
  middleware: requiresAny(["runs:cancel", "runs:trigger"], { repeats: "own" }),
  request: { body: { content: { "application/json": { schema: StartBulk } }, required: true } },
  responses: {
    200: jsonAnswer(BulkPreview, "With dryRun: how many runs it would be"),
    202: jsonAnswer(BulkAccepted, "The work is stored and goes on by itself"),
    ...problemAnswers("unauthorized", "forbidden", "invalid_value", "unknown_field", "idempotency_mismatch"),
  },
});

const read = createRoute({
  method: "get",
  path: "/bulk/{id}",
  summary: "Read how far it is",
  middleware: requires("runs:read"),
  request: { params: byId },
  responses: { 200: jsonAnswer(Bulk, "The work"), ...problemAnswers("unauthorized", "not_found", "invalid_id") },
});

const stop = createRoute({
  method: "post",
  path: "/bulk/{id}/cancel",
  summary: "Leave the rest of it undone",
  middleware: requiresAny(["runs:cancel", "runs:trigger"]),
  request: { params: byId },
  responses: {
    200: jsonAnswer(Bulk, "The work as it stays"),
    ...problemAnswers("unauthorized", "forbidden", "not_found", "invalid_id"),
  },
});

/** Below /api/v1. */
export function bulkRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.openapi(start, async (c) => {
    const { deps, actor } = c.var;
    const request = c.req.valid("json");
    refuseUnless(actor, bulkPermissions[request.action]);
    if (request.dryRun) {
      return c.json(await previewBulk(deps, actor, request), 200);
    }
    const cause = causeOf(actor, c.req.header("idempotency-key"), "POST /bulk", c.get("bodyBytes"));
    return c.json(await startBulk(deps, actOf(c), request, cause), 202);
  });
  routes.openapi(read, async (c) => c.json(await getBulk(c.var.deps, c.var.actor, c.req.valid("param").id), 200));
  routes.openapi(stop, async (c) => {
    const { deps, actor } = c.var;
    const { id } = c.req.valid("param");
    const { action } = await getBulk(deps, actor, id);
    refuseUnless(actor, bulkPermissions[action]);
    return c.json(await stopBulk(deps, actOf(c), id), 200);
  });
  return routes;
}
