/** `/audit`: who did what in the workspace. */
import { AuditExportQuery, AuditPage, AuditQuery, AuditVerdict } from "@cronium/protocol";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import * as z from "zod";
import { exportAudit, listAudit, verifyAudit } from "../../services/audit.ts";
import { requires } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { jsonAnswer, problemAnswers } from "../route-answers.ts";

const list = createRoute({
  method: "get",
  path: "/audit",
  summary: "List audit entries, newest first",
  middleware: requires("audit:read"),
  request: { query: AuditQuery },
  responses: {
    200: jsonAnswer(AuditPage, "A page of entries"),
    ...problemAnswers("forbidden", "invalid_cursor", "invalid_limit", "invalid_value"),
  },
});

const verify = createRoute({
  method: "get",
  path: "/audit/verify",
  summary: "Recompute the chains of hashes over all entries",
  middleware: requires("audit:read"),
  responses: { 200: jsonAnswer(AuditVerdict, "Whether it holds"), ...problemAnswers("forbidden") },
});

const download = createRoute({
  method: "get",
  path: "/audit/export",
  summary: "Entries as NDJSON, oldest first; filters as in the list",
  middleware: requires("audit:read"),
  request: { query: AuditExportQuery },
  responses: {
    200: { content: { "application/x-ndjson": { schema: z.string() } }, description: "One entry a line" },
    ...problemAnswers("forbidden"),
  },
});

/** Below /api/v1. */
export function auditRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.openapi(list, async (c) => c.json(await listAudit(c.var.deps, c.var.actor, c.req.valid("query")), 200));
  routes.openapi(verify, async (c) => c.json(await verifyAudit(c.var.deps, c.var.actor), 200));
  routes.openapi(download, async (c) => {
    const answer = new Response(exportAudit(c.var.deps, c.var.actor, c.req.valid("query")), {
      headers: {
        "content-type": "application/x-ndjson",
        "content-disposition": 'attachment; filename="audit.ndjson"',
        "cache-control": "no-store",
      },
    });
    // The contract's types know no answer that is NDJSON alone.
    return answer as never;
  });
  return routes;
}
