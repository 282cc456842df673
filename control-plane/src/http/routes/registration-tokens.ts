/** `/registration-tokens`: what new machines are registered with. */
import {
  CreatedRegistrationToken,
  CreateRegistrationToken,
  RegistrationTokenId,
  RegistrationTokenPage,
} from "@cronium/protocol";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import * as z from "zod";
import {
  createRegistrationToken,
  listRegistrationTokens,
  revokeRegistrationToken,
} from "../../services/registration-tokens.ts";
import { actOf } from "../acting.ts";
import { requires } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { publicUrl } from "../middleware/same-origin.ts";
import { jsonAnswer, problemAnswers } from "../route-answers.ts";

const list = createRoute({
  method: "get",
  path: "/registration-tokens",
  summary: "List registration tokens, newest first",
  middleware: requires("runners:write"),
  responses: {
    200: jsonAnswer(RegistrationTokenPage, "Usable and ended ones, never with the token itself"),
    ...problemAnswers("forbidden"),
  },
});

const create = createRoute({
  method: "post",
  path: "/registration-tokens",
  summary: "Make a token that registers runners: one machine, several, or one job each",
  middleware: requires("runners:write", { repeats: "proven" }),
  request: {
    body: { content: { "application/json": { schema: CreateRegistrationToken } }, required: false },
  },
  responses: {
    201: jsonAnswer(CreatedRegistrationToken, "The token, shown this once"),
    ...problemAnswers("unauthorized", "forbidden", "proof_required", "out_of_range", "unknown_field", "invalid_value"),
  },
});

const revoke = createRoute({
  method: "delete",
  path: "/registration-tokens/{id}",
  summary: "Revoke a registration token; runners that it registered stay",
  middleware: requires("runners:write"),
  request: { params: z.object({ id: RegistrationTokenId }) },
  responses: {
    204: { description: "It registers nobody any more" },
    ...problemAnswers("forbidden", "not_found", "invalid_id"),
  },
});

/** Below /api/v1. */
export function registrationTokenRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.openapi(list, async (c) =>
    c.json({ items: await listRegistrationTokens(c.var.deps, c.var.actor), nextCursor: null }, 200),
  );
  routes.openapi(create, async (c) => {
    // A request without a body asks for the defaults.
    const input = CreateRegistrationToken.parse(c.req.valid("json"));
    const token = await createRegistrationToken(c.var.deps, actOf(c), input, publicUrl(c));
    return c.json(token, 201, { "cache-control": "no-store" });
  });
  routes.openapi(revoke, async (c) => {
    await revokeRegistrationToken(c.var.deps, actOf(c), c.req.valid("param").id);
    return c.body(null, 204);
  });
  return routes;
}
