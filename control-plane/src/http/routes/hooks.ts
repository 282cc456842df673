/** `/hooks/{token}`: webhooks of others. Their bytes are checked as they came, before anything reads them. */
import { HookAnswer } from "@cronium/protocol";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import * as z from "zod";
import { MAX_HOOK_BYTES } from "../../domain/webhooks/arrival.ts";
import { findHook, takeHook } from "../../services/hooks.ts";
import { open } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { readRaw } from "../middleware/body.ts";
import { jsonAnswer, problemAnswers } from "../route-answers.ts";

function hook(method: "post" | "put") {
  return createRoute({
    method,
    path: "/hooks/{token}",
    summary: "Deliver a webhook; the answer leaves when it is stored with its runs, the same on each repeat",
    middleware: open("the endpoint checks the sender's signature or credential over the bytes of the body", {
      frequent: true,
      raw: true,
    }),
    request: { params: z.object({ token: z.string().max(200) }) },
    responses: {
      200: jsonAnswer(HookAnswer, "A repeat, or the first run has ended where the endpoint waits for that"),
      202: jsonAnswer(HookAnswer, "Stored"),
      ...problemAnswers(
        "not_found",
        "endpoint_disabled",
        "invalid_signature",
        "invalid_input",
        "invalid_json",
        "body_too_large",
        "quota_exceeded",
      ),
    },
  });
}

/** At the root. */
export function hookRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  const take = async (c: Context<AppEnv>, token: string): Promise<Response> => {
    const { deps } = c.var;
    const known = await findHook(deps, token);
    const body = await readRaw(c, MAX_HOOK_BYTES);
    const { headers } = c.req.raw;
    const reply = await takeHook(deps, known, { token, method: c.req.method, headers, query: c.req.query(), body });
    return reply.kind === "challenge"
      ? c.json({ challenge: reply.challenge }, 200)
      : c.json(reply.answer, reply.answer.verdict === "duplicate" ? 200 : reply.status);
  };
  routes.openapi(hook("post"), (c) => take(c, c.req.valid("param").token) as never);
  routes.openapi(hook("put"), (c) => take(c, c.req.valid("param").token) as never);
  return routes;
}
