/** Who is signed in, and claiming the owner account. */
import { ClaimRequest, Me } from "@cronium/protocol";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import { claimOwner, whoAmI } from "../../services/accounts.ts";
import { openSession } from "../../services/sign-in.ts";
import { actorId } from "../../domain/actor.ts";
import { open, requires } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { clientAddress } from "../middleware/client-address.ts";
import { publicOrigin } from "../middleware/same-origin.ts";
import { addCookies, visitorOf } from "../visitor.ts";
import { jsonAnswer, problemAnswers } from "../route-answers.ts";
import { VERSION } from "../version.ts";

/** Hashing a password takes 40 ms of the one thread that an embedded installation has. */
const PER_ADDRESS = { max: 20, windowMs: 60_000 };

const me = createRoute({
  method: "get",
  path: "/me",
  summary: "Who is signed in, or whose key this is",
  middleware: requires("account:read"),
  responses: { 200: jsonAnswer(Me, "The caller"), ...problemAnswers("unauthorized") },
});

const claim = createRoute({
  method: "post",
  path: "/claim",
  summary: "Make the owner account with a claim link, and sign in",
  middleware: open("the claim token in the body is the credential"),
  request: { body: { content: { "application/json": { schema: ClaimRequest } }, required: true } },
  responses: {
    201: jsonAnswer(Me, "The new owner; a session cookie is set"),
    ...problemAnswers("malformed_token", "invalid_claim_link", "invalid_value", "rate_limited"),
  },
});

/** Below /api/v1. */
export function accountRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.openapi(me, async (c) => {
    const { deps, actor } = c.var;
    c.header("cache-control", "no-store");
    if (actor.kind === "user") {
      // Asked by every page on loading: the place where a session in use is prolonged, with its cookie.
      addCookies(c, await deps.sessionsFor(publicOrigin(c)).prolong(c.req.raw.headers));
    }
    return c.json(await whoAmI(deps, actor, VERSION), 200);
  });
  routes.openapi(claim, async (c) => {
    const deps = c.get("deps");
    const request = c.req.valid("json");
    deps.rateLimits.take(`claim ${clientAddress(c)}`, PER_ADDRESS);
    const owner = await claimOwner(deps, request);
    const { setCookies } = await openSession(deps, visitorOf(c), actorId(owner));
    addCookies(c, setCookies);
    return c.json(await whoAmI(deps, owner, VERSION), 201);
  });
  return routes;
}
