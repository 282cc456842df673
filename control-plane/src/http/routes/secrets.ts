/** `/secrets`: written and replaced, never read back. */
import {
  CreateSecret,
  ImportedSecrets,
  ImportSecrets,
  ReplaceSecret,
  ScopeQuery,
  Secret,
  SecretId,
  SecretPage,
} from "@cronium/protocol";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import * as z from "zod";
import {
  createSecret,
  deleteSecret,
  getSecret,
  importSecrets,
  listSecrets,
  replaceSecret,
} from "../../services/secrets.ts";
import { actOf } from "../acting.ts";
import { requires } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { ifMatch } from "../if-match.ts";
import { jsonAnswer, problemAnswers } from "../route-answers.ts";

const byId = z.object({ id: SecretId });
const body = <T extends z.ZodType>(schema: T) => ({ content: { "application/json": { schema } }, required: true });

const list = createRoute({
  method: "get",
  path: "/secrets",
  summary: "List secrets by name, without their values; with eventId, those that runs of that event get",
  middleware: requires("secrets:read"),
  request: { query: ScopeQuery },
  responses: {
    200: jsonAnswer(SecretPage, "All secrets"),
    ...problemAnswers("unauthorized", "forbidden", "not_found"),
  },
});

const create = createRoute({
  method: "post",
  path: "/secrets",
  summary: "Store a secret; its value is never returned",
  middleware: requires("secrets:write"),
  request: { body: body(CreateSecret) },
  responses: {
    201: jsonAnswer(Secret, "The secret, without its value"),
    ...problemAnswers("unauthorized", "forbidden", "not_found", "name_taken", "invalid_env_name", "quota_exceeded"),
  },
});

const importFile = createRoute({
  method: "post",
  path: "/secrets/import",
  summary: "Store every NAME=value line of a .env file, or say what that would do; all lines or none",
  middleware: requires("secrets:write"),
  request: { body: body(ImportSecrets) },
  responses: {
    200: jsonAnswer(ImportedSecrets, "What was done, or would be"),
    ...problemAnswers("unauthorized", "forbidden", "not_found", "invalid_env_file", "quota_exceeded"),
  },
});

const read = createRoute({
  method: "get",
  path: "/secrets/{id}",
  summary: "Read what is known of one secret beside its value",
  middleware: requires("secrets:read"),
  request: { params: byId },
  responses: {
    200: jsonAnswer(Secret, "The secret, without its value"),
    ...problemAnswers("unauthorized", "forbidden", "not_found", "invalid_id"),
  },
});

const replace = createRoute({
  method: "put",
  path: "/secrets/{id}",
  summary: "Give a secret a new value or description, for runs that start from now on; If-Match or version guards it",
  middleware: requires("secrets:write", { matches: true }),
  request: { params: byId, body: body(ReplaceSecret) },
  responses: {
    200: jsonAnswer(Secret, "The secret, without its value"),
    ...problemAnswers("unauthorized", "forbidden", "not_found", "version_conflict", "invalid_value"),
  },
});

const remove = createRoute({
  method: "delete",
  path: "/secrets/{id}",
  summary: "Delete a secret; with force=true also one that events name",
  middleware: requires("secrets:write"),
  request: { params: byId, query: z.strictObject({ force: z.enum(["true", "false"]).default("false") }) },
  responses: {
    204: { description: "It is gone" },
    ...problemAnswers("unauthorized", "forbidden", "not_found", "in_use"),
  },
});

/** Below /api/v1. */
export function secretRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.openapi(list, async (c) =>
    c.json(await listSecrets(c.var.deps, c.var.actor, c.req.valid("query").eventId), 200),
  );
  routes.openapi(create, async (c) => c.json(await createSecret(c.var.deps, actOf(c), c.req.valid("json")), 201));
  routes.openapi(importFile, async (c) => c.json(await importSecrets(c.var.deps, actOf(c), c.req.valid("json")), 200));
  routes.openapi(read, async (c) => {
    const secret = await getSecret(c.var.deps, c.var.actor, c.req.valid("param").id);
    return c.json(secret, 200, { etag: `"${secret.version}"` });
  });
  routes.openapi(replace, async (c) => {
    const { id } = c.req.valid("param");
    const change = c.req.valid("json");
    const version = change.version ?? ifMatch(c.req.header("if-match")) ?? undefined;
    const secret = await replaceSecret(c.var.deps, actOf(c), id, { ...change, version });
    return c.json(secret, 200, { etag: `"${secret.version}"` });
  });
  routes.openapi(remove, async (c) => {
    const { id } = c.req.valid("param");
    await deleteSecret(c.var.deps, actOf(c), id, c.req.valid("query").force === "true");
    return c.body(null, 204);
  });
  return routes;
}
