/** `/workspaces`: those of the caller, and which one its session looks at. */
import {
  ActivateWorkspace,
  CreateWorkspace,
  DeleteWorkspace,
  UpdateWorkspace,
  Workspace,
  WorkspacePage,
} from "@cronium/protocol";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import * as z from "zod";
import { activateWorkspace, createWorkspace, listWorkspaces, renameWorkspace } from "../../services/members.ts";
import { deleteWorkspace } from "../../services/workspace-deletion.ts";
import { exportWorkspace } from "../../services/workspace-export.ts";
import { actOf } from "../acting.ts";
import { requires, requiresPerson } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { ifMatch } from "../if-match.ts";
import { jsonAnswer, problemAnswers } from "../route-answers.ts";

const list = createRoute({
  method: "get",
  path: "/workspaces",
  summary: "List the workspaces that the caller belongs to",
  middleware: requires("account:read"),
  responses: { 200: jsonAnswer(WorkspacePage, "The first joined first"), ...problemAnswers("unauthorized") },
});

const create = createRoute({
  method: "post",
  path: "/workspaces",
  summary: "Make a workspace, and look at it from now on",
  middleware: requiresPerson("account:write"),
  request: { body: { content: { "application/json": { schema: CreateWorkspace } }, required: true } },
  responses: {
    201: jsonAnswer(Workspace, "The new workspace, owned by the caller"),
    ...problemAnswers("forbidden", "invalid_name", "quota_exceeded"),
  },
});

const activate = createRoute({
  method: "post",
  path: "/workspaces/activate",
  summary: "Look at another workspace in this session",
  middleware: requiresPerson("account:read", { repeats: "none" }),
  request: { body: { content: { "application/json": { schema: ActivateWorkspace } }, required: true } },
  responses: { 200: jsonAnswer(Workspace, "The workspace"), ...problemAnswers("forbidden", "not_found") },
});

const rename = createRoute({
  method: "patch",
  path: "/workspace",
  summary: "Rename the workspace; If-Match guards against others",
  middleware: requires("workspace:write", { matches: true }),
  request: { body: { content: { "application/json": { schema: UpdateWorkspace } }, required: true } },
  responses: {
    200: jsonAnswer(Workspace, "The workspace"),
    ...problemAnswers("forbidden", "version_conflict", "invalid_name"),
  },
});

const remove = createRoute({
  method: "post",
  path: "/workspace/deletion",
  summary: "Delete the workspace with everything in it, for good; its name has to be given",
  middleware: requiresPerson("workspace:write"),
  request: { body: { content: { "application/json": { schema: DeleteWorkspace } }, required: true } },
  responses: {
    204: { description: "Nobody belongs to it any more; what it holds is deleted within minutes" },
    ...problemAnswers("forbidden", "proof_required", "invalid_value"),
  },
});

const download = createRoute({
  method: "get",
  path: "/workspace/export",
  summary: "Everything that the workspace holds as NDJSON: secrets by name alone, runs without input, output and log",
  middleware: requires("workspace:write"),
  responses: {
    200: { content: { "application/x-ndjson": { schema: z.string() } }, description: "One thing a line, the end last" },
    ...problemAnswers("forbidden"),
  },
});

/** Below /api/v1. */
export function workspaceRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.openapi(list, async (c) =>
    c.json({ items: await listWorkspaces(c.var.deps, c.var.actor), nextCursor: null }, 200),
  );
  routes.openapi(create, async (c) =>
    c.json(await createWorkspace(c.var.deps, actOf(c), c.req.valid("json").name), 201),
  );
  routes.openapi(activate, async (c) =>
    c.json(await activateWorkspace(c.var.deps, c.var.actor, c.req.valid("json").workspaceId), 200),
  );
  routes.openapi(rename, async (c) => {
    const { name } = c.req.valid("json");
    const ifVersion = ifMatch(c.req.header("if-match"));
    const workspace = await renameWorkspace(c.var.deps, actOf(c), { name, ifVersion });
    return c.json(workspace, 200, { etag: `"${workspace.version}"` });
  });
  routes.openapi(remove, async (c) => {
    await deleteWorkspace(c.var.deps, actOf(c), c.req.valid("json").name);
    return c.body(null, 204);
  });
  routes.openapi(download, async (c) => {
    const answer = new Response(exportWorkspace(c.var.deps, c.var.actor), {
      headers: {
        "content-type": "application/x-ndjson",
        "content-disposition": 'attachment; filename="workspace.ndjson"',
        "cache-control": "no-store",
      },
    });
    // The contract's types know no answer that is NDJSON alone.
    return answer as never;
  });
  return routes;
}
