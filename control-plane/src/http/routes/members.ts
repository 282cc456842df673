/** `/members`: who belongs to the workspace, and with which role. */
import { Member, MemberPage, TransferOwnership, UpdateMember, UserId } from "@cronium/protocol";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import * as z from "zod";
import { changeRole, listMembers, removeMember, transferOwnership } from "../../services/members.ts";
import { actOf } from "../acting.ts";
import { requires, requiresPerson } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { ifMatch } from "../if-match.ts";
import { jsonAnswer, problemAnswers } from "../route-answers.ts";

const params = z.object({ userId: UserId });

const list = createRoute({
  method: "get",
  path: "/members",
  summary: "List the workspace's members",
  middleware: requires("members:read"),
  responses: { 200: jsonAnswer(MemberPage, "All members, oldest first"), ...problemAnswers("unauthorized") },
});

const update = createRoute({
  method: "patch",
  path: "/members/{userId}",
  summary: "Give a member another role; If-Match guards against others",
  middleware: requires("members:write", { matches: true }),
  request: { params, body: { content: { "application/json": { schema: UpdateMember } }, required: true } },
  responses: {
    200: jsonAnswer(Member, "The member as it is now"),
    ...problemAnswers("forbidden", "proof_required", "not_found", "last_owner", "version_conflict", "invalid_value"),
  },
});

const remove = createRoute({
  method: "delete",
  path: "/members/{userId}",
  summary: "Remove a member; If-Match guards against others",
  middleware: requires("members:write", { matches: true }),
  request: { params },
  responses: {
    204: { description: "Gone; their API keys of this workspace stop working" },
    ...problemAnswers("forbidden", "proof_required", "not_found", "last_owner", "version_conflict"),
  },
});

const leave = createRoute({
  method: "post",
  path: "/members/leave",
  summary: "Leave the workspace",
  middleware: requiresPerson("account:write"),
  responses: { 204: { description: "Left" }, ...problemAnswers("forbidden", "not_found", "last_owner") },
});

const transfer = createRoute({
  method: "post",
  path: "/members/transfer-ownership",
  summary: "Make another member the owner, and oneself an administrator",
  middleware: requiresPerson("workspace:write"),
  request: { body: { content: { "application/json": { schema: TransferOwnership } }, required: true } },
  responses: {
    204: { description: "Handed over" },
    ...problemAnswers("forbidden", "proof_required", "not_found", "invalid_value", "version_conflict"),
  },
});

/** Below /api/v1. */
export function memberRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.openapi(list, async (c) =>
    c.json({ items: await listMembers(c.var.deps, c.var.actor), nextCursor: null }, 200),
  );
  routes.openapi(leave, async (c) => {
    const { actor } = c.var;
    await removeMember(c.var.deps, actOf(c), actor.kind === "user" ? actor.userId : actor.keyId);
    return c.body(null, 204);
  });
  routes.openapi(transfer, async (c) => {
    await transferOwnership(c.var.deps, actOf(c), c.req.valid("json").userId);
    return c.body(null, 204);
  });
  routes.openapi(update, async (c) => {
    const { userId } = c.req.valid("param");
    const { role } = c.req.valid("json");
    const ifVersion = ifMatch(c.req.header("if-match"));
    const member = await changeRole(c.var.deps, actOf(c), userId, { role, ifVersion });
    return c.json(member, 200, { etag: `"${member.version}"` });
  });
  routes.openapi(remove, async (c) => {
    const { userId } = c.req.valid("param");
    await removeMember(c.var.deps, actOf(c), userId, ifMatch(c.req.header("if-match")));
    return c.body(null, 204);
  });
  return routes;
}
