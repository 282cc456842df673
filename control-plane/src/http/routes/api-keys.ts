/** `/api-keys` and `/service-accounts`: what programs sign in with. */
import {
  ApiKeyId,
  ApiKeyPage,
  CreateApiKey,
  CreatedApiKey,
  CreateServiceAccount,
  ServiceAccount,
  ServiceAccountId,
  ServiceAccountPage,
} from "@cronium/protocol";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import * as z from "zod";
import {
  createOwnKey,
  createServiceAccount,
  listApiKeys,
  listServiceAccounts,
  removeServiceAccount,
  revokeApiKey,
} from "../../services/api-keys.ts";
import { actOf } from "../acting.ts";
import { requires } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { jsonAnswer, problemAnswers } from "../route-answers.ts";

const listKeys = createRoute({
  method: "get",
  path: "/api-keys",
  summary: "List one's own API keys, or all of the workspace for administrators",
  middleware: requires("keys:own"),
  responses: { 200: jsonAnswer(ApiKeyPage, "Keys that are not revoked, newest first"), ...problemAnswers("forbidden") },
});

const createKey = createRoute({
  method: "post",
  path: "/api-keys",
  summary: "Make an API key",
  middleware: requires("keys:own", { repeats: "proven" }),
  request: { body: { content: { "application/json": { schema: CreateApiKey } }, required: true } },
  responses: {
    201: jsonAnswer(CreatedApiKey, "The key, shown this once"),
    ...problemAnswers("forbidden", "missing_scope", "proof_required", "not_found", "invalid_name", "out_of_range"),
  },
});

const revokeKey = createRoute({
  method: "delete",
  path: "/api-keys/{id}",
  summary: "Revoke an API key",
  middleware: requires("keys:own"),
  request: { params: z.object({ id: ApiKeyId }) },
  responses: {
    204: { description: "Revoked; it may work for ten more seconds" },
    ...problemAnswers("forbidden", "not_found"),
  },
});

const listAccounts = createRoute({
  method: "get",
  path: "/service-accounts",
  summary: "List service accounts",
  middleware: requires("keys:read"),
  responses: { 200: jsonAnswer(ServiceAccountPage, "By name"), ...problemAnswers("forbidden") },
});

const createAccount = createRoute({
  method: "post",
  path: "/service-accounts",
  summary: "Make a service account",
  middleware: requires("keys:write"),
  request: { body: { content: { "application/json": { schema: CreateServiceAccount } }, required: true } },
  responses: {
    201: jsonAnswer(ServiceAccount, "The service account"),
    ...problemAnswers("forbidden", "proof_required", "name_taken", "invalid_name"),
  },
});

const removeAccount = createRoute({
  method: "delete",
  path: "/service-accounts/{id}",
  summary: "Remove a service account with its keys",
  middleware: requires("keys:write"),
  request: { params: z.object({ id: ServiceAccountId }) },
  responses: { 204: { description: "Gone" }, ...problemAnswers("forbidden", "proof_required", "not_found") },
});

/** Below /api/v1. */
export function apiKeyRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.openapi(listKeys, async (c) =>
    c.json({ items: await listApiKeys(c.var.deps, c.var.actor), nextCursor: null }, 200),
  );
  routes.openapi(createKey, async (c) => {
    const created = await createOwnKey(c.var.deps, actOf(c), c.req.valid("json"));
    return c.json(created, 201, { "cache-control": "no-store" });
  });
  routes.openapi(revokeKey, async (c) => {
    await revokeApiKey(c.var.deps, actOf(c), c.req.valid("param").id);
    return c.body(null, 204);
  });
  routes.openapi(listAccounts, async (c) =>
    c.json({ items: await listServiceAccounts(c.var.deps, c.var.actor), nextCursor: null }, 200),
  );
  routes.openapi(createAccount, async (c) =>
    c.json(await createServiceAccount(c.var.deps, actOf(c), c.req.valid("json")), 201),
  );
  routes.openapi(removeAccount, async (c) => {
    await removeServiceAccount(c.var.deps, actOf(c), c.req.valid("param").id);
    return c.body(null, 204);
  });
  return routes;
}
