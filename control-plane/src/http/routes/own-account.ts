/** `/sessions`, `/proof` and `/password`: what people manage of their own account. */
import { ChangePassword, LinkAsked, OwnAccount, Proof, ProofGiven, SessionPage } from "@cronium/protocol";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import * as z from "zod";
import { askConfirmation } from "../../services/account-links.ts";
import { ownAccount } from "../../services/accounts.ts";
import { changePassword, endOtherSessions, endSession, listSessions, prove } from "../../services/sessions.ts";
import { actorId } from "../../domain/actor.ts";
import { afterwards } from "../afterwards.ts";
import { actOf } from "../acting.ts";
import { requiresPerson } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { jsonAnswer, problemAnswers } from "../route-answers.ts";

const list = createRoute({
  method: "get",
  path: "/sessions",
  summary: "Where the caller is signed in",
  middleware: requiresPerson("account:read"),
  responses: { 200: jsonAnswer(SessionPage, "Last used first"), ...problemAnswers("forbidden") },
});

const end = createRoute({
  method: "delete",
  path: "/sessions/{id}",
  summary: "Sign a browser out",
  middleware: requiresPerson("account:write"),
  // Ids of sessions are better-auth's, not ours.
  request: { params: z.object({ id: z.string().min(1).max(128) }) },
  responses: { 204: { description: "Signed out" }, ...problemAnswers("forbidden", "not_found") },
});

const endOthers = createRoute({
  method: "post",
  path: "/sessions/end-others",
  summary: "Sign every other browser out",
  middleware: requiresPerson("account:write", { repeats: "none" }),
  responses: {
    200: jsonAnswer(z.strictObject({ ended: z.int() }), "How many were ended"),
    ...problemAnswers("forbidden"),
  },
});

const proof = createRoute({
  method: "post",
  path: "/proof",
  summary: "Give the password once more, for acts that need a fresh proof",
  middleware: requiresPerson("account:write", { repeats: "none" }),
  request: { body: { content: { "application/json": { schema: Proof } }, required: true } },
  responses: {
    200: jsonAnswer(ProofGiven, "Until when it counts"),
    ...problemAnswers("forbidden", "wrong_password", "second_factor_required", "wrong_code", "rate_limited"),
  },
});

const password = createRoute({
  method: "post",
  path: "/password",
  summary: "Change one's password",
  middleware: requiresPerson("account:write", { repeats: "none" }),
  request: { body: { content: { "application/json": { schema: ChangePassword } }, required: true } },
  responses: {
    204: { description: "Changed" },
    ...problemAnswers("forbidden", "wrong_password", "invalid_value", "version_conflict", "rate_limited"),
  },
});

const account = createRoute({
  method: "get",
  path: "/account",
  summary: "Read one's own account",
  middleware: requiresPerson("account:read"),
  responses: { 200: jsonAnswer(OwnAccount, "The account"), ...problemAnswers("forbidden") },
});

const confirmation = createRoute({
  method: "post",
  path: "/account/email-confirmation",
  summary: "Ask for a link that confirms one's own e-mail address",
  middleware: requiresPerson("account:write", { repeats: "none" }),
  responses: { 202: jsonAnswer(LinkAsked, "It is on its way"), ...problemAnswers("forbidden", "rate_limited") },
});

/** Below /api/v1. */
export function ownAccountRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.openapi(list, async (c) =>
    c.json({ items: await listSessions(c.var.deps, c.var.actor), nextCursor: null }, 200, {
      "cache-control": "no-store",
    }),
  );
  routes.openapi(account, async (c) =>
    c.json(await ownAccount(c.var.deps, c.var.actor), 200, { "cache-control": "no-store" }),
  );
  routes.openapi(confirmation, async (c) => {
    const { deps, actor } = c.var;
    deps.rateLimits.take(`confirmation for ${actorId(actor)}`, { max: 5, windowMs: 3_600_000 });
    afterwards(c, "mail.failed", askConfirmation(deps, actor));
    return c.json({ message: "A link to confirm your address is on its way." }, 202);
  });
  routes.openapi(endOthers, async (c) => c.json(await endOtherSessions(c.var.deps, actOf(c)), 200));
  routes.openapi(end, async (c) => {
    await endSession(c.var.deps, actOf(c), c.req.valid("param").id);
    return c.body(null, 204);
  });
  routes.openapi(proof, async (c) => {
    const until = await prove(c.var.deps, actOf(c), c.req.valid("json"));
    return c.json({ provenUntil: new Date(until).toISOString() }, 200);
  });
  routes.openapi(password, async (c) => {
    await changePassword(c.var.deps, actOf(c), c.req.valid("json"));
    return c.body(null, 204);
  });
  return routes;
}
