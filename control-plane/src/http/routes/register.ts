/** `POST /runner/register`: a machine trades its registration token for a runner's identity. */
import { RegisterRequest, RegisterResponse } from "@cronium/protocol";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import { registerRunner } from "../../services/registration.ts";
import { originOf } from "../acting.ts";
import { open } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { clientAddress } from "../middleware/client-address.ts";
import { jsonAnswer, problemAnswers } from "../route-answers.ts";

const PER_ADDRESS = { max: 60, windowMs: 60_000 };

const register = createRoute({
  method: "post",
  path: "/runner/register",
  summary: "Register a runner with a registration token",
  middleware: open("the registration token in the body is the credential"),
  request: { body: { content: { "application/json": { schema: RegisterRequest } }, required: true } },
  responses: {
    201: jsonAnswer(RegisterResponse, "The runner's identity"),
    ...problemAnswers(
      "malformed_token",
      "invalid_registration_token",
      "name_taken",
      "upgrade_required",
      "rate_limited",
    ),
  },
});

export function registerRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.openapi(register, async (c) => {
    const deps = c.get("deps");
    deps.rateLimits.take(`register ${clientAddress(c)}`, PER_ADDRESS);
    return c.json(await registerRunner(deps, originOf(c), c.req.valid("json")), 201);
  });
  return routes;
}
