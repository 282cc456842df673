/**
 * The one place that decides who may call a route. Every route carries `requires(permission)` or `open(reason)` as its
 * first middleware; `createApp` refuses to start with a route that has neither.
 *
 * The order is: who (401), not too often (429), may they (403), then the body (400, 413, 415), then its fields (422).
 * Nothing is read of a request that is not allowed.
 */
import { AppError } from "@cronium/protocol/errors";
import type { Context, MiddlewareHandler } from "hono";
import { mayDo, type Permission } from "@cronium/protocol/access";
import { actorMay, type Actor } from "../domain/actor.ts";
import { actorOfApiKey } from "../services/api-keys.ts";
import { actorOfSession } from "../services/accounts.ts";
import { refuseMalformedKey } from "../services/idempotency.ts";
import { refuseHeldTrigger } from "../services/runs.ts";
import { takeLiveTicket } from "../services/live-tickets.ts";
import type { AppEnv } from "./context.ts";
import { refuseIfMatch } from "./if-match.ts";
import { readBody } from "./middleware/body.ts";
import { refuseUnknownQuery } from "./middleware/known-query.ts";
import { answerOnce, type Repeats } from "./middleware/repeats.ts";
import { countActor, countAddress, countFailure, refuseGuessers } from "./middleware/request-limits.ts";
import { publicOrigin, requireSameOrigin } from "./middleware/same-origin.ts";

export type Rule =
  | {
      readonly kind: "requires";
      readonly anyOf: readonly Permission[];
      readonly who: Who;
      readonly repeats: Repeats;
      readonly matches: boolean;
    }
  | { readonly kind: "open"; readonly reason: string };

/** `people`: not for API keys, whatever they may do. */
type Who = "anybody" | "people";

const rules = new WeakMap<object, Rule>();

/** The rule that a route's middleware stands for; undefined for any other handler. */
export function ruleOf(handler: object): Rule | undefined {
  return rules.get(handler);
}

interface GuardOptions {
  /** Of a POST, with an Idempotency-Key; `stored` by default, so that a new route keeps the promise by itself. */
  readonly repeats?: Repeats;
  /** The handler holds `If-Match` against the version of what it changes; elsewhere the header is refused. */
  readonly matches?: boolean;
  /** It makes a run: what is beyond the quota is refused before its body is read. */
  readonly triggers?: boolean;
}

/** Lets in whoever is signed in, or sends an API key, with this permission; sets `actor`. */
export function requires(permission: Permission, options: GuardOptions = {}): MiddlewareHandler<AppEnv> {
  return guard([permission], "anybody", options);
}

/** Lets in whoever has one of these; what the body asks for decides which, so the handler calls `refuseUnless`. */
export function requiresAny(
  permissions: readonly [Permission, ...Permission[]],
  options: GuardOptions = {},
): MiddlewareHandler<AppEnv> {
  return guard(permissions, "anybody", options);
}

/** Throws `forbidden` or `missing_scope`. */
export function refuseUnless(actor: Actor, permission: Permission): void {
  if (!actorMay(actor, permission)) {
    throw refusal(actor, permission);
  }
}

/** As `requires`, for what concerns a person's own account and sessions. */
export function requiresPerson(permission: Permission, options: GuardOptions = {}): MiddlewareHandler<AppEnv> {
  return guard([permission], "people", options);
}

function guard(
  anyOf: readonly [Permission, ...Permission[]],
  who: Who,
  { repeats = "stored", matches = false, triggers = false }: GuardOptions,
): MiddlewareHandler<AppEnv> {
  const middleware: MiddlewareHandler<AppEnv> = async (c, next) => {
    const actor = await findActor(c);
    countActor(c, actor);
    if (who === "people" && actor.kind !== "user") {
      throw new AppError("forbidden", "This is for people who are signed in, not for API keys.");
    }
    if (!anyOf.some((permission) => actorMay(actor, permission))) {
      // Of several, one that the role has is what a key's scopes lack.
      throw refusal(actor, anyOf.find((permission) => mayDo(actor.role, permission)) ?? anyOf[0]);
    }
    c.set("actor", actor);
    if (triggers) {
      await refuseHeldTrigger(c.get("deps"), actor, c.req.header("idempotency-key"));
    }
    if (!matches) {
      refuseIfMatch(c.req.method, c.req.header("if-match"));
    }
    await readBody(c);
    refuseUnknownQuery(c);
    return answerOnce(c, { repeats, who }, next);
  };
  rules.set(middleware, { kind: "requires", anyOf, who, repeats, matches });
  return middleware;
}

function refusal(actor: Actor, permission: Permission): AppError {
  return mayDo(actor.role, permission)
    ? new AppError("missing_scope", `This API key lacks the scope ${permission}.`)
    : new AppError("forbidden", `The role "${actor.role}" lacks the permission ${permission}.`);
}

interface OpenOptions {
  /** The body may also be a form, which handlers then find as a JSON object of texts. */
  readonly forms?: boolean;
  /** The body is no JSON: the handler reads it itself, after it has checked who sends it. */
  readonly raw?: boolean;
  /** For programs that come often by intention: they do not count against their address. */
  readonly frequent?: boolean;
}

/** Lets everybody in. The reason says how the route protects itself instead. */
export function open(reason: string, options: OpenOptions = {}): MiddlewareHandler<AppEnv> {
  const middleware: MiddlewareHandler<AppEnv> = async (c, next) => {
    if (options.frequent !== true) {
      await countAddress(c);
    }
    refuseIfMatch(c.req.method, c.req.header("if-match"));
    // The token, link or code in its body makes a repeat what it is; there is no caller to keep an answer for.
    refuseMalformedKey(c.req.method === "POST" ? c.req.header("idempotency-key") : undefined);
    if (options.raw !== true) {
      await readBody(c, options);
    }
    await next();
    if (c.res.status === 401 || c.res.status === 403) {
      countFailure(c);
    }
  };
  rules.set(middleware, { kind: "open", reason });
  return middleware;
}

async function findActor(c: Context<AppEnv>): Promise<Actor> {
  const deps = c.get("deps");
  const authorization = c.req.header("authorization");
  if (authorization !== undefined) {
    const key = /^Bearer ([^\s]+)$/i.exec(authorization)?.[1];
    const actor = key === undefined ? null : await actorOfApiKey(deps, key, () => refuseGuessers(c));
    if (actor === null) {
      countFailure(c);
      deps.authFailures.count("api_key");
      throw new AppError("unauthorized", "The API key in the Authorization header is not valid, expired or revoked.");
    }
    return actor;
  }
  if (c.req.header("cookie") !== undefined) {
    const actor = await actorOfSession(deps, publicOrigin(c), c.req.raw.headers);
    if (actor !== null) {
      // A cookie travels with requests that other sites cause; a bearer key does not.
      requireSameOrigin(c);
      if (c.req.header("upgrade")?.toLowerCase() === "websocket") {
        await takeLiveTicket(deps, actor, c.req.query("ticket"));
      }
      return actor;
    }
  }
  throw new AppError(
    "unauthorized",
    "This route needs a signed-in user or an API key, and the request brings neither.",
  );
}
