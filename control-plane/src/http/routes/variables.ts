/** `/variables`: values that scripts read by name. */
import {
  CreateVariable,
  ScopeQuery,
  SetVariable,
  Variable,
  VariableId,
  VariablePage,
  VariableVersionPage,
} from "@cronium/protocol";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import * as z from "zod";
import {
  createVariable,
  deleteVariable,
  getVariable,
  listVariables,
  listVariableVersions,
  setVariable,
} from "../../services/variables.ts";
import { actOf } from "../acting.ts";
import { requires } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { ifMatch } from "../if-match.ts";
import { jsonAnswer, problemAnswers } from "../route-answers.ts";

const byId = z.object({ id: VariableId });
const body = <T extends z.ZodType>(schema: T) => ({ content: { "application/json": { schema } }, required: true });

const list = createRoute({
  method: "get",
  path: "/variables",
  summary: "List variables by name; with eventId, those that runs of that event get",
  middleware: requires("variables:read"),
  request: { query: ScopeQuery },
  responses: { 200: jsonAnswer(VariablePage, "All variables"), ...problemAnswers("unauthorized", "not_found") },
});

const create = createRoute({
  method: "post",
  path: "/variables",
  summary: "Create a variable",
  middleware: requires("variables:write"),
  request: { body: body(CreateVariable) },
  responses: {
    201: jsonAnswer(Variable, "The variable"),
    ...problemAnswers("unauthorized", "forbidden", "not_found", "name_taken", "invalid_env_name", "body_too_large"),
  },
});

const read = createRoute({
  method: "get",
  path: "/variables/{id}",
  summary: "Read one variable; the answer's ETag is its version",
  middleware: requires("variables:read"),
  request: { params: byId },
  responses: {
    200: jsonAnswer(Variable, "The variable"),
    ...problemAnswers("unauthorized", "not_found", "invalid_id"),
  },
});

const set = createRoute({
  method: "put",
  path: "/variables/{id}",
  summary: "Give a variable a new value, which becomes its next version; If-Match or version guards against others",
  middleware: requires("variables:write", { matches: true }),
  request: { params: byId, body: body(SetVariable) },
  responses: {
    200: jsonAnswer(Variable, "The variable at its new version"),
    ...problemAnswers("unauthorized", "forbidden", "not_found", "version_conflict", "invalid_type", "body_too_large"),
  },
});

const remove = createRoute({
  method: "delete",
  path: "/variables/{id}",
  summary: "Delete a variable with its history; If-Match guards against others",
  middleware: requires("variables:write", { matches: true }),
  request: { params: byId },
  responses: {
    204: { description: "It is gone" },
    ...problemAnswers("unauthorized", "forbidden", "not_found", "version_conflict"),
  },
});

const versions = createRoute({
  method: "get",
  path: "/variables/{id}/versions",
  summary: "List the last hundred values of a variable, newest first",
  middleware: requires("variables:read"),
  request: { params: byId },
  responses: { 200: jsonAnswer(VariableVersionPage, "Its values"), ...problemAnswers("unauthorized", "not_found") },
});

/** Below /api/v1. */
export function variableRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.openapi(list, async (c) =>
    c.json(await listVariables(c.var.deps, c.var.actor, c.req.valid("query").eventId), 200),
  );
  routes.openapi(create, async (c) => {
    const variable = await createVariable(c.var.deps, actOf(c), c.req.valid("json"));
    return c.json(variable, 201, { etag: `"${variable.version}"` });
  });
  routes.openapi(read, async (c) => {
    const variable = await getVariable(c.var.deps, c.var.actor, c.req.valid("param").id);
    return c.json(variable, 200, { etag: `"${variable.version}"` });
  });
  routes.openapi(set, async (c) => {
    const change = c.req.valid("json");
    const version = change.version ?? ifMatch(c.req.header("if-match")) ?? undefined;
    const { id } = c.req.valid("param");
    const variable = await setVariable(c.var.deps, actOf(c), id, { ...change, version });
    return c.json(variable, 200, { etag: `"${variable.version}"` });
  });
  routes.openapi(remove, async (c) => {
    const version = ifMatch(c.req.header("if-match"));
    await deleteVariable(c.var.deps, actOf(c), c.req.valid("param").id, version);
    return c.body(null, 204);
  });
  routes.openapi(versions, async (c) =>
    c.json(await listVariableVersions(c.var.deps, c.var.actor, c.req.valid("param").id), 200),
  );
  return routes;
}
