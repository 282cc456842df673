/** `POST /registration-tokens`: a token for one new machine, with the command to run there. */
import { CreateRegistrationToken, RegistrationToken } from "@cronium/protocol";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import { createRegistrationToken } from "../../services/registration.ts";
import { requires } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { publicUrl } from "../middleware/same-origin.ts";
import { jsonAnswer, problemAnswers } from "../route-answers.ts";

const create = createRoute({
  method: "post",
  path: "/registration-tokens",
  summary: "Make a token that registers one runner",
  middleware: requires("runners:write"),
  request: {
    body: { content: { "application/json": { schema: CreateRegistrationToken } }, required: false },
  },
  responses: {
    201: jsonAnswer(RegistrationToken, "The token, shown this once"),
    ...problemAnswers("unauthorized", "forbidden", "out_of_range", "unknown_field"),
  },
});

export function registrationTokenRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.openapi(create, async (c) => {
    // A request without a body asks for the defaults.
    const input = CreateRegistrationToken.parse(c.req.valid("json"));
    const token = await createRegistrationToken(c.get("deps"), c.get("actor"), input, publicUrl(c));
    return c.json(token, 201, { "cache-control": "no-store" });
  });
  return routes;
}
