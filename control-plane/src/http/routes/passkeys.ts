/** `/account/passkeys` and signing in with one. Options and answers have the forms of WebAuthn's JSON. */
import { NewPasskey, Passkey, PasskeyAssertion, PasskeyOptions, PasskeyPage, SignedInUser } from "@cronium/protocol";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import * as z from "zod";
import {
  addPasskey,
  beginPasskey,
  beginPasskeySignIn,
  listPasskeys,
  removePasskey,
  signInByPasskey,
} from "../../services/passkeys.ts";
import { actOf, originOf } from "../acting.ts";
import { open, requiresPerson } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { clientAddress } from "../middleware/client-address.ts";
import { publicOrigin, refuseOtherSites } from "../middleware/same-origin.ts";
import { jsonAnswer, problemAnswers } from "../route-answers.ts";
import { addCookies, visitorOf } from "../visitor.ts";

const PER_ADDRESS = { max: 120, windowMs: 60_000 };
const NO_STORE = { "cache-control": "no-store" };

const list = createRoute({
  method: "get",
  path: "/account/passkeys",
  summary: "List one's own passkeys, newest first",
  middleware: requiresPerson("account:read"),
  responses: { 200: jsonAnswer(PasskeyPage, "The passkeys"), ...problemAnswers("forbidden") },
});

const begin = createRoute({
  method: "post",
  path: "/account/passkeys/options",
  summary: "Begin to add a passkey",
  middleware: requiresPerson("account:write", { repeats: "none" }),
  responses: {
    200: jsonAnswer(PasskeyOptions, "For navigator.credentials.create; good once, for five minutes"),
    ...problemAnswers("forbidden", "proof_required", "quota_exceeded"),
  },
});

const add = createRoute({
  method: "post",
  path: "/account/passkeys",
  summary: "Add a passkey that the browser has made",
  middleware: requiresPerson("account:write"),
  request: { body: { content: { "application/json": { schema: NewPasskey } }, required: true } },
  responses: {
    201: jsonAnswer(Passkey, "It signs in from now on"),
    ...problemAnswers("forbidden", "proof_required", "passkey_failed", "invalid_name"),
  },
});

const remove = createRoute({
  method: "delete",
  path: "/account/passkeys/{id}",
  summary: "Remove a passkey",
  middleware: requiresPerson("account:write"),
  // The authenticator's id, not ours.
  request: { params: z.object({ id: z.string().min(1).max(1_400) }) },
  responses: {
    204: { description: "It signs in no more" },
    ...problemAnswers("forbidden", "proof_required", "not_found"),
  },
});

const options = createRoute({
  method: "post",
  path: "/sign-in/passkey/options",
  summary: "Begin to sign in with a passkey",
  middleware: open("makes nothing but a challenge, limited in rate"),
  responses: {
    200: jsonAnswer(PasskeyOptions, "For navigator.credentials.get; good once, for five minutes"),
    ...problemAnswers("origin_not_allowed", "rate_limited"),
  },
});

const signIn = createRoute({
  method: "post",
  path: "/sign-in/passkey",
  summary: "Sign in with a passkey",
  middleware: open("the signature of a passkey is the credential"),
  request: { body: { content: { "application/json": { schema: PasskeyAssertion } }, required: true } },
  responses: {
    200: jsonAnswer(SignedInUser, "Signed in; a session cookie is set"),
    ...problemAnswers("passkey_failed", "origin_not_allowed", "rate_limited"),
  },
});

/** Below /api/v1. */
export function passkeyRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.openapi(list, async (c) =>
    c.json({ items: await listPasskeys(c.var.deps, c.var.actor), nextCursor: null }, 200, NO_STORE),
  );
  routes.openapi(begin, async (c) =>
    c.json(await beginPasskey(c.var.deps, c.var.actor, publicOrigin(c)), 200, NO_STORE),
  );
  routes.openapi(add, async (c) =>
    c.json(await addPasskey(c.var.deps, actOf(c), publicOrigin(c), c.req.valid("json")), 201),
  );
  routes.openapi(remove, async (c) => {
    await removePasskey(c.var.deps, actOf(c), c.req.valid("param").id);
    return c.body(null, 204);
  });
  routes.openapi(options, async (c) => {
    refuseOtherSites(c);
    c.get("deps").rateLimits.take(`passkey from ${clientAddress(c)}`, PER_ADDRESS);
    return c.json(await beginPasskeySignIn(c.get("deps"), publicOrigin(c)), 200, NO_STORE);
  });
  routes.openapi(signIn, async (c) => {
    refuseOtherSites(c);
    c.get("deps").rateLimits.take(`passkey from ${clientAddress(c)}`, PER_ADDRESS);
    const assertion = c.req.valid("json");
    const { user, issued } = await signInByPasskey(c.get("deps"), visitorOf(c), originOf(c), assertion);
    addCookies(c, issued.setCookies);
    return c.json({ user }, 200, NO_STORE);
  });
  return routes;
}
