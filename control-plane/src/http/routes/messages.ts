/** `/messages`: links that no mail took to people, for the owner of the installation to hand over. */
import { MessageId, MessageLink, MessagePage } from "@cronium/protocol";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import * as z from "zod";
import { listMessages, showMessage } from "../../services/messages.ts";
import { actOf } from "../acting.ts";
import { requiresPerson } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { jsonAnswer, problemAnswers } from "../route-answers.ts";

const list = createRoute({
  method: "get",
  path: "/messages",
  summary: "List messages to people that no mail took to them, newest first",
  middleware: requiresPerson("messages:read"),
  responses: {
    200: jsonAnswer(MessagePage, "Those whose links work; none but for owners of the installation"),
    ...problemAnswers("forbidden"),
  },
});

const show = createRoute({
  method: "post",
  path: "/messages/{id}/link",
  summary: "Show the link of a message, to hand it over",
  middleware: requiresPerson("messages:read", { repeats: "none" }),
  request: { params: z.object({ id: MessageId }) },
  responses: {
    200: jsonAnswer(MessageLink, "Whoever opens it acts as the person it is for"),
    ...problemAnswers("forbidden", "not_found", "proof_required"),
  },
});

/** Below /api/v1. */
export function messageRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.openapi(list, async (c) =>
    c.json({ items: await listMessages(c.var.deps, c.var.actor), nextCursor: null }, 200),
  );
  routes.openapi(show, async (c) => {
    const path = await showMessage(c.var.deps, actOf(c), c.req.valid("param").id);
    return c.json({ path }, 200, { "cache-control": "no-store" });
  });
  return routes;
}
