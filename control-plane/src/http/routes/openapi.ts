/** `GET /openapi.json`: the contract, generated from the routes that answer it. */
import { JsonValue } from "@cronium/protocol/json";
import { OpenAPIHono } from "@hono/zod-openapi";
import * as z from "zod";
import { open } from "../authorize.ts";
import type { AppEnv } from "../context.ts";
import { VERSION } from "../version.ts";

/** `app` holds every route when the document is asked for. */
export function openapiRoutes(app: OpenAPIHono<AppEnv>): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  let document: string | undefined;
  routes.get("/openapi.json", open("the contract is public"), (c) => {
    document ??= JSON.stringify(describeApi(app));
    return c.body(document, 200, { "content-type": "application/json" });
  });
  return routes;
}

// The generator would follow this recursive schema without an end.
z.globalRegistry.add(JsonValue, {
  type: ["null", "boolean", "number", "string", "array", "object"],
  description: "Any JSON value",
});

/** The OpenAPI 3.1 document. */
export function describeApi(app: OpenAPIHono<AppEnv>): object {
  app.openAPIRegistry.registerComponent("securitySchemes", "apiKey", { type: "http", scheme: "bearer" });
  return app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Cronium",
      version: VERSION,
      description: "Errors are application/problem+json; lists answer items and nextCursor.",
    },
    security: [{ apiKey: [] }],
  });
}
