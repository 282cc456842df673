/** The HTTP side of the Worker: middleware, routes under their addresses, and what happens to everything else. */
import { AppError, echo } from "@cronium/protocol/errors";
import { makeId } from "@cronium/protocol/ids";
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { routePath } from "hono/route";
import type * as z from "zod";
import type { Deps } from "../deps.ts";
import { ruleOf } from "./authorize.ts";
import type { AppEnv } from "./context.ts";
import { securityHeaders } from "./middleware/headers.ts";
import { queryNamesOf } from "./middleware/known-query.ts";
import { refuseKeyInUrl } from "./middleware/key-in-url.ts";
import { validationHook } from "./middleware/validation.ts";
import { onError, problemResponse } from "./problem.ts";
import { openapiRoutes } from "./routes/openapi.ts";
import { apiRouters, rootRouters } from "./routers.ts";

const API = "/api/v1";
const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];
/** Addresses that are never pages of the dashboard. */
const NOT_PAGES = /^\/(?:api|launcher|install|hooks|health|ready|metrics|\.well-known)(?:\/|$)/;

type App = OpenAPIHono<AppEnv>;

/** Builds the whole application. `deps` are the same for every request of an isolate. */
export function createApp(deps: Deps): App {
  const bodySchemas = new Map<string, z.core.$ZodType>();
  const queryNames = new Map<string, ReturnType<typeof queryNamesOf>>();
  const app: App = new OpenAPIHono<AppEnv>({
    defaultHook: validationHook((c) => bodySchemas.get(`${c.req.method} ${routePath(c)}`)),
  });
  app.use(async (c, next) => {
    c.set("deps", deps);
    c.set("queryNames", queryNames);
    c.set("requestId", makeId("request", deps.clock.now(), deps.ids.random(10)));
    await next();
  });
  app.use(securityHeaders);
  app.use(refuseKeyInUrl);
  app.onError(onError);
  app.notFound((c) => answerUnknown(app, c));
  for (const router of rootRouters()) {
    app.route("/", router);
  }
  for (const router of apiRouters()) {
    app.route(API, router);
  }
  app.route(API, openapiRoutes(app));
  collectSchemas(app, bodySchemas, queryNames);
  refuseRoutesWithoutRule(app);
  return app;
}

/** Every route as `METHOD path` with the rule it carries; undefined where it carries none. */
export function listRules(app: App): Map<string, ReturnType<typeof ruleOf>> {
  const found = new Map<string, ReturnType<typeof ruleOf>>();
  for (const route of app.routes) {
    if (route.method === "ALL" && route.path === "/*") {
      continue;
    }
    const name = `${route.method} ${route.path}`;
    found.set(name, found.get(name) ?? ruleOf(route.handler));
  }
  return found;
}

/** Throws, naming them, when there are routes that anybody could call by an oversight. */
export function refuseRoutesWithoutRule(app: App): void {
  const bare = [...listRules(app)].filter(([, rule]) => rule === undefined).map(([name]) => name);
  if (bare.length > 0) {
    throw new Error(`These routes have neither requires(…) nor open(…): ${bare.join(", ")}`);
  }
}

function collectSchemas(
  app: App,
  bodies: Map<string, z.core.$ZodType>,
  queries: Map<string, ReturnType<typeof queryNamesOf>>,
): void {
  for (const definition of app.openAPIRegistry.definitions) {
    if (definition.type !== "route") {
      continue;
    }
    const { method, path, request } = definition.route;
    const name = `${method.toUpperCase()} ${path.replaceAll(/\{(.+?)\}/g, ":$1")}`;
    queries.set(name, queryNamesOf(request?.query as z.core.$ZodType | undefined));
    const media = request?.body?.content["application/json"];
    if (media !== undefined && "schema" in media && "_zod" in media.schema) {
      bodies.set(name, media.schema as z.core.$ZodType);
    }
  }
}

/** 405 where the path is known, else a page of the dashboard, else 404. */
async function answerUnknown(app: App, c: Context<AppEnv>): Promise<Response> {
  const { path, method } = c.req;
  const allowed = METHODS.filter((other) =>
    app.router.match(other, path)[0].some(([[, route]]) => route.method !== "ALL"),
  );
  if (allowed.length > 0) {
    const allow = (allowed.includes("GET") ? ["HEAD", ...allowed] : allowed).join(", ");
    const error = new AppError("method_not_allowed", `${method} is not possible at ${path}; possible: ${allow}.`);
    return problemResponse(c, error, { allow });
  }
  const isPage = !NOT_PAGES.test(path) && !/\/\/|\\|%2f|%5c|%00/i.test(path);
  if (isPage && (method === "GET" || method === "HEAD")) {
    return answerFile(c);
  }
  return problemResponse(c, new AppError("not_found", `There is nothing at ${echo(path)}.`));
}

/** A file of the dashboard, or its page. Names below /assets hold a hash of their content and never change. */
async function answerFile(c: Context<AppEnv>): Promise<Response> {
  const isAsset = c.req.path.startsWith("/assets/");
  const file = await c.get("deps").assets.fetch(c.req.raw);
  const isPage = file.headers.get("content-type")?.startsWith("text/html") === true;
  if (isAsset && isPage) {
    // A page in place of a script of an older build would fail in the browser without a reason.
    return problemResponse(c, new AppError("not_found", `There is nothing at ${echo(c.req.path)}.`));
  }
  const response = new Response(file.body, file);
  response.headers.set("cache-control", isAsset ? "public, max-age=31536000, immutable" : "no-cache");
  return response;
}
