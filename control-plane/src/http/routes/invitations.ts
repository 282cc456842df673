/** `/invitations`: how people join a workspace. */
import {
  AcceptInvitation,
  CreatedInvitation,
  CreateInvitation,
  InvitationId,
  InvitationPage,
  InvitationToken,
  InvitationView,
  Me,
} from "@cronium/protocol";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import * as z from "zod";
import { memberActor, whoAmI } from "../../services/accounts.ts";
import {
  acceptInvitation,
  invite,
  listInvitations,
  viewOpenInvitation,
  withdrawInvitation,
} from "../../services/invitations.ts";
import { openSession } from "../../services/sign-in.ts";
import { tell } from "../../services/account-links.ts";
import { afterwards } from "../afterwards.ts";
import { actOf, originOf } from "../acting.ts";
import { open, requires } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { clientAddress } from "../middleware/client-address.ts";
import { publicUrl } from "../middleware/same-origin.ts";
import { addCookies, visitorOf } from "../visitor.ts";
import { jsonAnswer, problemAnswers } from "../route-answers.ts";
import { VERSION } from "../version.ts";

const PER_ADDRESS = { max: 30, windowMs: 60_000 };

const list = createRoute({
  method: "get",
  path: "/invitations",
  summary: "List invitations, newest first",
  middleware: requires("members:write"),
  responses: { 200: jsonAnswer(InvitationPage, "Open and ended ones"), ...problemAnswers("forbidden") },
});

const create = createRoute({
  method: "post",
  path: "/invitations",
  summary: "Invite somebody into the workspace",
  middleware: requires("members:write", { repeats: "proven" }),
  request: { body: { content: { "application/json": { schema: CreateInvitation } }, required: true } },
  responses: {
    201: jsonAnswer(CreatedInvitation, "The invitation; its link is shown this once"),
    ...problemAnswers("forbidden", "proof_required", "already_member", "invalid_value", "out_of_range"),
  },
});

const withdraw = createRoute({
  method: "delete",
  path: "/invitations/{id}",
  summary: "Withdraw an invitation",
  middleware: requires("members:write"),
  request: { params: z.object({ id: InvitationId }) },
  responses: { 204: { description: "Its link works no more" }, ...problemAnswers("forbidden", "not_found") },
});

const look = createRoute({
  method: "post",
  path: "/invitations/look-up",
  summary: "What an invitation is for",
  middleware: open("the token in the body is the credential"),
  request: { body: { content: { "application/json": { schema: InvitationToken } }, required: true } },
  responses: {
    200: jsonAnswer(InvitationView, "Whom it invites, and where"),
    ...problemAnswers("malformed_token", "invalid_invitation", "rate_limited"),
  },
});

const accept = createRoute({
  method: "post",
  path: "/invitations/accept",
  summary: "Join with an invitation, and sign in",
  middleware: open("the token in the body is the credential"),
  request: { body: { content: { "application/json": { schema: AcceptInvitation } }, required: true } },
  responses: {
    201: jsonAnswer(Me, "The new member; a session cookie is set"),
    ...problemAnswers(
      "malformed_token",
      "invalid_invitation",
      "invalid_name",
      "wrong_password",
      "second_factor_required",
      "wrong_code",
      "already_member",
      "version_conflict",
      "rate_limited",
    ),
  },
});

/** Below /api/v1. */
export function invitationRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.openapi(list, async (c) =>
    c.json({ items: await listInvitations(c.var.deps, c.var.actor), nextCursor: null }, 200),
  );
  routes.openapi(create, async (c) => {
    const { created, mail } = await invite(c.var.deps, actOf(c), c.req.valid("json"), publicUrl(c));
    afterwards(c, "mail.failed", tell(c.var.deps, mail));
    return c.json(created, 201, { "cache-control": "no-store" });
  });
  routes.openapi(withdraw, async (c) => {
    await withdrawInvitation(c.var.deps, actOf(c), c.req.valid("param").id);
    return c.body(null, 204);
  });
  routes.openapi(look, async (c) => {
    const deps = c.get("deps");
    deps.rateLimits.take(`invitation ${clientAddress(c)}`, PER_ADDRESS);
    return c.json(await viewOpenInvitation(deps, c.req.valid("json").token), 200, { "cache-control": "no-store" });
  });
  routes.openapi(accept, async (c) => {
    const deps = c.get("deps");
    const request = c.req.valid("json");
    deps.rateLimits.take(`invitation ${clientAddress(c)}`, PER_ADDRESS);
    const joined = await acceptInvitation(deps, originOf(c), request);
    const { token, setCookies } = await openSession(deps, visitorOf(c), joined.userId);
    addCookies(c, setCookies);
    const actor = await memberActor(deps, joined, token);
    return c.json(await whoAmI(deps, actor, VERSION), 201, { "cache-control": "no-store" });
  });
  return routes;
}
