/** `/account/second-factor`: codes of an app beside the password. */
import { RecoveryCodes, SecondFactorBegun, SecondFactorCode } from "@cronium/protocol";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import { begin, confirm, renewCodes, turnOff } from "../../services/second-factor.ts";
import { actOf } from "../acting.ts";
import { requiresPerson } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { jsonAnswer, problemAnswers } from "../route-answers.ts";

const PATH = "/account/second-factor";
const NO_STORE = { "cache-control": "no-store" };

const start = createRoute({
  method: "post",
  path: PATH,
  summary: "Begin to set up a second factor",
  middleware: requiresPerson("account:write", { repeats: "none" }),
  responses: {
    200: jsonAnswer(SecondFactorBegun, "The secret for an authenticator app; it counts once a code of it was given"),
    ...problemAnswers("forbidden", "proof_required", "version_conflict"),
  },
});

const enable = createRoute({
  method: "post",
  path: `${PATH}/confirm`,
  summary: "Turn the second factor on with a first code",
  middleware: requiresPerson("account:write", { repeats: "none" }),
  request: { body: { content: { "application/json": { schema: SecondFactorCode } }, required: true } },
  responses: {
    200: jsonAnswer(RecoveryCodes, "Codes for a lost app, shown this once"),
    ...problemAnswers("forbidden", "proof_required", "wrong_code", "version_conflict", "rate_limited"),
  },
});

const renew = createRoute({
  method: "post",
  path: `${PATH}/recovery-codes`,
  summary: "Make new recovery codes; those of before work no more",
  middleware: requiresPerson("account:write", { repeats: "none" }),
  responses: {
    200: jsonAnswer(RecoveryCodes, "The new ones, shown this once"),
    ...problemAnswers("forbidden", "proof_required", "not_found"),
  },
});

const disable = createRoute({
  method: "delete",
  path: PATH,
  summary: "Turn the second factor off",
  middleware: requiresPerson("account:write"),
  responses: { 204: { description: "Off" }, ...problemAnswers("forbidden", "proof_required", "not_found") },
});

/** Below /api/v1. */
export function secondFactorRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.openapi(start, async (c) => c.json(await begin(c.var.deps, c.var.actor), 200, NO_STORE));
  routes.openapi(enable, async (c) => {
    const { code } = c.req.valid("json");
    return c.json(await confirm(c.var.deps, actOf(c), code), 200, NO_STORE);
  });
  routes.openapi(renew, async (c) => c.json(await renewCodes(c.var.deps, actOf(c)), 200, NO_STORE));
  routes.openapi(disable, async (c) => {
    await turnOff(c.var.deps, actOf(c));
    return c.body(null, 204);
  });
  return routes;
}
