/** `/endpoints`: where webhooks arrive. */
import {
  CreateEndpoint,
  Endpoint,
  EndpointAddress,
  EndpointId,
  EndpointPage,
  EndpointWithSecret,
  RotateEndpointSecret,
  UpdateEndpoint,
} from "@cronium/protocol";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import * as z from "zod";
import {
  createEndpoint,
  deleteEndpoint,
  getEndpoint,
  listEndpoints,
  listenAtEndpoint,
  rotateAddress,
  rotateEndpointSecret,
  showAddress,
  updateEndpoint,
} from "../../services/endpoints.ts";
import { actOf } from "../acting.ts";
import { requires } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { jsonAnswer, problemAnswers } from "../route-answers.ts";

const byId = z.object({ id: EndpointId });
const body = <T extends z.ZodType>(schema: T) => ({ content: { "application/json": { schema } }, required: true });

const list = createRoute({
  method: "get",
  path: "/endpoints",
  summary: "List the endpoints by name",
  middleware: requires("endpoints:read"),
  responses: { 200: jsonAnswer(EndpointPage, "All endpoints"), ...problemAnswers("unauthorized", "forbidden") },
});

const create = createRoute({
  method: "post",
  path: "/endpoints",
  summary: "Create an endpoint; a secret that is made up for it is shown once, here",
  middleware: requires("endpoints:write"),
  request: { body: body(CreateEndpoint) },
  responses: {
    201: jsonAnswer(EndpointWithSecret, "The endpoint"),
    ...problemAnswers(
      "unauthorized",
      "forbidden",
      "invalid_expression",
      "invalid_mapping",
      "invalid_header",
      "quota_exceeded",
    ),
  },
});

const read = createRoute({
  method: "get",
  path: "/endpoints/{id}",
  summary: "Read one endpoint",
  middleware: requires("endpoints:read"),
  request: { params: byId },
  responses: {
    200: jsonAnswer(Endpoint, "The endpoint"),
    ...problemAnswers("unauthorized", "forbidden", "not_found", "invalid_id"),
  },
});

const update = createRoute({
  method: "patch",
  path: "/endpoints/{id}",
  summary: "Change an endpoint; what arrives from then on is worked through as it is now",
  middleware: requires("endpoints:write"),
  request: { params: byId, body: body(UpdateEndpoint) },
  responses: {
    200: jsonAnswer(Endpoint, "The endpoint"),
    ...problemAnswers(
      "unauthorized",
      "forbidden",
      "not_found",
      "invalid_id",
      "version_conflict",
      "invalid_expression",
      "invalid_mapping",
      "invalid_header",
    ),
  },
});

const remove = createRoute({
  method: "delete",
  path: "/endpoints/{id}",
  summary: "Delete an endpoint; its deliveries stay until their time is over",
  middleware: requires("endpoints:write"),
  request: { params: byId },
  responses: {
    204: { description: "Deleted" },
    ...problemAnswers("unauthorized", "forbidden", "not_found", "invalid_id"),
  },
});

const rotate = createRoute({
  method: "post",
  path: "/endpoints/{id}/secret",
  summary: "Give an endpoint another secret; the one before stays good for a while",
  middleware: requires("endpoints:write"),
  request: { params: byId, body: { ...body(RotateEndpointSecret), required: false } },
  responses: {
    200: jsonAnswer(EndpointWithSecret, "The endpoint, and the secret where it was made up"),
    ...problemAnswers("unauthorized", "forbidden", "not_found", "invalid_id", "out_of_range"),
  },
});

const address = createRoute({
  method: "post",
  path: "/endpoints/{id}/address",
  summary: "Show the address of an endpoint that checks nothing else; written into the audit",
  middleware: requires("endpoints:write", { repeats: "none" }),
  request: { params: byId },
  responses: {
    200: jsonAnswer(EndpointAddress, "The address, below that of the installation"),
    ...problemAnswers("unauthorized", "forbidden", "proof_required", "not_found", "invalid_id"),
  },
});

const newAddress = createRoute({
  method: "post",
  path: "/endpoints/{id}/address/rotate",
  summary: "Give an endpoint another address, which is in the answer; the one before leads nowhere at once",
  middleware: requires("endpoints:write"),
  request: { params: byId },
  responses: {
    200: jsonAnswer(Endpoint, "The endpoint, with its address"),
    ...problemAnswers("unauthorized", "forbidden", "not_found", "invalid_id"),
  },
});

const listen = createRoute({
  method: "post",
  path: "/endpoints/{id}/listen",
  summary: "Show the next delivery and start nothing with it, for ten minutes",
  middleware: requires("endpoints:write"),
  request: { params: byId },
  responses: {
    200: jsonAnswer(Endpoint, "The endpoint"),
    ...problemAnswers("unauthorized", "forbidden", "not_found", "invalid_id"),
  },
});

const stopListening = createRoute({
  method: "delete",
  path: "/endpoints/{id}/listen",
  summary: "Stop listening for a test",
  middleware: requires("endpoints:write"),
  request: { params: byId },
  responses: {
    200: jsonAnswer(Endpoint, "The endpoint"),
    ...problemAnswers("unauthorized", "forbidden", "not_found", "invalid_id"),
  },
});

/** Below /api/v1. */
export function endpointRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  routes.openapi(list, async (c) => c.json(await listEndpoints(c.var.deps, c.var.actor), 200));
  routes.openapi(create, async (c) => c.json(await createEndpoint(c.var.deps, actOf(c), c.req.valid("json")), 201));
  routes.openapi(read, async (c) => c.json(await getEndpoint(c.var.deps, c.var.actor, c.req.valid("param").id), 200));
  routes.openapi(update, async (c) =>
    c.json(await updateEndpoint(c.var.deps, actOf(c), c.req.valid("param").id, c.req.valid("json")), 200),
  );
  routes.openapi(remove, async (c) => {
    await deleteEndpoint(c.var.deps, actOf(c), c.req.valid("param").id);
    return c.body(null, 204);
  });
  routes.openapi(rotate, async (c) => {
    const asked = RotateEndpointSecret.parse(c.req.valid("json") ?? {});
    return c.json(await rotateEndpointSecret(c.var.deps, actOf(c), c.req.valid("param").id, asked), 200);
  });
  routes.openapi(address, async (c) => {
    const shown = await showAddress(c.var.deps, actOf(c), c.req.valid("param").id);
    return c.json(shown, 200, { "cache-control": "no-store" });
  });
  routes.openapi(newAddress, async (c) =>
    c.json(await rotateAddress(c.var.deps, actOf(c), c.req.valid("param").id), 200),
  );
  routes.openapi(listen, async (c) =>
    c.json(await listenAtEndpoint(c.var.deps, actOf(c), c.req.valid("param").id, true), 200),
  );
  routes.openapi(stopListening, async (c) =>
    c.json(await listenAtEndpoint(c.var.deps, actOf(c), c.req.valid("param").id, false), 200),
  );
  return routes;
}
