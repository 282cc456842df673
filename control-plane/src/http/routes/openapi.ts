/** `GET /openapi.json`: the contract, generated from the routes that answer it. */
import { errorCodes } from "@cronium/protocol/errors";
import { JsonValue } from "@cronium/protocol/json";
import { OpenAPIHono } from "@hono/zod-openapi";
import * as z from "zod";
import { open, ruleOf } from "../authorize.ts";
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
  const document = app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Cronium",
      version: VERSION,
      description: "Errors are application/problem+json; lists answer items and nextCursor.",
      license: { name: "MIT", url: "https://spdx.org/licenses/MIT.html" },
    },
    servers: [{ url: "/" }],
    security: [{ apiKey: [] }],
  });
  const rules = new Map(
    app.routes.flatMap(({ method, path, handler }) => {
      const rule = ruleOf(handler);
      return rule === undefined ? [] : [[`${method} ${path}`, rule] as const];
    }),
  );
  for (const [path, methods] of Object.entries(document.paths ?? {})) {
    for (const [method, operation] of Object.entries(methods as Record<string, Operation>)) {
      operation.operationId ??= operationId(method, path);
      // Any request may be one too many.
      operation.responses["429"] ??= {
        description: "rate_limited",
        content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
      };
      const rule = rules.get(`${method.toUpperCase()} ${path.replaceAll(/\{(.+?)\}/g, ":$1")}`);
      if (rule?.kind === "open") {
        operation.security = [];
      } else if (method === "post" && rule?.repeats !== "none") {
        operation.parameters = [...(operation.parameters ?? []), IDEMPOTENCY_KEY];
      }
    }
  }
  nameErrorCodes(document);
  return document;
}

const IDEMPOTENCY_KEY = {
  name: "Idempotency-Key",
  in: "header",
  required: false,
  description: "For 24 hours the same key and request get the answer of the first; another request is refused (422).",
  schema: { type: "string", minLength: 1, maxLength: 255, pattern: "^[ -~]+$" },
};

interface Operation {
  parameters?: object[];
  operationId?: string;
  security?: object[];
  readonly responses: Record<string, object>;
}

/** `GET /api/v1/runs/{id}/logs` is `getRunsIdLogs`. */
function operationId(method: string, path: string): string {
  const words = path.replace(/^\/api\/v1/, "").match(/[A-Za-z0-9]+/g) ?? [];
  return method + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}

/** Schemas carry the error code of their own refusal as `code`, which is no word of JSON Schema: an extension is. */
function nameErrorCodes(node: unknown): void {
  if (typeof node !== "object" || node === null) {
    return;
  }
  const schema = node as Record<string, unknown>;
  if (typeof schema["code"] === "string" && (errorCodes as readonly string[]).includes(schema["code"])) {
    schema["x-error-code"] = schema["code"];
    delete schema["code"];
  }
  for (const child of Object.values(schema)) {
    nameErrorCodes(child);
  }
}
